"""Links and paths that the docs name exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PAGES = sorted(
    path for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "changelog.d").glob("*.md")]
)
_LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)")
_FENCE = re.compile(r"```.*?```", re.DOTALL)
_SOURCE = re.compile(
    r"`((?:src|tests|benchmarks|web|docs|examples|changelog\.d|\.ci)/[\w./-]+"
    r"|(?:model|ingest|bus|pipeline|storage|query|api|app|heimdall)/[\w/]+\.py)`"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    broken = [target for target in _LINK.findall(text) if not (page.parent / target).exists()]
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_source_paths_named_in_prose_exist(page: Path) -> None:
    roots = (ROOT, ROOT / "src", ROOT / "src" / "heimdall")
    named = _SOURCE.findall(page.read_text(encoding="utf-8"))
    missing = [name for name in named if "<" not in name and not any((root / name).exists() for root in roots)]
    assert missing == []
