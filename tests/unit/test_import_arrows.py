"""Who may import whom: the arrows of the architecture, read off the source itself."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "heimdall"

GROUND = {"model", "errors", "clock", "plugins", "sqlite", "columns", "durable"}
"""Imports only itself; everybody may import it."""

ARROWS: dict[str, set[str]] = {
    "ingest": {"bus", "security"},
    "pipeline": {"bus", "storage", "insight"},
    "query": {"storage"},
    "insight": {"query"},
    "alerting": {"insight"},
    "workspace": set(),
    "api": {"workspace", "alerting", "security"},
    "operations": {"query", "storage", "bus"},
    "bus": set(),
    "storage": set(),
    "security": set(),
}
"""Drawn arrows; whoever may import a package may also import what that package may import."""


@cache
def trees() -> dict[Path, ast.Module]:
    """Of every module, read when a test asks: whoever only collects tests need not wait for it."""
    gc.disable()  # to look through what is made for garbage takes longer than to make it
    try:
        return {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCE.rglob("*.py")}
    finally:
        gc.enable()


def reachable(package: str) -> set[str]:
    found: set[str] = set()
    to_do = [package]
    while to_do:
        for target in ARROWS[to_do.pop()] - found:
            found.add(target)
            to_do.append(target)
    return found


def imports_of(path: Path) -> Iterator[str]:
    """Full names of Heimdall modules a file imports, wherever in the file it does so."""
    for node in ast.walk(trees()[path]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "heimdall")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where a name comes from"
            if node.module == "heimdall":
                yield from (f"heimdall.{alias.name}" for alias in node.names)
            elif node.module and node.module.startswith("heimdall."):
                yield node.module


@cache
def edges() -> set[tuple[str, str, str]]:
    """(importing package, imported package, file)."""
    found = set()
    for path in trees():
        relative = path.relative_to(SOURCE)
        importer = relative.parts[0].removesuffix(".py")
        for name in imports_of(path):
            imported = name.split(".")[1]
            # `python -m heimdall` is the command line by another name.
            if imported.startswith("__") or imported == importer or importer == "__main__":
                continue
            found.add((importer, imported, str(relative)))
    return found


def test_nothing_imports_app() -> None:
    # `import heimdall` lends the library's names, on first use.
    wrong = [(importer, file) for importer, imported, file in edges() if imported == "app" and importer != "__init__"]
    assert wrong == []


def test_the_ground_floor_imports_only_itself() -> None:
    assert [edge for edge in edges() if edge[0] in GROUND and edge[1] not in GROUND] == []


def test_every_import_follows_an_arrow() -> None:
    wrong = [
        f"{file} imports {imported}"
        for importer, imported, file in sorted(edges())
        if importer not in GROUND | {"app", "__init__"} and imported not in GROUND | reachable(importer)
    ]
    assert wrong == []


def test_every_package_is_in_the_picture() -> None:
    packages = {path.name for path in SOURCE.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert packages <= ARROWS.keys() | GROUND | {"app"}


def test_the_arrows_themselves_have_no_cycle() -> None:
    assert [package for package in ARROWS if package in reachable(package)] == []


@pytest.mark.parametrize("word", ["utils", "util", "common", "helpers", "core", "misc"])
def test_no_module_is_named_after_nothing(word: str) -> None:
    assert list(SOURCE.rglob(f"{word}.py")) + list(SOURCE.rglob(word)) == []


def test_only_app_reads_the_environment() -> None:
    readers = []
    for path, tree in trees().items():
        if path.relative_to(SOURCE).parts[0] == "app":
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv"):
                readers.append(f"{path.relative_to(SOURCE)}:{node.lineno}")
    assert readers == []


def name_of(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> dict[str, Path]:
    return {name_of(path): path for path in trees()}


def loads(path: Path) -> set[str]:
    """Heimdall modules that loading a file loads, with the packages around them; not those the file lies in."""
    found: set[str] = set()
    for node in trees()[path].body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    around = {".".join(name.split(".")[:end]) for name in found for end in range(1, name.count(".") + 2)}
    own = name_of(path)
    return {name for name in around & modules().keys() if not f"{own}.".startswith(f"{name}.")}


def test_no_module_needs_itself_to_load() -> None:
    # Which of two that load each other fails depends on who is asked for first, and a node loads some in threads.
    graph = {name: loads(path) for name, path in modules().items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as exc:
        pytest.fail(" → ".join(exc.args[1]))
