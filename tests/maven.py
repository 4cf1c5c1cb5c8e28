"""Jars of Maven Central for tests, each program's in a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from installing import one_at_a_time

_CACHE = Path.home() / ".cache" / "heimdall-tests"
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>heimdall</groupId><artifactId>tests</artifactId><version>1</version><dependencies>{}</dependencies></project>
"""
_DEPENDENCY = "<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version></dependency>"
_WITHIN_S = 300


def class_path(name: str, *artifacts: str) -> str:
    """Of `artifacts` (`group:artifact:version`) and all they need, in the folder `name`.

    Skips the test, naming what is missing, when they cannot be had.
    """
    if shutil.which("java") is None:
        pytest.skip(f"{name} needs Java (apt-get install default-jdk-headless)")
    folder = _CACHE / name
    with one_at_a_time(f"maven-{name}"):
        if not (folder / "complete").exists():
            _fetch(name, folder, artifacts)
    return f"{folder}/*"


def _fetch(name: str, folder: Path, artifacts: tuple[str, ...]) -> None:
    if shutil.which("mvn") is None:
        pytest.skip(f"{name} comes from Maven Central, and there is no mvn (apt-get install maven)")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "pom.xml").write_text(_POM.format("".join(_DEPENDENCY.format(*each.split(":")) for each in artifacts)))
    copy = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}")
    try:
        done = subprocess.run(["mvn", "-q", "-B", *copy], cwd=folder, capture_output=True, text=True, timeout=_WITHIN_S)
    except subprocess.TimeoutExpired:
        pytest.skip(f"Maven Central did not give {name} in {_WITHIN_S} s")
    if done.returncode:
        pytest.skip(f"{name} cannot be had from Maven Central: {done.stdout[-300:]}")
    (folder / "complete").touch()
