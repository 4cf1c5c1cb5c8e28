"""Which spans of the bus have been tried, so that a second try is looked up before it is stored.

ClickHouse drops a block whose token it knows. That alone is not exactly once: the token is written before the part is
in place, so a crash between the two makes it drop a span it does not have; and its list of tokens is not fsynced, so
power loss can make it forget one. So whenever a span may have been tried before (the first appends after opening, and
any span this process has tried already), the engine looks for its positions in the table and stores what is missing.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from heimdall.model.batch import TenantId


class SpanKey(NamedTuple):
    tenant: TenantId
    first: int
    last: int

    def token(self) -> str:
        return f"{self.tenant}:{self.first}-{self.last}"


class Origins:
    """Safe from several threads; two tries of one span run one after the other."""

    UNSURE_APPENDS = 256
    """Spans after opening that the process before may have tried: a replay goes back far fewer."""

    REMEMBERED = 4_096
    """Spans of this process that are kept in mind for a second try."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._tried: OrderedDict[SpanKey, None] = OrderedDict()
        self._busy: set[SpanKey] = set()
        self._seen = 0

    @contextmanager
    def trying(self, key: SpanKey) -> Iterator[bool]:
        """Hold `key` for the block; the value says whether the span may have been tried before."""
        with self._changed:
            self._changed.wait_for(lambda: key not in self._busy)
            self._busy.add(key)
            unsure = self._seen < self.UNSURE_APPENDS or key in self._tried
            self._seen += 1
            self._tried[key] = None
            self._tried.move_to_end(key)
            while len(self._tried) > self.REMEMBERED:
                self._tried.popitem(last=False)
        try:
            yield unsure
        finally:
            with self._changed:
                self._busy.discard(key)
                self._changed.notify_all()
