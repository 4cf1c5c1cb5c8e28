"""From a URL to the bus it names."""

from __future__ import annotations

import difflib
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from heimdall.bus.buses.journal import Journal, JournalConfig
from heimdall.bus.buses.memory import MemoryBus
from heimdall.bus.port import Bus
from heimdall.clock import Clock
from heimdall.errors import Misconfigured

SCHEMES = ("journal", "memory")


def open_bus(url: str, clock: Clock, *, default_directory: Path, journal: JournalConfig) -> Bus:
    """Open the bus a URL names: `journal://` (in `default_directory`), `journal:///directory` or `memory://`.

    Raises:
        Misconfigured: the URL names no bus, or its directory cannot be used.
        BusUnavailable: the disk could not be read; trying again is safe.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "memory":
            return MemoryBus(clock)
        case "journal":
            if parts.netloc:
                raise Misconfigured(f"bus url {url}: write journal:// or journal:///absolute/directory")
            directory = Path(parts.path) if parts.path else default_directory
            return Journal(replace(journal, directory=directory), clock)
    close = difflib.get_close_matches(parts.scheme, SCHEMES, n=1)
    hint = f"; did you mean {close[0]}://?" if close else f"; known: {', '.join(f'{s}://' for s in SCHEMES)}"
    raise Misconfigured(f"bus url {url}: no bus is called {parts.scheme!r}{hint}")
