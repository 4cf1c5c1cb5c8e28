"""`Logs`: what a program asks, of a folder and of a node alike."""

from __future__ import annotations

import uuid
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from time import monotonic
from typing import Any, Literal

import pyarrow as pa

from heimdall.app.library.backend import Appended, Backend, Missed, Page
from heimdall.app.library.records import Records, json_lines, time_text
from heimdall.app.library.result import Result
from heimdall.errors import InvalidInput, TooLarge
from heimdall.query.columns import text_columns

PAGE_ROWS = 10_000
"""Most rows of one page: what a stream holds at a time."""

DEFAULT_LIMIT = 1_000

Moment = datetime | str | int | float | None
"""RFC 3339, epoch in s to ns, `now`, `-15m`, or a datetime; None = all time."""


class HeimdallWarning(UserWarning):
    """Something was not shown."""


class Logs:
    """Made by `heimdall.open` and `heimdall.connect`. Safe from several threads; close it, or leave its `with`."""

    def __init__(self, backend: Backend, release: Callable[[], None]) -> None:
        self._backend = backend
        self._finalizer = weakref.finalize(self, release)

    # ---- questions

    def search(
        self,
        q: str = "*",
        *,
        from_: Moment = None,
        to: Moment = None,
        limit: int | None = DEFAULT_LIMIT,
        timeout_s: float | None = None,
    ) -> Result:
        """Records newest first, or what the pipes make of them. `limit` None: all of them, in memory.

        Raises:
            QuerySyntaxError, InvalidInput: the question has no answer as it stands.
            Overloaded, Unavailable: it may have one later.
        """
        if limit is not None and limit < 1:
            raise InvalidInput(f"limit must be at least 1, or None for all rows, not {limit}")
        pages = list(self._pages(q, from_, to, limit, timeout_s))
        facts = [page.facts for page in pages]
        whole = replace(
            facts[0],
            exact=all(each.exact for each in facts),
            scanned_rows=sum(each.scanned_rows for each in facts),
            tiers=tuple(dict.fromkeys(name for each in facts for name in each.tiers)),
            took_ms=sum(each.took_ms for each in facts),
            partial=facts[-1].partial,
            next=facts[-1].next,
        )
        return Result(pa.concat_tables([page.rows for page in pages], promote_options="permissive"), whole)

    def stream(
        self, q: str = "*", *, from_: Moment = None, to: Moment = None, timeout_s: float | None = None
    ) -> Iterator[pa.RecordBatch]:
        """All rows, a page at a time, in memory that does not grow with their number.

        All batches have one schema: the sender's own fields are one column `attributes` of JSON text, and a field
        whose type is the record's own (`| fields status`) is text. `timeout_s` holds for each page.

        Raises:
            TooLarge: at the end of what can be reached of a grouped or sorted answer (10,000 rows).
        """
        schema: pa.Schema | None = None
        page: Page | None = None
        for page in self._pages(q, from_, to, None, timeout_s):
            rows = text_columns(page.rows)
            schema = rows.schema.remove_metadata() if schema is None else schema
            yield from rows.cast(schema).combine_chunks().to_batches()
        if page is not None and page.facts.partial:
            raise TooLarge("a grouped or sorted answer has more rows than can be paged through; narrow the question")

    def histogram(
        self,
        q: str = "*",
        *,
        from_: Moment = None,
        to: Moment = None,
        buckets: int | None = None,
        interval: str | None = None,
        by: str | None = "level",
        timeout_s: float | None = None,
    ) -> Result:
        """Records over time, a row a bucket, empty ones included: `time`, `total`, and a column a value of `by`."""
        more = {"buckets": buckets, "interval": interval, "by": by or ""}
        return self._result("histogram", q, from_, to, timeout_s, more)

    def facets(
        self,
        q: str = "*",
        fields: Sequence[str] = (),
        *,
        from_: Moment = None,
        to: Moment = None,
        limit: int | None = None,
        timeout_s: float | None = None,
    ) -> Result:
        """The most frequent values of fields (by default the usual ones), a row a value."""
        names = [fields] if isinstance(fields, str) else fields
        return self._result("facets", q, from_, to, timeout_s, {"fields": ",".join(names), "limit": limit})

    def fields(
        self, q: str = "*", *, from_: Moment = None, to: Moment = None, timeout_s: float | None = None
    ) -> Result:
        """Fields of the newest matching records: name, type, and the share of records that have it."""
        return self._result("fields", q, from_, to, timeout_s, {})

    def patterns(
        self,
        q: str = "*",
        *,
        from_: Moment = None,
        to: Moment = None,
        limit: int | None = DEFAULT_LIMIT,
        timeout_s: float | None = None,
    ) -> Result:
        """What is being said: templates behind the messages, most frequent first."""
        return self.search(
            f"{q or '*'} | patterns {limit or PAGE_ROWS}", from_=from_, to=to, limit=limit, timeout_s=timeout_s
        )

    def explain(self, q: str = "*", *, from_: Moment = None, to: Moment = None) -> dict[str, Any]:
        """How a question would be answered, without answering it."""
        return self._backend.explain({"q": q, "from": time_text(from_), "to": time_text(to)})

    # ---- records

    def append(self, records: Records) -> Appended:
        """Keep dictionaries, or a Polars or Arrow table. They are durable when this returns, and in an opened folder
        searchable; a node needs a fraction of a second for that.

        Raises:
            InvalidInput: something that is no record.
            Overloaded, Unavailable: some may be kept; how many is not known.
        """
        total = Appended(0, 0)
        for lines in json_lines(records):
            done = self._backend.append(lines)
            errors = (*total.errors, *done.errors)[:100]
            total = Appended(total.accepted + done.accepted, total.rejected + done.rejected, errors)
        return total

    def tail(self, q: str = "*", *, idle_s: float | None = None) -> Iterator[dict[str, Any]]:
        """Matching records from now on as they come (of an opened folder: as its files grow).

        Ends when nothing matched for `idle_s`, else never: leave the loop, or press Ctrl-C. Records that came too fast
        for the loop are told by a `HeimdallWarning` with their number and time range, which can be searched.
        """
        quiet_since_s = monotonic()
        for event in self._backend.tail(q):
            if isinstance(event, Missed):
                text = f"{event.records:,} records were not shown, {event.start} to {event.end}; search that range"
                warnings.warn(text, HeimdallWarning, stacklevel=2)
            elif event:
                yield from event
                quiet_since_s = monotonic()
            elif idle_s is not None and monotonic() - quiet_since_s >= idle_s:
                return

    def refresh(self) -> int:
        """Take in what the files of an opened folder have grown by; returns the number of new records."""
        return self._backend.refresh()

    # ---- end

    def close(self) -> None:
        """Let go of the folder or node. May be called again."""
        self._finalizer()

    def __enter__(self) -> Logs:
        return self

    def __exit__(self, *_: object) -> Literal[False]:
        self.close()
        return False

    def __repr__(self) -> str:
        return f"<heimdall.Logs {self._backend.place}{'' if self._finalizer.alive else ' (closed)'}>"

    # ---- asking

    def _pages(self, q: str, start: Moment, end: Moment, limit: int | None, timeout_s: float | None) -> Iterator[Page]:
        cursor: str | None = None
        left = limit
        while True:
            wanted = PAGE_ROWS if left is None else min(left, PAGE_ROWS)
            page = self._ask("search", q, start, end, timeout_s, {"limit": wanted, "cursor": cursor})
            yield page
            cursor = page.facts.next
            if left is not None:
                left -= page.rows.num_rows
            if cursor is None or left == 0:
                return

    def _result(
        self, route: str, q: str, start: Moment, end: Moment, timeout_s: float | None, more: dict[str, Any]
    ) -> Result:
        page = self._ask(route, q, start, end, timeout_s, more)
        return Result(page.rows, page.facts)

    def _ask(
        self, route: str, q: str, start: Moment, end: Moment, timeout_s: float | None, more: dict[str, Any]
    ) -> Page:
        query_id = f"library-{uuid.uuid4().hex}"
        given = {"q": q, "from": time_text(start), "to": time_text(end), "timeout_s": timeout_s, "query_id": query_id}
        try:
            return self._backend.ask(route, given | more)
        except KeyboardInterrupt:
            self._backend.cancel(query_id)
            raise
