"""What can be fuzzed."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from heimdall.errors import HeimdallError
from heimdall.ingest.decode.decoded import Together


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    run: Callable[[Sequence[bytes]], object]
    """Takes up to `at_once` bodies; raises nothing but `HeimdallError`."""
    examples: tuple[bytes, ...]
    at_once: int = 1
    words: tuple[bytes, ...] = ()
    """What a mutation writes into a body, beside what is odd anywhere."""
    spoil: Callable[[random.Random, bytes], bytes] | None = None
    """A mutation that keeps the form of a body, where a blind one seldom would; every second one is."""


def apart(read: Callable[[bytes], object]) -> Callable[[Sequence[bytes]], object]:
    """For what reads one body at a time."""
    return lambda bodies: [read(body) for body in bodies]


def jointly(
    read: Callable[[list[bytes]], Together[Any]], alone: Callable[[bytes], object]
) -> Callable[[Sequence[bytes]], object]:
    """For what reads small bodies together, as `heimdall.ingest.sources.http.coalesce` has them read: those that are
    left, or keep the others from being read, alone. A body that is refused is so for itself."""

    def run(bodies: Sequence[bytes]) -> None:
        if len(bodies) == 1:
            with contextlib.suppress(HeimdallError):
                alone(bodies[0])
            return
        try:
            parts = read(list(bodies)).parts
        except HeimdallError:
            middle = len(bodies) // 2
            run(bodies[:middle])
            run(bodies[middle:])
            return
        for body, part in zip(bodies, parts, strict=True):
            if part is None:
                run((body,))

    return run
