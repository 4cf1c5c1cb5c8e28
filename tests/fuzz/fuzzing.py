"""Every decoder under mutated input: nothing crashes, nothing hangs, memory does not grow.

    python tests/fuzz/fuzzing.py [--executions 1000000] [--seed 1] [decoder …]

An execution is one body. What breaks a law is printed, with the body in Base64, and ends the run with exit code 1.
Bodies begin as what senders send; one in two is a mutation of an earlier one that was read without complaint.
"""

from __future__ import annotations

import argparse
import base64
import faulthandler
import gc
import logging
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
from targets import Target, targets

from heimdall.errors import HeimdallError

MAX_CPU_S = 1.0
"""Of one body: CPU, not time, which on a busy machine says nothing."""
MAX_GROWTH_BYTES = 64 << 20
"""Resident memory from a tenth of the executions on."""
MAX_BODY_BYTES = 4096
_HANGS_AFTER_S = 600
_WATCHED = 64
"""Bodies the watchdog is set for at a time: it starts a thread."""
_KEPT = 64
_ODD = (
    b"\0", b"\xff", b"\xff" * 10, b"\x80" * 12, b'"', b"\\", b"{", b"[" * 64, b"{" * 64, b"\n", b"\r\n", b"=", b"|",
    b"9" * 40, b"-1", b"1e999", b"null", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"\\u0000", b"\\ud800",
    b"2026-11-22T10:00:00Z", b"%s%n", b"\x1f\x8b", b"\x28\xb5\x2f\xfd",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Broken:
    law: str
    body: bytes

    def __str__(self) -> str:
        return f"{self.law}\n  body: {base64.b64encode(self.body).decode()}"


def fuzz(target: Target, executions: int, seed: int) -> Iterator[Broken]:
    """Yields what broke a law, at most one of a kind of error."""
    chance = random.Random(f"{seed} {target.name}")
    kept = list(target.examples)
    seen: set[str] = set()
    process = psutil.Process()
    before = 0
    for number in range(executions):
        body = target.examples[number] if number < len(target.examples) else _mutated(chance, kept, target.examples)
        if number % _WATCHED == 0:
            faulthandler.dump_traceback_later(_HANGS_AFTER_S, exit=True)
        began = time.process_time()
        try:
            target.run(body)
        except HeimdallError:
            pass
        except BaseException as exc:  # a panic of a driver is no Exception
            if isinstance(exc, KeyboardInterrupt):
                raise
            kind = f"{type(exc).__name__}: {str(exc)[:60]}"
            if kind not in seen:
                seen.add(kind)
                yield Broken(f"{target.name} raised {kind}", body)
        else:
            if chance.random() < 0.02:
                kept[chance.randrange(len(kept)) if len(kept) >= _KEPT else slice(len(kept), None)] = (  # type: ignore[index]
                    body if len(kept) >= _KEPT else [body]
                )
        if time.process_time() - began > MAX_CPU_S and "slow" not in seen:
            seen.add("slow")
            yield Broken(f"{target.name} took {time.process_time() - began:.1f} s of CPU", body)
        if number == executions // 10:
            gc.collect()
            before = process.memory_info().rss
    faulthandler.cancel_dump_traceback_later()
    gc.collect()
    growth = process.memory_info().rss - before
    if growth > MAX_GROWTH_BYTES:
        yield Broken(f"{target.name} grew by {growth >> 20} MiB", b"")


def _mutated(chance: random.Random, kept: list[bytes], examples: tuple[bytes, ...]) -> bytes:
    body = bytearray(chance.choice(kept) if chance.random() < 0.5 else chance.choice(examples))
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        place, end = sorted(chance.randrange(len(body) + 1) for _ in range(2))
        match chance.randrange(7):
            case 0 if place < len(body):
                body[place] ^= 1 << chance.randrange(8)
            case 1 if place < len(body):
                body[place] = chance.randrange(256)
            case 2:
                body[place:place] = chance.choice(_ODD)
            case 3:
                del body[place : min(end, place + 16)]
            case 4:
                body[place:place] = body[place:end]
            case 5:
                other = chance.choice(kept)
                body[place:] = other[chance.randrange(len(other) + 1) :]
            case _:
                body[place : min(end, place + 8)] = chance.choice(_ODD)
    return bytes(body[:MAX_BODY_BYTES])


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("decoders", nargs="*", help="all by default")
    options.add_argument("--executions", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    logging.disable(logging.CRITICAL)
    broken = 0
    for target in targets():
        if given.decoders and target.name not in given.decoders:
            continue
        began, cpu = time.monotonic(), time.process_time()
        for found in fuzz(target, given.executions, given.seed):
            broken += 1
            sys.stdout.write(f"{found}\n")
        cost = (time.process_time() - cpu) / given.executions * 1e6
        sys.stdout.write(
            f"{target.name:16}{given.executions:>10,} bodies{time.monotonic() - began:>8.0f} s{cost:>8.0f} µs\n"
        )
        sys.stdout.flush()
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
