"""One target under libFuzzer, which keeps the bodies that reach code no other reached: `fuzzing.py --guided` runs it.

Python code alone is watched; what Polars, Arrow or a compression library do inside is reached by luck, as without.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

import atheris

import heimdall

_WATCHED = ("heimdall.query.languages.", "heimdall.ingest.decode.")
"""What takes texts and bodies apart; the whole of Heimdall would take a minute to instrument."""


def _unwatched() -> list[str]:
    source = Path(heimdall.__file__).parent
    files = (path.relative_to(source.parent).with_suffix("") for path in source.rglob("*.py"))
    names = (".".join(part for part in path.parts if part != "__init__") for path in files)
    return [name for name in names if not name.startswith(_WATCHED)]


with atheris.instrument_imports(include=["heimdall"], exclude=_unwatched()):
    from targets import Target, targets

from fuzzing import MAX_BODY_BYTES, Laws, told  # noqa: E402  (behind what is to be watched)


def guide(target: Target, executions: int, seed: int) -> None:
    """Ends the process: 1 when a law was broken."""
    laws = Laws(target)
    began, cpu = time.monotonic(), time.process_time()
    done = broken = 0

    def one(body: bytes) -> None:
        nonlocal done, broken
        for found in laws.broken_by([body]):
            broken += 1
            sys.stdout.write(f"{found}\n")
        done += 1
        if done == executions:
            sys.stdout.write(told(target.name, done, time.monotonic() - began, time.process_time() - cpu))
            sys.stdout.flush()
            os._exit(1 if broken else 0)  # libFuzzer would not give the process back

    with tempfile.TemporaryDirectory() as folder:
        corpus = Path(folder, "corpus")
        corpus.mkdir()
        for number, example in enumerate(target.examples):
            (corpus / str(number)).write_bytes(example)
        words = Path(folder, "words")
        words.write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
        limits = [f"-max_len={MAX_BODY_BYTES}", "-timeout=60", "-rss_limit_mb=4096", f"-artifact_prefix={folder}/"]
        atheris.Setup(["guided", f"-seed={seed}", "-verbosity=0", f"-dict={words}", *limits, str(corpus)], one)
        atheris.Fuzz()


def _escaped(word: bytes) -> str:
    """As libFuzzer's dictionaries have it."""
    return "".join(f"\\x{byte:02x}" for byte in word)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("name")
    options.add_argument("--executions", type=int, required=True)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    logging.disable(logging.CRITICAL)
    guide(next(target for target in targets() if target.name == given.name), given.executions, given.seed)


if __name__ == "__main__":
    main()
