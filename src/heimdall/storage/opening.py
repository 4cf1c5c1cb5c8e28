"""From a URL to the engine it names."""

from __future__ import annotations

import difflib
from pathlib import Path
from urllib.parse import unquote, urlsplit

from heimdall.clock import Clock
from heimdall.errors import Misconfigured
from heimdall.storage.engine import Engine

SCHEMES = ("clickhouse+embedded", "memory")


def open_engine(url: str, clock: Clock, *, default_directory: Path | None = None) -> Engine:
    """Open the engine a tier's URL names: `clickhouse+embedded:///directory` or `memory://`.

    A URL without a directory means `default_directory`, where there is one.

    Raises:
        Misconfigured: the URL names no engine, or its directory cannot be used.
        EngineUnavailable: the engine is there but does not start.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "memory":
            from heimdall.storage.engines.memory import MemoryEngine

            return MemoryEngine(clock)
        case "clickhouse+embedded":
            directory = Path(unquote(parts.path)) if parts.path else default_directory
            if parts.netloc or directory is None:
                raise Misconfigured(f"storage url {url}: write clickhouse+embedded:///absolute/directory")
            from heimdall.storage.engines.clickhouse import ClickHouseEngine

            return ClickHouseEngine.embedded(directory, clock)
    close = difflib.get_close_matches(parts.scheme, SCHEMES, n=1)
    hint = f"; did you mean {close[0]}://?" if close else f"; known: {', '.join(f'{s}://' for s in SCHEMES)}"
    raise Misconfigured(f"storage url {url}: no engine is called {parts.scheme!r}{hint}")
