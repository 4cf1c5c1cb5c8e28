"""What servers that tests start have in common: a port that nobody takes meanwhile, and an end, whatever happens."""

from __future__ import annotations

import random
import socket
from types import TracebackType
from typing import Self

_PORTS = range(20_000, 32_000)
"""Below those of outgoing connections (Linux: from 32768 on), one of which might else take a port after it was chosen
and before its server binds it. Browsers refuse none of these."""
_chosen: set[int] = set()
_chance = random.SystemRandom()
"""Other processes choose, too, and tests seed `random`."""


def free_port() -> int:
    """One of 127.0.0.1 on which nothing listens, and which this process was not given before."""
    while True:
        port = _chance.choice(_PORTS)
        if port in _chosen:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _chosen.add(port)
        return port


class ServerProcess:
    """`with` stops it at the end, whatever came between; its constructor leaves nothing behind when it raises."""

    def stop(self) -> object:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
