"""How rows look in a terminal: log lines as lines, aggregates as a table; colour only where someone looks."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

LEVEL_STYLES = {
    "fatal": "bold magenta",
    "error": "bold red",
    "warn": "yellow",
    "info": "blue",
    "debug": "green",
    "trace": "bright_black",
    "unset": "bright_black",
}

_CONTROL = {code: f"\\x{code:02x}" for code in (*range(9), *range(11, 32), 127, *range(128, 160))}


_PIPE_WIDTH = 1 << 16
"""Columns of what is no terminal: a program reads a row as one line, however long."""

_WHOLE_CELLS = 26
"""Columns up to this wide are not folded: ids, times, numbers and names are of use only whole."""

_TIME = re.compile(r"(\d{4}-\d{2}-\d{2})T(\d{2}:\d{2}:\d{2})(?:(\.\d*[1-9])0*|\.0+)?Z")


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Not rich's exit with 1: `main` knows that a reader which has enough is no failure."""
        raise BrokenPipeError


def console(*, stderr: bool = False) -> Console:
    """A console that wraps nothing and colours nothing when it is not a terminal."""
    terminal = (sys.stderr if stderr else sys.stdout).isatty()
    width = None if terminal else _PIPE_WIDTH
    return _Console(
        stderr=stderr, width=width, highlight=False, soft_wrap=True, no_color=not terminal, legacy_windows=False
    )


def printable(text: str) -> str:
    """`text` with control characters spelled out: a log line must not drive the reader's terminal."""
    return text.translate(_CONTROL)


def is_record(row: Mapping[str, Any]) -> bool:
    """A whole record; one of which `| fields` chose columns is a row of a table, for they are what was asked for."""
    return "id" in row and "timestamp" in row and "message" in row


def log_line(row: Mapping[str, Any]) -> Text:
    """`time LEVEL service message`, as one line or as many as the message has."""
    level = str(row.get("level", "unset"))
    line = Text(str(row["timestamp"])[:23].replace("T", " "), style="bright_black")
    line.append(f" {level.upper():<5} ", style=LEVEL_STYLES.get(level, ""))
    if row.get("service"):
        line.append(f"{printable(str(row['service']))} ", style="cyan")
    line.append(printable(str(row["message"])))
    return line


def print_rows(rows: Sequence[Mapping[str, Any]], target: Console) -> None:
    """Records as log lines (oldest last, as they came), anything else as a table."""
    if rows and all(is_record(row) for row in rows):
        for row in rows:
            target.print(log_line(row))
    elif rows:
        target.print(table(rows))


def table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None) -> Table:
    """A plain table; numbers stand right."""
    rows = list(rows)
    columns = columns or columns_of(rows)
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in columns:
        numeric = all(isinstance(row.get(name), int | float | None) for row in rows)
        cells = [_cell(row.get(name)) for row in rows]
        whole = max([len(name), *(cell.cell_len for cell in cells)]) <= _WHOLE_CELLS
        grid.add_column(name, justify="right" if numeric else "left", overflow="fold", no_wrap=whole)
    for row in rows:
        grid.add_row(*(_cell(row.get(name)) for name in columns))
    return grid


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Names in the order the answer has them, though every row leaves out those that are missing in it."""
    columns: list[str] = []
    for names in dict.fromkeys(tuple(row) for row in rows):
        place = 0
        for name in names:
            if name not in columns:
                columns.insert(place, name)
            place = columns.index(name) + 1
    return columns


def _cell(value: object) -> Text:
    if value is None:
        return Text("")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, float):
        return Text(f"{value:.6g}")
    text = str(value)
    time = _TIME.fullmatch(text)
    return Text(f"{time[1]} {time[2]}{time[3] or ''}" if time else printable(text))
