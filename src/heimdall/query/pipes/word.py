"""What the word behind a bar is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from heimdall.query.ast import Pipe
from heimdall.query.languages.cursor import Cursor


@dataclass(frozen=True, slots=True)
class PipeWord:
    """How a pipe is written. `parse` is called behind the name and stops before the next bar."""

    name: str
    syntax: str
    doc: str
    example: str
    parse: Callable[[Cursor], Pipe]
