"""A data folder opened in this process: the node's own parts, without its server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from heimdall.app.config import NodeConfig
from heimdall.app.datafolder import DataFolder
from heimdall.app.library.backend import Appended, Facts, Missed, Page, Parameters
from heimdall.app.library.index import LOCK, Index
from heimdall.app.library.logfiles import Skipped
from heimdall.app.node import Node
from heimdall.app.wiring import build_parts
from heimdall.clock import Clock
from heimdall.errors import InvalidInput, Misconfigured, NotFound, Overloaded, Unavailable
from heimdall.ingest.decode.hints import Hints
from heimdall.ingest.decode.json import decode_json
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.sources.files import FileSource, Progress
from heimdall.ingest.sources.sink import BusSink, Chunk
from heimdall.model.batch import DEFAULT_TENANT, LogBatch
from heimdall.model.timerange import format_time, parse_time
from heimdall.query.languages.hql import parse
from heimdall.query.literals import parse_duration
from heimdall.query.live import Gap
from heimdall.query.request import Answer, FacetsRequest, HistogramRequest, QueryRequest, SearchRequest
from heimdall.query.rows import plain_rows
from heimdall.storage.opening import open_tiers

T = TypeVar("T")

_STORED_WITHIN_S = 600.0
"""From the journal into storage; a pipeline that takes longer has stopped."""

_GIVE_UP_S = 30.0
"""Without the journal taking anything, which is for want of disk space."""

_BEAT_S = 0.25
"""A tail gives its reader a chance to stop this often."""


class LocalBackend:
    """Owns the folder, its lock and the threads of the parts. Questions run in threads of their own, so that the
    caller's can be interrupted."""

    def __init__(
        self,
        config: NodeConfig,
        clock: Clock,
        index: Index | None,
        *,
        rebuild: bool = False,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        """`index`: where records come from log files; None: a node's folder, as it is.

        Raises:
            Misconfigured: another process has the folder open, or it cannot be used.
        """
        self._clock = clock
        self._index = index
        self._on_progress = on_progress
        self._folder = _locked(config.data, index)
        try:
            emptied = index is not None and index.prepare(rebuild=rebuild)
            self._parts = build_parts(config, clock, open_tiers(config.storage, clock, data=config.data))
        except BaseException:
            self._folder.release()
            raise
        self._node = Node(self._folder.node_id, self._parts, clock, _no_feed)
        # Only the pipeline: nothing moves or expires because somebody looks at it, and nothing listens.
        self._parts.runner.start()
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="heimdall-library")
        self._schemas = SchemaMemory()
        self._reading = threading.Lock()
        self._appending = threading.Lock()
        self._stop = threading.Event()
        self._followers = 0
        self._follower: threading.Thread | None = None
        self._follow_lock = threading.Lock()
        self._follow_stop = threading.Event()
        self.skipped: tuple[Skipped, ...] = ()
        try:
            if index is not None and emptied:
                self._put_back(index)
            self.refresh()
        except BaseException:
            self.close()
            raise

    @property
    def place(self) -> str:
        return str(self._folder.path)

    # ------------------------------------------------------------------ questions

    def ask(self, route: str, parameters: Parameters) -> Page:
        answer = self._in_thread(lambda: self._answer(route, dict(parameters)))
        facts = Facts(
            exact=answer.exact,
            error=answer.error,
            scanned_rows=answer.scanned_rows,
            tiers=answer.tiers,
            took_ms=answer.took_ms,
            partial=answer.partial,
            next=answer.next,
            query_id=answer.query_id,
            cached=answer.cached,
            age_ms=answer.age_ms,
            known_pieces=answer.known_pieces,
            extra=answer.extra,
        )
        return Page(answer.rows, facts)

    def _answer(self, route: str, given: dict[str, Any]) -> Answer:
        queries = self._parts.queries
        common = self._common(given)
        match route:
            case "search":
                rest = {name: given[name] for name in ("limit", "cursor") if given.get(name) is not None}
                return queries.search(SearchRequest(**common, **rest))
            case "histogram":
                rest = {name: given[name] for name in ("buckets",) if given.get(name) is not None}
                by = given.get("by")
                return queries.histogram(
                    HistogramRequest(
                        **common, **rest, by="level" if by is None else by or None, interval_ns=_interval_ns(given)
                    )
                )
            case "facets":
                rest = {name: given[name] for name in ("limit",) if given.get(name) is not None}
                names = tuple(filter(None, map(str.strip, str(given.get("fields") or "").split(","))))
                return queries.facets(FacetsRequest(**common, **rest, fields=names))
            case _:
                return queries.fields(QueryRequest(**common))

    def _common(self, given: dict[str, Any]) -> dict[str, Any]:
        now_ns = self._clock.time_ns()
        bounds = [None if given.get(name) in (None, "") else given[name] for name in ("from", "to")]
        start_ns, end_ns = (None if text is None else parse_time(str(text), now_ns=now_ns) for text in bounds)
        return {
            "q": given.get("q") or "*",
            "start_ns": start_ns,
            "end_ns": end_ns,
            "query_id": given.get("query_id"),
            "timeout_s": given.get("timeout_s"),
        }

    def explain(self, parameters: Parameters) -> dict[str, Any]:
        request = QueryRequest(**self._common(dict(parameters)))
        data = self._in_thread(lambda: self._parts.queries.explain(request)).data
        assert isinstance(data, dict)
        return data

    def cancel(self, query_id: str) -> None:
        self._parts.queries.cancel(query_id)

    def _in_thread(self, work: Callable[[], T]) -> T:
        try:
            future: Future[T] = self._threads.submit(work)
        except RuntimeError as exc:
            raise Unavailable("these logs are closed; open them again") from exc
        return _awaited(future)

    # ------------------------------------------------------------------ records in

    def append(self, lines: bytes) -> Appended:
        decoded = decode_json(lines, now_ns=self._clock.time_ns(), schemas=self._schemas)
        if decoded.num_rows:
            self._parts.bus.append(LogBatch(DEFAULT_TENANT, decoded.table)).result(timeout=_GIVE_UP_S)
            if self._index is not None:
                with self._appending:
                    self._index.keep(decoded.table)
        self._wait_until_stored()
        errors = tuple({"line": e.line, "reason": e.reason, "excerpt": e.excerpt} for e in decoded.rejected)
        return Appended(decoded.num_rows, decoded.rejected_count, errors)

    def _put_back(self, index: Index) -> None:
        """What programs had appended before the index was emptied."""
        for table in index.kept():
            self._parts.bus.append(LogBatch(DEFAULT_TENANT, table)).result(timeout=_GIVE_UP_S)
        index.save({})

    def refresh(self) -> int:
        before = self._parts.bus.end
        index = self._index
        if index is not None and self._follower is None:
            with self._reading:
                paths, skipped = index.files.find()
                self.skipped = tuple(skipped)
                looks = index.looks(paths)
                self._interruptible(lambda: self._source(index, self._on_progress).drain(self._stop))
                self._wait_until_stored()
                index.save(looks)
        self._wait_until_stored()
        return self._parts.bus.end - before

    def _source(self, index: Index, on_progress: Callable[[Progress], None]) -> FileSource:
        time_zone, service, hints = _reading(index)
        sink = _IndexSink(
            BusSink(self._parts.bus, self._clock, hints=hints, zone=time_zone or "UTC", service=service), self._clock
        )
        return _Found(index, sink, self._clock, on_progress)

    def _interruptible(self, work: Callable[[], None]) -> None:
        """Run `work`, which ends soon after `self._stop` is set, so that Ctrl-C leaves whole chunks behind."""
        future = self._threads.submit(work)
        try:
            _awaited(future)
        except KeyboardInterrupt:
            self._stop.set()
            future.exception()
            self._stop.clear()
            raise

    def _wait_until_stored(self) -> None:
        runner = self._parts.runner
        if not runner.wait_until_stored(self._parts.bus.end, _STORED_WITHIN_S):
            raise Unavailable(f"records are in the journal but not searchable yet: {runner.failure or 'time is up'}")

    # ------------------------------------------------------------------ tail

    def tail(self, q: str) -> Iterator[list[dict[str, Any]] | Missed | None]:
        news = threading.Event()
        subscription = self._parts.tail.subscribe(parse(q), DEFAULT_TENANT, news.set)
        try:
            with self._followed():
                yield None
                while not self._stop.is_set():
                    news.wait(_BEAT_S)
                    news.clear()
                    events = subscription.take()
                    for event in events:
                        if isinstance(event, Gap):
                            yield Missed(event.dropped, format_time(event.start_ns), format_time(event.end_ns + 1))
                        else:
                            yield list(plain_rows(event.rows))
                    if not events:
                        yield None
        finally:
            self._parts.tail.unsubscribe(subscription)

    @contextmanager
    def _followed(self) -> Iterator[None]:
        """While a tail is open, files are followed."""
        index = self._index
        if index is None:
            yield
            return
        with self._follow_lock:
            self._followers += 1
            if self._follower is None:
                self._follow_stop.clear()
                source = self._source(index, lambda _: None)
                self._follower = threading.Thread(
                    target=self._follow, args=(source,), name="heimdall-follow", daemon=True
                )
                self._follower.start()
        try:
            yield
        finally:
            with self._follow_lock:
                self._followers -= 1
                if self._followers == 0 and self._follower is not None:
                    self._follow_stop.set()
                    self._follower.join()
                    self._follower = None

    def _follow(self, source: FileSource) -> None:
        with self._reading:
            source.run(self._follow_stop)

    # ------------------------------------------------------------------ end

    def close(self) -> None:
        self._stop.set()
        self._follow_stop.set()
        if self._follower is not None:
            self._follower.join()
        self._threads.shutdown(wait=True)
        self._node.stop()
        self._folder.release()


def _locked(data: Path, index: Index | None) -> DataFolder:
    """
    Raises:
        Misconfigured: another process has the folder; the message says which, and what to do.
    """
    try:
        return DataFolder(data)
    except Misconfigured as exc:
        if not isinstance(exc.__cause__, BlockingIOError):
            raise
        owner = (data / LOCK).read_text(encoding="utf-8").strip() or "unknown"
        way_out = (
            "if that is a node, ask it with heimdall.connect(url); else close it there"
            if index is None
            else "close it there, or name another folder with index="
        )
        raise Misconfigured(f"{data} is in use by process {owner}; {way_out}") from exc


def _awaited(future: Future[T]) -> T:
    """The result; looks up now and then, since a signal that another thread took wakes nobody who waits on a lock."""
    while True:
        try:
            return future.result(timeout=_BEAT_S)
        except TimeoutError:
            if future.done():
                raise  # the work's own


@dataclass(slots=True)
class _IndexSink:
    """Hands chunks to the bus; gives up when it takes none for long, which nobody would see otherwise."""

    sink: BusSink
    clock: Clock
    refused_since_s: float | None = None

    def send(self, chunk: Chunk) -> None:
        try:
            self.sink.send(chunk)
        except (Overloaded, Unavailable) as exc:
            now_s = self.clock.monotonic()
            self.refused_since_s = now_s if self.refused_since_s is None else self.refused_since_s
            if now_s - self.refused_since_s > _GIVE_UP_S:
                raise Misconfigured(f"the index cannot be written: {exc}") from exc
            raise
        self.refused_since_s = None


class _Found(FileSource):
    """Reads the files an index is made of, as they are found at each look."""

    def __init__(self, index: Index, sink: _IndexSink, clock: Clock, on_progress: Callable[[Progress], None]) -> None:
        super().__init__(("",), sink, clock, checkpoint_dir=index.checkpoints, on_progress=on_progress)
        self._index = index

    def matches(self, pattern: str) -> list[Path]:
        try:
            return self._index.files.find()[0]
        except NotFound:  # gone while they are followed
            return []


def _reading(index: Index) -> tuple[str | None, str | None, Hints]:
    given = dict(index.reading)
    time_zone, service = given.pop("time_zone", None), given.pop("service", None)
    return time_zone, service, Hints(**given, time_zone=time_zone)


def _interval_ns(given: dict[str, Any]) -> int | None:
    text = given.get("interval")
    if text is None:
        return None
    length_ns = parse_duration(str(text))
    if not length_ns:
        raise InvalidInput(f"interval {text!r} is not a length of time; write one like 5m")
    return length_ns


def _no_feed(url: str) -> Any:
    raise Unavailable("the demo needs a node")
