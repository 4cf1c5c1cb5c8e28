"""The storage page names what the layout has."""

from __future__ import annotations

from pathlib import Path

from heimdall.storage.engines.clickhouse import engine, layout
from heimdall.storage.engines.clickhouse.origins import Origins
from heimdall.storage.opening import SCHEMES

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "storage.md").read_text(encoding="utf-8")


def test_every_index_and_url_scheme_is_on_the_page() -> None:
    named = [index.name for index in layout.INDEXES] + [f"{scheme}://" for scheme in SCHEMES]
    assert [name for name in named if f"`{name}" not in PAGE] == []


def test_numbers_on_the_page_are_those_of_the_code() -> None:
    for number in (
        f"{layout.TABLE_SETTINGS['index_granularity']:,}",
        f"{layout.NEAR_DAYS} days",
        f"{engine.LARGE_APPEND_ROWS:,}",
        f"first {Origins.UNSURE_APPENDS} appends",
        f"{engine.MAX_RESULT_BYTES >> 20} MiB",
    ):
        assert number in PAGE, number
