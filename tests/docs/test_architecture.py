"""The architecture page names every package there is, in the order of the road."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_package_stands_on_the_page() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    packages = [path.name for path in (ROOT / "src" / "heimdall").iterdir() if (path / "__init__.py").exists()]
    assert [name for name in packages if f"{name}/" not in page] == []


def test_every_decision_is_listed() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text(encoding="utf-8")
    pages = sorted(path.name for path in folder.glob("[0-9]*.md"))
    assert [name for name in pages if f"({name})" not in index] == []
    assert [int(name[:4]) for name in pages] == list(range(1, len(pages) + 1))
