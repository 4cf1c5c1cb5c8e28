"""Generated pages are what the code says, and hand-written ones name what the code has."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_reference", ROOT / "docs" / "generate_reference.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_generated_pages_are_up_to_date() -> None:
    """In a process of its own: a command's help keeps the options of whoever asked for it first."""
    check = [sys.executable, str(ROOT / "docs" / "generate_reference.py"), "--check"]
    done = subprocess.run(check, capture_output=True, text=True, timeout=120)  # noqa: S603
    assert done.returncode == 0, done.stderr


def test_every_setting_says_what_it_means(generator: ModuleType) -> None:
    silent = [setting.name for setting in generator.settings_of(generator.NodeConfig) if len(setting.meaning) < 15]
    assert silent == []


def test_every_metric_has_a_unit_and_a_meaning(generator: ModuleType) -> None:
    found = list(generator.metrics())
    assert len(found) >= 15
    assert len({metric.name for metric in found}) == len(found)
    assert all(len(metric.meaning) > 10 and metric.meaning.endswith(".") for metric in found)
    assert all(re.fullmatch(r"heimdall_[a-z0-9_]+", metric.name) for metric in found)
