"""What can be fuzzed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass


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
