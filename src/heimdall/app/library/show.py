"""How a result looks: log lines and tables in a terminal, an accessible table in a notebook."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from rich.console import Console

from heimdall.app.cli.output import columns_of, is_record, log_line, print_rows, printable

TERMINAL_ROWS = 20
NOTEBOOK_ROWS = 50
"""Rows shown of a longer result; all of them are in it."""

_CELL_CHARACTERS = 500

_LINE_FIELDS = ("timestamp", "level", "service", "message")
"""Columns of records; the other fields open below the message."""

_LEVELS = frozenset({"trace", "debug", "info", "warn", "error", "fatal"})

Row = Mapping[str, Any]

_STYLE = """
.heimdall{--ink:#1b1f24;--dim:#57606a;--line:#d0d7de;--stripe:#f6f8fa;--trace:#57606a;--debug:#116329;--info:#0550ae;
--warn:#7d4e00;--error:#a40e26;--fatal:#8250df;color:var(--ink);font:13px/1.45 system-ui,sans-serif;overflow-x:auto}
@media (prefers-color-scheme:dark){.heimdall{--ink:#e6edf3;--dim:#9198a1;--line:#3d444d;--stripe:#1c2128;
--trace:#9198a1;--debug:#56d364;--info:#79c0ff;--warn:#e3b341;--error:#ff938a;--fatal:#d2a8ff}}
[data-jp-theme-light="true"] .heimdall,.vscode-light .heimdall{--ink:#1b1f24;--dim:#57606a;--line:#d0d7de;
--stripe:#f6f8fa;--trace:#57606a;--debug:#116329;--info:#0550ae;--warn:#7d4e00;--error:#a40e26;--fatal:#8250df}
[data-jp-theme-light="false"] .heimdall,.vscode-dark .heimdall{--ink:#e6edf3;--dim:#9198a1;--line:#3d444d;
--stripe:#1c2128;--trace:#9198a1;--debug:#56d364;--info:#79c0ff;--warn:#e3b341;--error:#ff938a;--fatal:#d2a8ff}
.heimdall table{border-collapse:collapse;margin:0;color:inherit;background:transparent}
.heimdall caption{caption-side:bottom;text-align:left;color:var(--dim);padding:6px 0}
.heimdall th,.heimdall td{text-align:left;vertical-align:top;padding:3px 10px 3px 0;border:0;
border-bottom:1px solid var(--line);color:inherit;background:transparent}
.heimdall thead th{font-weight:600;border-bottom-width:2px}
.heimdall tbody tr:hover>*{background:var(--stripe)}
.heimdall td.n,.heimdall th.n{text-align:right;font-variant-numeric:tabular-nums}
.heimdall td.t{white-space:nowrap;color:var(--dim);font-variant-numeric:tabular-nums}
.heimdall td.m{font-family:ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere}
.heimdall .level{font-weight:600}
.heimdall summary{cursor:pointer}
.heimdall dl{display:grid;grid-template-columns:max-content 1fr;gap:0 12px;margin:4px 0}
.heimdall dt{color:var(--dim)}.heimdall dd{margin:0}
"""


def as_text(rows: Sequence[Row], status: str) -> str:
    """For `repr`: the first rows without colour, and what is true of the whole."""
    target = io.StringIO()
    console = Console(file=target, highlight=False, soft_wrap=True, no_color=True, width=160, legacy_windows=False)
    if rows and all(map(is_record, rows)):
        for row in rows:
            console.print(log_line(row))
    else:
        print_rows(rows, console)
    console.print(status)
    return target.getvalue().rstrip("\n")


def as_html(rows: Sequence[Row], status: str) -> str:
    """For notebooks: one table with column headers and a caption, in the colours of a light or a dark page.

    Everything that came from a log is escaped. Levels are told by their name, not by colour alone.
    """
    records = bool(rows) and all(map(is_record, rows))
    columns = columns_of(rows)
    if records:
        columns = [name for name in _LINE_FIELDS if name in columns]
    numeric = {name for name in columns if all(_is_number(row.get(name)) for row in rows)}
    head = "".join(f'<th scope="col"{_class("n" if name in numeric else "")}>{_text(name)}</th>' for name in columns)
    body = "".join(
        f"<tr>{''.join(_cell(row, name, records, name in numeric) for name in columns)}</tr>" for row in rows
    )
    return (
        f'<div class="heimdall"><style>{_STYLE}</style><table><caption>{_text(status)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cell(row: Row, name: str, records: bool, numeric: bool) -> str:
    value = row.get(name)
    if records and name == "timestamp":
        return f'<td class="t"><time datetime="{_text(value)}">{_text(str(value)[:23].replace("T", " "))}</time></td>'
    if name == "level" and value in _LEVELS:
        return f'<td><span class="level" style="color:var(--{value})">{value}</span></td>'
    if records and name == "message":
        return f'<td class="m">{_message(row)}</td>'
    if isinstance(value, float):
        value = f"{value:.6g}"
    return f"<td{_class('n' if numeric else '')}>{_text('' if value is None else value)}</td>"


def _message(row: Row) -> str:
    rest = {name: value for name, value in row.items() if name not in _LINE_FIELDS}
    if not rest:
        return _text(row["message"])
    fields = "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in rest.items())
    return f"<details><summary>{_text(row['message'])}</summary><dl>{fields}</dl></details>"


def _text(value: object) -> str:
    text = str(value)
    cut = text if len(text) <= _CELL_CHARACTERS else f"{text[:_CELL_CHARACTERS]}…"
    return escape(printable(cut).replace("\\x0a", "\n"))


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
