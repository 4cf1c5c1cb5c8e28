"""Where programs lie that tests need and that are built once on a machine, and the command line that builds them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path

BUILT = Path.home() / ".cache" / "heimdall-tests"
SOURCES = Path(__file__).parent / "senders" / "clients"


def build_named(description: str | None, programs: Iterable[str], build: Callable[[str], None]) -> None:
    """Builds the programs the command line names, or all, unless they are there; says where each is."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", metavar="NAME", help=", ".join(programs))
    BUILT.mkdir(parents=True, exist_ok=True)
    for name in options.parse_args().names or programs:
        if not (BUILT / name).exists():
            build(name)
        print(BUILT / name)
