"""How results look in a terminal and in a notebook."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pyarrow as pa
import pytest

from heimdall.app.library.backend import Facts
from heimdall.app.library.result import Result
from heimdall.app.library.show import as_html

RECORD = {
    "id": "01a21ca9-c9b8-7000-8000-000000000490",
    "timestamp": "2026-11-22T10:15:30.123456789Z",
    "level": "error",
    "service": "payment",
    "message": "card declined",
}


class Elements(HTMLParser):
    """Start tags and text outside the style sheet."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags[-1][0] != "style":
            self.text += data


def test_records_are_a_table_with_headers_a_caption_and_levels_by_name() -> None:
    page = Elements(as_html([RECORD | {"trace_id": "ab12"}], "1 row · exact"))
    headers = [attributes for tag, attributes in page.tags if tag == "th"]
    assert len(headers) == 4
    assert all(attributes["scope"] == "col" for attributes in headers)
    assert [tag for tag, _ in page.tags].count("caption") == 1
    assert ("time", {"datetime": RECORD["timestamp"]}) in page.tags
    assert "error" in page.text
    assert "1 row · exact" in page.text
    assert "trace_idab12" in page.text  # below the message, opened by keyboard: a <details>
    assert "summary" in [tag for tag, _ in page.tags]


@pytest.mark.parametrize("place", ["message", "service", "field", "level"])
def test_nothing_a_log_says_becomes_markup(place: str) -> None:
    hostile = '<script>alert(1)</script><img src=x onerror="alert(1)">" style="x'
    page = Elements(as_html([RECORD | {place: hostile}, {**RECORD, hostile: 1}], hostile))
    assert {tag for tag, _ in page.tags} <= {
        "div", "style", "table", "caption", "thead", "tr", "th", "tbody", "td", "time", "span", "details", "summary",
        "dl", "dt", "dd",
    }  # fmt: skip


def test_control_characters_do_not_reach_the_page_or_the_terminal() -> None:
    result = Result(pa.table({"n": ["\x1b[31mred\x07"]}), Facts())
    assert "\x1b" not in result._repr_html_() + repr(result)


def contrast(one: str, other: str) -> float:
    def light(color: str) -> float:
        parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_colour_of_text_can_be_read_on_its_page() -> None:
    """WCAG AA: 4.5 on the page itself and on a row that is pointed at."""
    html = as_html([RECORD], "")
    themes = [dict(re.findall(r"--(\w+):(#[0-9a-f]{6})", rule)) for rule in html.split("}")]
    themes = [theme for theme in themes if "ink" in theme]
    assert len(themes) == 4
    for number, theme in enumerate(themes):
        page = ("#ffffff", "#0d1117", "#ffffff", "#111111")[number]
        for name in ("ink", "dim", "trace", "debug", "info", "warn", "error", "fatal"):
            assert min(contrast(theme[name], page), contrast(theme[name], theme["stripe"])) >= 4.5, name


def test_a_terminal_shows_log_lines_and_what_is_true_of_all() -> None:
    rows = pa.table({name: [value] * 30 for name, value in RECORD.items()})
    lines = repr(Result(rows, Facts(scanned_rows=1234, took_ms=5.4, next="more"))).splitlines()
    assert lines[0] == "2026-11-22 10:15:30.123 ERROR payment card declined"
    assert lines[20:] == ["30 rows, the first 20 shown, there are more · exact · 1,234 scanned · 5 ms"]


def test_groups_are_a_table_in_the_terminal() -> None:
    text = repr(Result(pa.table({"service": ["cart", "auth"], "n": [10, 2]}), Facts()))
    assert text.splitlines()[:3] == ["service   n", "cart     10", "auth      2"]


def test_columns_that_were_chosen_are_shown_and_no_others() -> None:
    chosen = {"timestamp": RECORD["timestamp"], "message": "card declined", "http.status_code": 402}
    rows = Result(pa.table({name: [value] for name, value in chosen.items()}), Facts())
    assert repr(rows).splitlines()[:2] == [
        "timestamp                      message        http.status_code",
        "2026-11-22 10:15:30.123456789  card declined               402",
    ]
    assert "402" in Elements(rows._repr_html_()).text


def test_an_empty_result_says_so() -> None:
    result = Result(pa.table({"n": pa.array([], pa.int64())}), Facts())
    assert repr(result).startswith("0 rows")
    assert "0 rows" in result._repr_html_()
