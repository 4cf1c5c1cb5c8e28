"""Single lines with a fixed moment, and routines that run only for a while: what the plan adds to the everyday."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from heimdall.app.demo.lines import Routine, announce
from heimdall.app.demo.rhythm import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    service: str
    rank: int
    time_ns: int
    level: str
    logger: str
    message: str
    stack: str = ""
    blame: int = 0


@dataclass(frozen=True, slots=True)
class Episode:
    """A routine that begins and ends with an incident."""

    service: str
    routine: Routine
    start_ns: int
    end_ns: int
    blame: int

    def within(self, window: Window) -> Window | None:
        start, end = max(window.start_ns, self.start_ns), min(window.end_ns, self.end_ns)
        return Window(start, end) if start < end else None


def render_saying(saying: Saying) -> pl.DataFrame:
    return announce(
        service=saying.service, level=saying.level, logger=saying.logger, message=_literal(saying.message),
        times_ns=np.array([saying.time_ns]), ranks=np.array([saying.rank]), blame=np.array([saying.blame]),
        stack=_literal(saying.stack),
    )  # fmt: skip


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
