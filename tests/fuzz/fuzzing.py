"""Every decoder and every reader of questions under mutated input: nothing crashes, hangs, or keeps memory.

    python tests/fuzz/fuzzing.py [--executions 1000000] [--seed 1] [--guided] [name …]

An execution is one body. What breaks a law is printed, with the body in Base64, and ends the run with exit code 1.
Bodies begin as what senders send; one in two is a mutation of an earlier one that was read without complaint. Where a
decoder takes many messages at a time it gets many bodies in one call; what a call breaks is looked for in its halves,
down to the body. `--guided`: libFuzzer chooses the bodies by what they reach (`guided.py`), one a call.
"""

from __future__ import annotations

import argparse
import base64
import faulthandler
import gc
import logging
import random
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))  # the questions that properties make up

from targets import Target, targets  # noqa: E402

from heimdall.errors import HeimdallError

MAX_CPU_S = 1.0
"""Of one call: CPU, not time, which on a busy machine says nothing."""
MAX_PEAK_BYTES = 256 << 20
"""More resident memory than ever before, by one call; a body has at most 4 KiB."""
MAX_GROWTH_BYTES = 64 << 20
"""Resident memory from a tenth of the executions on."""
MAX_BODY_BYTES = 4096
_HANGS_AFTER_S = 600
_WATCHED = 1024
"""Bodies the watchdog is set for at a time: it starts a thread."""
_MEASURED = 1000
"""Executions that are worth two collections of garbage."""
_KEPT = 64
_MUTATIONS = (1, 1, 2, 4, 8)
_FEW_MUTATIONS = (1, 1, 1, 2, 3)
"""Of a text of words, which is soon no sentence any more."""
_ODD = (
    b"\0", b"\xff", b"\xff" * 10, b"\x80" * 12, b'"', b"\\", b"{", b"[" * 64, b"{" * 64, b"\n", b"\r\n", b"=", b"|",
    b"9" * 40, b"-1", b"1e999", b"null", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\\u0000", b"\\ud800",
    b"2026-11-22T10:00:00Z", b"%s%n", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", "é".encode(), "\U0001f512".encode(),
)  # fmt: skip
_PEAK_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True, slots=True)
class Broken:
    law: str
    bodies: tuple[bytes, ...]
    """One, unless only several in one call break it."""

    def __str__(self) -> str:
        return "\n  body: ".join([self.law, *(base64.b64encode(body).decode() for body in self.bodies)])


class Laws:
    """Runs a target, and tells what breaks a law: each kind of error once."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._told: set[str] = set()
        self.refused = False
        """The last call ended in an error that names what is wrong with its body."""

    def broken_by(self, bodies: Sequence[bytes]) -> Iterator[Broken]:
        law = self._broken(bodies)
        kind = law.partition(" took")[0]
        if not law and not self.refused or kind in self._told:
            return
        if len(bodies) > 1:
            # one that is refused takes the others of its call with it; each is to be read
            middle = len(bodies) // 2
            found = [*self.broken_by(bodies[:middle]), *self.broken_by(bodies[middle:])]
            self.refused = True
            yield from found
            if found:
                return
        if law:
            self._told.add(kind)
            yield Broken(law, self._fewest(tuple(bodies), kind))

    def _fewest(self, bodies: tuple[bytes, ...], kind: str) -> tuple[bytes, ...]:
        """Of bodies that break a law together, those without which they would not: a part at a time is left out."""
        size = len(bodies) // 2
        while size:
            for place in range(len(bodies) - size, -1, -size):
                fewer = bodies[:place] + bodies[place + size :]
                if fewer and self._broken(fewer).partition(" took")[0] == kind:
                    bodies = fewer
            size //= 2
        return bodies

    def _broken(self, bodies: Sequence[bytes]) -> str:
        """The law that is broken, or nothing."""
        peak = _peak_bytes()
        error, cpu_s = self._run(bodies)
        if not error and cpu_s > MAX_CPU_S:
            error, cpu_s = self._run(bodies)  # the first call compiles and imports
        if error:
            return error
        if cpu_s > MAX_CPU_S:
            return f"{self._target.name} took {cpu_s:.1f} s of CPU"
        grown = _peak_bytes() - peak
        return f"{self._target.name} took {grown >> 20} MiB at once" if grown > MAX_PEAK_BYTES else ""

    def _run(self, bodies: Sequence[bytes]) -> tuple[str, float]:
        self.refused = False
        began = time.process_time()
        error = ""
        try:
            self._target.run(bodies)
        except HeimdallError:
            self.refused = True
        except KeyboardInterrupt:
            raise
        except BaseException as exc:  # a panic of a driver is no Exception
            error = f"{self._target.name} raised {type(exc).__name__}: {str(exc)[:60]}"
        return error, time.process_time() - began


def fuzz(target: Target, executions: int, seed: int) -> Iterator[Broken]:
    """Yields what broke a law, at most one of a kind of error."""
    chance = random.Random(f"{seed} {target.name}")
    laws = Laws(target)
    kept = list(target.examples)
    process = psutil.Process()
    before = 0
    calls = done = 0
    while done < executions:
        bodies = list(target.examples[done : done + target.at_once])
        most = min(target.at_once, executions - done)
        bodies += [_mutated(chance, kept, target) for _ in range(most - len(bodies))]
        if calls % max(1, _WATCHED // target.at_once) == 0:
            faulthandler.dump_traceback_later(_HANGS_AFTER_S, exit=True)
        found = list(laws.broken_by(bodies))
        yield from found
        if not found and not laws.refused:
            for body in bodies:
                if chance.random() < 0.02:
                    _keep(chance, kept, body)
        calls += 1
        done += len(bodies)
        if not before and done >= executions // 10 and executions >= _MEASURED:
            gc.collect()
            before = process.memory_info().rss
    faulthandler.cancel_dump_traceback_later()
    if not before:
        return
    gc.collect()
    growth = process.memory_info().rss - before
    if growth > MAX_GROWTH_BYTES:
        yield Broken(f"{target.name} grew by {growth >> 20} MiB", ())


def _keep(chance: random.Random, kept: list[bytes], body: bytes) -> None:
    if len(kept) < _KEPT:
        kept.append(body)
    else:
        kept[chance.randrange(_KEPT)] = body


def _mutated(chance: random.Random, kept: list[bytes], target: Target) -> bytes:
    random_ = chance.random

    def one(of: Sequence[Any]) -> Any:
        return of[int(random_() * len(of))]  # a third of what `choice` costs

    chosen = one(kept) if random_() < 0.5 else one(target.examples)
    if target.spoil is not None and random_() < 0.5:
        return target.spoil(chance, chosen)
    body = bytearray(chosen)
    pieces = target.words if target.words and random_() < 0.8 else _ODD
    for _ in range(one(_MUTATIONS if not target.words else _FEW_MUTATIONS)):
        place, end = sorted((int(random_() * (len(body) + 1)), int(random_() * (len(body) + 1))))
        match int(random_() * 7):
            case 0 if place < len(body) and not target.words:
                body[place] ^= 1 << int(random_() * 8)
            case 1 if place < len(body) and not target.words:
                body[place] = int(random_() * 256)
            case 2:
                body[place:place] = one(pieces)
            case 3:
                del body[place : min(end, place + 16)]
            case 4:
                body[place:place] = body[place:end]
            case 5:
                other = one(kept)
                body[place:] = other[int(random_() * (len(other) + 1)) :]
            case _:
                body[place : min(end, place + 8)] = one(pieces)
    return bytes(body[:MAX_BODY_BYTES])


def _peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _PEAK_UNIT


def told(name: str, executions: int, time_s: float, cpu_s: float) -> str:
    """A row of the table."""
    return f"{name:16}{executions:>10,} bodies{time_s:>8.0f} s{cpu_s / executions * 1e6:>8.0f} µs\n"


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", metavar="name", help="all by default")
    options.add_argument("--executions", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--guided", action="store_true", help="needs the dependency group `fuzz`")
    given = options.parse_args()
    known = {target.name: target for target in targets()}
    if unknown := [name for name in given.names if name not in known]:
        options.error(f"there is no {', '.join(unknown)}; there are {', '.join(known)}")
    logging.disable(logging.CRITICAL)
    broken = 0
    for name in given.names or known:
        if given.guided:
            asked = [name, "--executions", str(given.executions), "--seed", str(given.seed)]
            broken += subprocess.run([sys.executable, Path(__file__).with_name("guided.py"), *asked]).returncode
            continue
        began, cpu = time.monotonic(), time.process_time()
        for found in fuzz(known[name], given.executions, given.seed):
            broken += 1
            sys.stdout.write(f"{found}\n")
        sys.stdout.write(told(name, given.executions, time.monotonic() - began, time.process_time() - cpu))
        sys.stdout.flush()
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
