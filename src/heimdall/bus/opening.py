"""From a URL to the bus it names."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

from heimdall.bus.buses.journal import Journal, JournalConfig
from heimdall.bus.buses.kafka import KafkaBus, KafkaBusConfig
from heimdall.bus.buses.kafka.bus import Place
from heimdall.bus.buses.memory import MemoryBus
from heimdall.bus.port import Bus
from heimdall.clock import Clock
from heimdall.errors import Misconfigured

SCHEMES = ("journal", "kafka", "memory")


def open_bus(
    url: str,
    clock: Clock,
    *,
    default_directory: Path,
    journal: JournalConfig,
    kafka: KafkaBusConfig | None = None,
    begin_at: int = 1,
) -> Bus:
    """Open the bus a URL names: `journal://` (in `default_directory`), `journal:///directory`,
    `kafka://host:port,host:port/topic?partition=0` or `memory://`.

    `begin_at`: first position of a topic that this node has not used yet.

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
        case "kafka":
            return KafkaBus(
                kafka_place(url, parts), kafka or KafkaBusConfig(), clock, default_directory, begin_at=begin_at
            )
    close = difflib.get_close_matches(parts.scheme, SCHEMES, n=1)
    hint = f"; did you mean {close[0]}://?" if close else f"; known: {', '.join(f'{s}://' for s in SCHEMES)}"
    raise Misconfigured(f"bus url {url}: no bus is called {parts.scheme!r}{hint}")


def kafka_place(url: str, parts: SplitResult) -> Place:
    """
    Raises:
        Misconfigured: it names no brokers, no topic, or what is no partition.
    """
    topic = parts.path.removeprefix("/")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    partition = options.pop("partition", "0")
    brokers = tuple(broker for broker in parts.netloc.split(",") if broker)
    if options or not brokers or not partition.isdecimal() or not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", topic):
        raise Misconfigured(f"bus url {url}: write kafka://host:port,host:port/topic or …/topic?partition=1")
    return Place(brokers, topic, int(partition))
