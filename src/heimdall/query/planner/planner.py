"""`Planner`: the strategies that there are for a question, priced, and the cheapest of them.

Before a question runs there is no time to ask the engine anything: what decides is arithmetic on the engine's profile,
which is read anew in the background. `explain` takes the time and asks the indexes.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace

from heimdall.clock import Clock
from heimdall.errors import HeimdallError
from heimdall.query.ast import And, Compare, Exists, MatchAll, Not, Or, Predicate, Query, Word
from heimdall.query.estimate import Estimate
from heimdall.query.planner.cost import GRANULE_ROWS, STATEMENT_MS, CostModel
from heimdall.query.planner.memory import has_states, state_bytes
from heimdall.query.planner.selectivity import has_words, selectivity, words_share
from heimdall.query.planner.work import Work, work_of
from heimdall.query.sketches import sketched
from heimdall.query.source import Question, Source
from heimdall.query.strategy import Strategy
from heimdall.query.windows import NEEDLE_FIELDS, Window, is_needle, is_streaming, most_rows, windows
from heimdall.storage.engine import TierStatistics
from heimdall.storage.profile import Profile, Profiled, Reading
from heimdall.storage.tiers import Tiers

PROFILE_VALID_S = 60.0
"""Age from which on a profile is read anew. Its reading takes 0.2 s of one core at 4 M records."""

GROWN, GROWN_VALID_S = 1.5, 5.0
"""Factor of rows from which on a profile is of another, smaller tier, and how long it is believed then. A tier that
grows like that is small."""

MOST_OF_A_CORE = 0.01
"""Part of the time that profiles may be read in; the longer it takes the older they get."""

RECORD_NS = 60.0
"""One record of a question about which nothing but its rows is looked at."""

WORTH_PRICING_ROWS = 300_000
"""Fewer records cost less than any bound on what is expensive, whatever is done with them."""

WORTH_COUNTS_ROWS = 20_000
"""Records of a range from which on its counts by minute are worth a statement of up to three parts."""

LOOKED_AT = 4
"""Windows whose reading the indexes are asked for; further ones are as the profile says."""


@dataclass(frozen=True, slots=True)
class Candidate:
    strategy: Strategy
    estimate: Estimate
    statements: int
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    candidates: tuple[Candidate, ...]
    """Cheapest first; () where the engine tells nothing about itself."""
    chosen: Candidate | None = None
    """What `search` does. It decides without asking the indexes, so where two cost nearly the same this may be the
    other one."""


class Planner:
    """Safe from several threads."""

    def __init__(self, tiers: Tiers, clock: Clock) -> None:
        self._tiers = tiers
        self._clock = clock
        self.costs = CostModel()
        self._lock = threading.Lock()
        self._profiles: dict[str, tuple[float, Profile]] = {}
        self._took_s: dict[str, float] = {}
        self._reading: threading.Thread | None = None

    # ------------------------------------------------------------------ before a question runs

    def decide(
        self,
        source: Source,
        question: Question,
        statistics: TierStatistics,
        limit: int,
        memory_bytes: int | None = None,
    ) -> Question:
        """The question with the strategy that costs least, by arithmetic alone. Exact aggregates whose states will not
        fit into `memory_bytes` (None: they have to be exact) are not begun."""
        profile = self.profile(source.tier, rows=statistics.rows)
        if profile is None or question.strategy is not None:
            return question
        if is_streaming(question.query):
            costs = {one: self._quick_ms(one, question, statistics, limit, profile) for one in _STREAMING}
            return replace(question, strategy=min(_STREAMING, key=lambda one: costs[one]))
        if _only_counts(question):
            rows = profile.rows_between(question.tenant, question.start_ns, question.end_ns)
            return replace(question, strategy=Strategy.ROLLUP if rows > WORTH_COUNTS_ROWS else Strategy.RECORDS)
        if memory_bytes is not None and state_bytes(question, profile) > memory_bytes:
            return replace(question, strategy=Strategy.SKETCHES)
        return question

    def price(self, source: Source, question: Question, limit: int, statistics: TierStatistics) -> Estimate | None:
        """What the question will cost about, without a look at the indexes; None where nothing is known.

        A statement is looked at, which takes a millisecond, only where the answer may be that it is expensive.
        """
        profile = self.profile(source.tier, rows=statistics.rows)
        if profile is None:
            return None
        decided = self.decide(source, question, statistics, limit)
        if is_streaming(question.query):
            assert decided.strategy is not None
            ms = self._quick_ms(decided.strategy, decided, statistics, limit, profile)
            if ms < RECORD_NS * WORTH_PRICING_ROWS / 1e6:
                return Estimate(0.0, 0.0, ms)
        elif (rows := _guess(question, None, profile).rows) < WORTH_PRICING_ROWS:
            return Estimate(rows, 0.0, STATEMENT_MS + rows * RECORD_NS / 1e6)
        if decided.strategy is Strategy.ROLLUP and _on_rollup_columns(question.query.search):
            return Estimate(0.0, 0.0, STATEMENT_MS)
        found = self._candidates(source, decided, statistics, limit, profile, asks=False)
        return min(found, key=_ms).estimate if found else None

    def price_of_counts(self, source: Source, question: Question, statistics: TierStatistics) -> Estimate | None:
        """`price` of the counts behind a histogram or facets."""
        profile = self.profile(source.tier, rows=statistics.rows)
        if profile is None:
            return None
        if not question.query.pipes and _on_rollup_columns(question.query.search):
            return Estimate(0.0, 0.0, STATEMENT_MS)
        rows = _guess(question, None, profile).rows
        read = profile.row_bytes.get("message", 0.0) + profile.row_bytes.get("timestamp", 0.0)
        return Estimate(rows, rows * read, STATEMENT_MS + rows * RECORD_NS / 1e6)

    def profile(self, tier: str, *, rows: int = 0, fresh: bool = False) -> Profile | None:
        """The last one; a new one is read in the background when it has become old, or when there are far more `rows`
        by now. `fresh` waits for it."""
        engine = self._tiers[tier]
        if not isinstance(engine, Profiled):
            return None
        known = self._profiles.get(tier)
        age_s = None if known is None else self._clock.monotonic() - known[0]
        if known is not None and rows > GROWN * known[1].rows:
            valid_s = GROWN_VALID_S
        else:
            valid_s = max(PROFILE_VALID_S, self._took_s.get(tier, 0.0) / MOST_OF_A_CORE)
        if fresh and (age_s is None or age_s > valid_s):
            self._read(tier, engine)
        elif age_s is None or age_s > valid_s:
            with self._lock:
                if self._reading is None or not self._reading.is_alive():
                    self._reading = threading.Thread(
                        target=self._read, args=(tier, engine), name="planner", daemon=True
                    )
                    self._reading.start()
        known = self._profiles.get(tier)
        return None if known is None or not known[1].rows else known[1]

    def close(self) -> None:
        """Wait for a reading in the background."""
        with self._lock:
            reading = self._reading
        if reading is not None:
            reading.join()

    # ------------------------------------------------------------------ explained

    def plan(
        self,
        source: Source,
        question: Question,
        statistics: TierStatistics,
        limit: int,
        memory_bytes: int | None = None,
    ) -> Plan:
        """Every strategy with what its statements would read, as the indexes say."""
        profile = self.profile(source.tier, rows=statistics.rows, fresh=True)
        if profile is None:
            return Plan(())
        found = self._candidates(source, question, statistics, limit, profile, asks=True)
        wanted = self.decide(source, question, statistics, limit, memory_bytes).strategy
        exact = [one for one in found if one.strategy is not Strategy.SKETCHES]
        chosen = next((one for one in found if one.strategy is wanted), min(exact, key=_ms, default=None))
        return Plan(tuple(sorted(found, key=_ms)), chosen)

    def learn(self, estimate: Estimate, took_ms: float) -> None:
        """Of a question that was answered as estimated, without help of the cache."""
        if estimate.kind:
            self.costs.learn(estimate.kind, estimate.ms, took_ms)

    # ------------------------------------------------------------------ parts

    def _read(self, tier: str, engine: Profiled) -> None:
        started_s = self._clock.monotonic()
        try:
            found = engine.profile()
        except HeimdallError:  # the engine is closing, or busy: the next question tries again
            return
        self._took_s[tier] = self._clock.monotonic() - started_s
        self._profiles[tier] = (self._clock.monotonic(), found)

    def _candidates(
        self,
        source: Source,
        question: Question,
        statistics: TierStatistics,
        limit: int,
        profile: Profile,
        *,
        asks: bool,
    ) -> list[Candidate]:
        """Those of one question; where the engine's indexes are not asked, rows are as the profile says."""
        engine = self._tiers[source.tier]
        assert isinstance(engine, Profiled), "what has a profile"
        strategies = (question.strategy,) if question.strategy is not None else _strategies(source, question)
        found = []
        for strategy in strategies:
            asked = replace(question, strategy=strategy)
            estimate, count = Estimate(), 0
            for window, rows_out in self._windows(asked, statistics, limit, profile):
                part = asked.between(window.start_ns, window.end_ns)
                statement = source.select(part, limit=limit)
                if statement is None:
                    return []
                if strategy is Strategy.SKETCHES:
                    statement = sketched(statement) or statement
                as_read = engine.as_read(statement)
                work = work_of(as_read, profile.row_bytes, grouped=question.query.aggregates)
                looks = asks and count < LOOKED_AT
                reading = engine.reading(statement) if looks else _guess(part, work, profile)
                if Strategy.ROLLUP in strategies and reading.rows < UNSEEN * profile.rows_of(question.tenant):
                    work = replace(work, on_rollup=True)  # the engine itself sees that a rollup has the answer
                estimate += self._estimate(work, part, reading, profile, rows_out)
                count += 1
            found.append(Candidate(strategy, estimate, count, _WHY[strategy]))
        return found

    def _windows(
        self, question: Question, statistics: TierStatistics, limit: int, profile: Profile
    ) -> Iterator[tuple[Window, float]]:
        """Windows that will be read, with the rows each is expected to give."""
        part = selectivity(question.query.search, profile, question.tenant)
        if question.strategy is not Strategy.WINDOWS:
            rows = profile.rows_between(question.tenant, question.start_ns, question.end_ns)
            yield Window(question.start_ns, question.end_ns), _rows_out(question.query, part * rows, limit, profile)
            return
        found = 0.0
        planned = windows(
            question.query, question.start_ns, question.end_ns, statistics, limit, lambda: int(found), at_once=False
        )
        for window in planned:
            here = part * profile.rows_between(question.tenant, window.start_ns, window.end_ns)
            yield window, min(here, limit - found)
            found += here
            if found >= min(limit, most_rows(question.query)):
                return

    def _estimate(
        self, work: Work, question: Question, reading: Reading, profile: Profile, rows_out: float
    ) -> Estimate:
        part = selectivity(question.query.search, profile, question.tenant)
        rows = profile.rows_between(question.tenant, question.start_ns, question.end_ns)
        matching = part * rows
        # Whole granules are read of a column as soon as one of their records matches.
        matched = min(reading.rows, matching * SPREAD)
        kind = _kind(work, reading.rows, question.query.search)
        return self.costs.estimate(kind, work, reading.rows, reading.ranges, matched, rows_out)

    def _quick_ms(
        self, strategy: Strategy, question: Question, statistics: TierStatistics, limit: int, profile: Profile
    ) -> float:
        asked = replace(question, strategy=strategy)
        ms = 0.0
        for window, _ in self._windows(asked, statistics, limit, profile):
            part = asked.between(window.start_ns, window.end_ns)
            ms += STATEMENT_MS + _guess(part, None, profile).rows * RECORD_NS / 1e6
        return ms


SPREAD = 8.0
"""Records read for each that matches, where a column is needed of those alone."""

UNSEEN = 0.1
"""Part of a range's records below which a statement that must see all of them is not reading records."""

_STREAMING = (Strategy.WINDOWS, Strategy.ONE_STATEMENT)

_WHY = {
    Strategy.WINDOWS: "newest first, in widening windows, until the page is full",
    Strategy.ONE_STATEMENT: "the whole range at once; indexes skip what they can",
    Strategy.ROLLUP: "counts by minute, kept beside the records; ends of the range that cut a minute from records",
    Strategy.RECORDS: "every record of the range that indexes do not rule out",
    Strategy.SKETCHES: "estimates within 1 %, whose memory does not grow with the values",
}


def _strategies(source: Source, question: Question) -> tuple[Strategy, ...]:
    if is_streaming(question.query):
        return _STREAMING
    if not _only_counts(question):
        return (Strategy.ONE_STATEMENT, Strategy.SKETCHES) if has_states(question.query) else (Strategy.ONE_STATEMENT,)
    return (Strategy.ROLLUP, Strategy.RECORDS) if source.has_rollup(question) else (Strategy.RECORDS,)


def _on_rollup_columns(search: Predicate) -> bool:
    """Whether every record a search matches is told by columns a rollup counts by."""
    match search:
        case MatchAll():
            return True
        case And(items=items) | Or(items=items):
            return all(_on_rollup_columns(item) for item in items)
        case Not(item=item):
            return _on_rollup_columns(item)
        case Compare(field=name) | Exists(field=name):
            return name in ("level", "severity_number", "service", "region", "environment", "template_id")
        case _:
            return False


def _only_counts(question: Question) -> bool:
    """Whether counts by minute would do, if there is a rollup that has them."""
    pipes = question.query.pipes
    return bool(pipes) and pipes[0].counting(question.context) is not None


def _ms(candidate: Candidate) -> float:
    return candidate.estimate.ms


def _kind(work: Work, rows: int, search: Predicate) -> str:
    """Statements whose times are off by the same factor. Where words lie, side by side or in every block, is known of
    none, and is what those that look for them differ by from all others."""
    if work.on_rollup:
        return "rollup"
    kind = ("many groups" if work.many_groups else "grouped") if work.grouped else "records"
    if has_words(search):
        kind = f"{kind} with words"
    return kind if rows > WORTH_PRICING_ROWS else f"{kind}, few"


def _rows_out(query: Query, matching: float, limit: int, profile: Profile) -> float:
    """Rows of the answer, of which a page shows `limit`; a grouping by ids has as many as there are ids."""
    if not query.aggregates:
        return min(matching, limit)
    return min(matching, limit, 1_000.0)


def _false_share(search: Predicate) -> float:
    """Part of the blocks that the filters of a needle let pass by mistake, by design of the table's indexes."""
    match search:
        case And(items=items):
            return min(map(_false_share, items))
        case Compare(field="trace_id") | Word():
            return 0.002
        case Compare(field="span_id"):
            return 0.05
        case Compare(field=name) if name in NEEDLE_FIELDS:
            return 0.01
        case _:
            return 1.0


def _guess(question: Question, work: Work | None, profile: Profile) -> Reading:
    """What indexes will leave of a range, as far as it can be told without asking them."""
    rows = profile.rows_between(question.tenant, question.start_ns, question.end_ns)
    if work is not None and work.on_rollup:
        hours = sum(1 for _ in profile.hours.get(question.tenant, {}))
        return Reading(rows=int(min(rows, hours * 60 * len(profile.kinds.get(question.tenant, ())) or rows)))
    search = question.query.search
    matching = selectivity(search, profile, question.tenant) * rows
    if is_needle(search):
        rows = min(rows, matching * GRANULE_ROWS + rows * _false_share(search))
    elif has_words(search):
        # A word of a template fills granules of its own; one of a parameter lies anywhere.
        left = words_share(search, profile, question.tenant) * rows
        rows = min(rows, GRANULE_ROWS * (min(left, 50.0) + left / 1_000))
    return Reading(rows=int(rows), ranges=int(rows) // GRANULE_ROWS + 1)
