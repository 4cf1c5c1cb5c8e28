"""The detection stage: every record leaves with `anomaly_score` and `predicted_category`; what is odd is reported."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import zstandard
from numpy.typing import NDArray
from prometheus_client import Counter, Gauge

from heimdall.clock import Clock, SystemClock
from heimdall.insight.calendar import check_calendar
from heimdall.insight.conformal import FloatArray
from heimdall.insight.detectors.sequences import SequenceSurprise
from heimdall.insight.feedback import Feedback
from heimdall.insight.finding import Finding, FindingKind, FindingSink
from heimdall.insight.step import COLUMNS, STEP_NS, PairCounts, StepCounts, distinct_of, empty
from heimdall.insight.watch import TenantWatch, WatchConfig
from heimdall.model.batch import CATEGORY_FIELD, SCORE_FIELD, LogBatch, TenantId
from heimdall.model.template import TemplateNames
from heimdall.pipeline.stages.detect.aggregate import Counted, count, odd_pairs
from heimdall.pipeline.stages.detect.fieldvalues import occurrences
from heimdall.pipeline.stages.detect.gathered import Gathered, Records
from heimdall.pipeline.stages.detect.pending import Pending

FINDINGS = Counter("heimdall_detect_findings", "Findings reported, by kind.", ["kind"])
STEPS = Counter("heimdall_detect_steps", "Steps of 15 s judged, all tenants.")
UNJUDGED_STEPS = Counter(
    "heimdall_detect_unjudged_steps", "Steps of 15 s only learnt from, all tenants: history too old, or too much."
)
UNJUDGED = Counter(
    "heimdall_detect_unjudged_records", "Records of those steps: learnt from, not judged.", unit="records"
)
LATE = Counter(
    "heimdall_detect_late_records", "Records that came after their step was judged, not learnt from.", unit="records"
)
FAILURES = Counter("heimdall_detect_failures", "Times detection failed and began anew for a tenant.")
SERVICES = Gauge("heimdall_detect_services", "Services watched, all tenants.")
STATE_BYTES = Gauge("heimdall_detect_state_bytes", "Size of the newest checkpoint of all detectors.", unit="bytes")

_log = logging.getLogger(__name__)

_VERSION = 9
_STEPS_AT_ONCE = 4
"""Steps judged with every batch, however little time passed: a live stream closes one in 15 seconds."""
_TAUGHT_AT_ONCE = 240
"""Steps of old history that are worth learning from by themselves: an hour."""
_REST_S = 0.02
"""Judging at a time while no record waits, every tenth of a second or so: questions do not feel it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectConfig:
    enabled: bool = True
    """Whether records are judged."""
    watch: WatchConfig = field(default_factory=WatchConfig)
    lateness_s: float = 5.0
    """Seconds a step waits for late records. Larger: complete counts from slow shippers, later findings."""
    live_lag_s: float = 120.0
    """Records older than this on arrival are history: their steps wait for `history_s`, since history comes in file by
    file."""
    look_s: float = 1.0
    """Seconds between two looks at live steps that are not over: what is sure is told without waiting for their end.
    Larger: later findings, less work where there are many services."""
    history_s: float = 6.5 * 3600
    """Seconds of history that may come in any order."""
    judged_s: float = 36 * 3600
    """Age of records on arrival, in seconds, up to which their steps are judged; older history is only learnt from,
    many steps at a time. Larger: findings about more of an import, each day of it 8 s of work after it."""
    share: float = 0.05
    """Of the time of the pipeline, what judging may take while a day of history comes in at once; the rest is judged
    when records come slower again. Larger: earlier findings about history, slower imports."""
    skipped_steps: int = 20
    """Longest run of steps without any record that is judged step by step; a longer one says that nothing came in."""
    pending_pairs: int = 1_500_000
    """Counts that wait for their step, all steps together, 80 bytes each; beyond it the oldest are only learnt from."""
    tenants: int = 64
    """Tenants watched; records of further ones pass unjudged."""


class _Tenant:
    """One tenant's watch and the steps that are not over yet."""

    def __init__(self, tenant: TenantId, feedback: Feedback, config: DetectConfig) -> None:
        self.watch = TenantWatch(tenant, feedback, config.watch)
        self.sequences = SequenceSurprise()
        self.pending = Pending()
        self.gathered = Gathered()
        """Of steps that are not over; when they are looked at depends on the records alone."""
        self.over = -1
        """Steps below this one have waited long enough."""
        self.old = -1
        """Steps below this one are only learnt from."""
        self.closed = -1
        """The newest step that has been judged, or learnt from."""
        self.looked_ns = 0
        """Arrival of the newest record when steps that are not over were looked at last."""

    def learn_gathered(self) -> None:
        """Look at values and order of what was gathered."""
        taken = self.gathered.take()
        if taken is None:
            return
        values = occurrences(taken.table, taken.steps, taken.services, self.watch.is_open)
        if values is not None:
            self.watch.learn_values(values, self.closed)
        odd = odd_pairs(taken.table, taken.times, taken.steps, taken.services, self.sequences, after_step=self.closed)
        self.pending.add(odd)


class DetectStage:
    """Satisfies `Stage` and `PutsOff`. Steps are made of the records' own time, so history and live logs are judged
    alike, and a replay after a crash makes the same findings with the same ids. Scores of single records are what was
    known when they were stored."""

    name = "detect"

    def __init__(
        self,
        sink: FindingSink,
        feedback: Feedback,
        config: DetectConfig | None = None,
        *,
        clock: Clock | None = None,
        names: Callable[[TenantId, Iterable[int]], TemplateNames] | None = None,
    ) -> None:
        """`clock` says how much time judging takes; findings do not depend on it. `names` knows which templates were
        merged, as of the batch: what comes under another id since is not missing.

        Raises:
            Misconfigured, MissingExtra: the calendar asks for what is not there.
        """
        self._sink = sink
        self._feedback = feedback
        self._config = config or DetectConfig()
        check_calendar(self._config.watch.calendar)
        self._clock = clock or SystemClock()
        self._names = names
        self._left_at_s = self._clock.monotonic()
        self._tenants: dict[TenantId, _Tenant] = {}

    def process(self, batch: LogBatch) -> LogBatch:
        """The same records in the same order with a score and a category each.

        Detection is never the reason why a record is not stored: should it fail, what it knew of the tenant is
        dropped, the failure is counted, and it learns anew.
        """
        try:
            return self._judged(batch)
        except Exception:
            self._begin_anew(batch.tenant)
            return _marked(batch, np.zeros(batch.num_rows), pa.array(np.zeros(batch.num_rows, np.int32)), ["normal"])

    def _judged(self, batch: LogBatch) -> LogBatch:
        size = batch.num_rows
        scores, categories = np.zeros(size), pa.array(np.zeros(size, np.int32))
        names = ["normal"]
        own = self._tenant(batch.tenant) if size else None
        if own is not None:
            counted = count(batch, own.watch.row_of, after_step=own.closed)
            scores, places, names = self._marks(own, counted)
            categories = pa.array(places)
            own.watch.show(counted.shown, counted.messages)
            services = counted.services[counted.pair_of_record]
            own.gathered.add(Records(batch.table, counted.times, counted.steps_of_record, services))
            self._collect(own, counted, size)
        return _marked(batch, scores, categories, names)

    def _tenant(self, tenant: TenantId) -> _Tenant | None:
        own = self._tenants.get(tenant)
        if own is None and len(self._tenants) < self._config.tenants:
            own = self._tenants[tenant] = _Tenant(tenant, self._feedback, self._config)
        return own

    def _marks(self, own: _Tenant, counted: Counted) -> tuple[FloatArray, NDArray[np.int32], list[str]]:
        """(score, place of the category, categories) by record, from what was known before this batch."""
        step = counted.newest_ns // STEP_NS
        packed = (
            counted.services.astype(np.uint64) << np.uint64(53) | counted.templates
        )  # template ids are below 2**53, services below 2**11
        distinct, _, place = distinct_of(packed)
        services = (distinct >> np.uint64(53)).astype(np.int64)
        templates = distinct & np.uint64((1 << 53) - 1)
        scores = own.watch.scores(services, templates, step).round(3)[place]
        states = own.watch.states()
        names = sorted(set(states))
        state_of = np.array([names.index(state) for state in states], np.int32)
        return (
            scores[counted.pair_of_record],
            state_of[counted.services][counted.pair_of_record],
            [str(n) for n in names],
        )

    def _collect(self, own: _Tenant, counted: Counted, records: int) -> None:
        own.pending.add(counted.pairs)
        LATE.inc(records - float(counted.pairs.columns[0].sum()))
        lateness_s = self._config.lateness_s
        if counted.lag_ns > self._config.live_lag_s * 1e9:
            lateness_s = self._config.history_s
        own.over = max(own.over, (counted.newest_ns - round(lateness_s * 1e9)) // STEP_NS)
        if own.gathered.is_full or own.gathered.oldest < own.over:
            own.learn_gathered()
        self._learn_from_history(own, counted.newest_ns + counted.lag_ns)
        self._judge_in_time(own)
        if lateness_s == self._config.lateness_s:
            self._look(own, counted)

    def _look(self, own: _Tenant, counted: Counted) -> None:
        """At steps that are not over, once all before them are judged: what is told of a step hides what came earlier.
        But for that, when depends on the records alone, so a replay looks at the same moments."""
        arrived_ns = counted.newest_ns + counted.lag_ns
        oldest = own.pending.oldest()
        if oldest is None or oldest < own.over:
            return
        if arrived_ns - own.looked_ns < self._config.look_s * 1e9:
            return
        own.looked_ns = arrived_ns
        own.learn_gathered()
        settled_ns = counted.newest_ns - round(self._config.lateness_s * 1e9)
        for data in own.pending.since(own.over):
            # Gaps are counted step by step: only the next one continues them.
            part = min(max(settled_ns / STEP_NS - data.step, 0.0), 1.0) if data.step == own.closed + 1 else 0.0
            self._report(own.watch.look(data, counted.newest_ns, part))

    def _learn_from_history(self, own: _Tenant, arrived_ns: int) -> None:
        """Teach the watch what is too old to be judged, and the oldest of what is too much to keep."""
        old = (arrived_ns - round(self._config.judged_s * 1e9)) // STEP_NS
        own.old = max(own.old, min(own.over, old))
        first = own.pending.oldest()
        if first is not None and first < own.old and (own.old - first >= _TAUGHT_AT_ONCE or own.old < own.over):
            self._teach(own, own.pending.take(own.old - 1))
        if len(own.pending) > self._config.pending_pairs:
            self._teach(own, own.pending.take_oldest(len(own.pending) - self._config.pending_pairs * 3 // 4))

    def _teach(self, own: _Tenant, pairs: PairCounts) -> None:
        own.watch.teach(pairs, own.closed, self._config.skipped_steps)
        own.closed = int(pairs.steps[-1])
        UNJUDGED_STEPS.inc(1 + int(np.count_nonzero(np.diff(pairs.steps))))
        UNJUDGED.inc(float(pairs.columns[0].sum()))

    def judged_until_ns(self, tenant: TenantId) -> int | None:
        """The end of the newest step that was judged (or only learnt from, being old), ns since 1970 UTC; None before
        the first. From any thread."""
        own = self._tenants.get(tenant)
        return (own.closed + 1) * STEP_NS if own is not None and own.closed >= 0 else None

    def rest(self) -> None:
        for tenant, own in list(self._tenants.items()):
            try:
                self._judge_until(own, self._clock.monotonic() + _REST_S / len(self._tenants))
            except Exception:
                self._begin_anew(tenant)
        self._left_at_s = self._clock.monotonic()

    def _begin_anew(self, tenant: TenantId) -> None:
        """For an exception handler: say what failed, count it, forget the tenant."""
        _log.exception("detection failed for tenant %s and learns anew", tenant)
        FAILURES.inc()
        self._tenants.pop(tenant, None)

    def _judge_in_time(self, own: _Tenant) -> None:
        """The first few at once, further ones within this stage's share of the time that has passed."""
        now_s = self._clock.monotonic()
        self._judge_until(own, now_s + self._config.share * (now_s - self._left_at_s))
        self._left_at_s = self._clock.monotonic()

    def _judge_until(self, own: _Tenant, until_s: float) -> None:
        """Judge steps that are over, in order."""
        number = 0
        while (step := own.pending.oldest()) is not None and own.old <= step < own.over:
            if number >= _STEPS_AT_ONCE and self._clock.monotonic() >= until_s:
                break
            number += 1
            if own.closed >= 0:
                self._pass(own, step)
            self._judge(own, own.pending.take(step).at(step))

    def _pass(self, own: _Tenant, step: int) -> None:
        """The steps between the newest judged one and `step`, in which nobody logged."""
        missing = step - own.closed - 1
        if missing > self._config.skipped_steps:
            own.watch.pardon()
            return
        for place in range(own.closed + 1, step):
            self._judge(own, empty(place))

    def _judge(self, own: _Tenant, data: StepCounts) -> None:
        self._report(own.watch.step(data))
        own.closed = data.step
        STEPS.inc()

    def _report(self, findings: list[Finding]) -> None:
        for finding in findings:
            if finding.kind is FindingKind.MISSED_RUN and self._is_merged(finding):
                continue
            FINDINGS.labels(kind=finding.kind.value).inc()
            self._sink.report(finding)

    def _is_merged(self, finding: Finding) -> bool:
        own = finding.template_id
        return self._names is not None and own in self._names(finding.tenant, [own]).final

    # -- checkpoint -----------------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """All state as arrays; no pickles, so what is restored can only be numbers and text."""
        arrays: dict[str, NDArray[np.generic]] = {"version": np.array([_VERSION])}
        for tenant, own in list(self._tenants.items()):
            try:
                own.learn_gathered()
            except Exception:
                self._begin_anew(tenant)
        for number, (tenant, own) in enumerate(self._tenants.items()):
            state = {f"watch/{name}": array for name, array in own.watch.arrays().items()}
            state |= {f"sequences/{name}": array for name, array in own.sequences.arrays().items()}
            state |= _pending_arrays(own) | {
                "tenant": np.array([tenant], np.str_),
                "closed": np.array([own.closed, own.over, own.old, own.looked_ns]),
            }
            arrays |= {f"{number}/{name}": array for name, array in state.items()}
        packed = io.BytesIO()
        np.savez(packed, allow_pickle=False, **arrays)
        state_bytes = zstandard.ZstdCompressor(level=1).compress(packed.getvalue())
        STATE_BYTES.set(len(state_bytes))
        SERVICES.set(sum(len(own.watch.services) for own in self._tenants.values()))
        return state_bytes

    def restore(self, state: bytes) -> None:
        self._tenants = {}
        if not state:
            return
        with np.load(io.BytesIO(zstandard.ZstdDecompressor().decompress(state)), allow_pickle=False) as packed:
            arrays: dict[str, NDArray[np.generic]] = {name: packed[name] for name in packed.files}
        if arrays["version"].tolist() != [_VERSION]:
            _log.warning("what detection knew was saved by another version of Heimdall: it learns anew")
            return
        number = 0
        while f"{number}/tenant" in arrays:
            prefix = f"{number}/"
            own = {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
            self._restore_tenant(own)
            number += 1

    def _restore_tenant(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        tenant = TenantId(str(arrays["tenant"][0]))
        own = _Tenant(tenant, self._feedback, self._config)
        own.watch.load(_below("watch/", arrays))
        own.sequences.load(_below("sequences/", arrays))
        own.closed, own.over, own.old, own.looked_ns = (int(each) for each in arrays["closed"].tolist())
        pending = _below("pending/", arrays)
        own.pending.add(
            PairCounts(
                np.asarray(pending["steps"], np.int64),
                np.asarray(pending["services"], np.int64),
                np.asarray(pending["templates"], np.uint64),
                np.stack([np.asarray(pending[name], np.float64) for name in COLUMNS]),
            )
        )
        self._tenants[tenant] = own


def _marked(batch: LogBatch, scores: FloatArray, categories: pa.Array, names: list[str]) -> LogBatch:
    """The batch with a score and a category (a place in `names`) by record."""
    table = batch.table
    for name in (SCORE_FIELD.name, CATEGORY_FIELD.name):
        if name in table.column_names:
            table = table.drop_columns([name])
    table = table.append_column(SCORE_FIELD, pa.array(scores))
    column = pa.DictionaryArray.from_arrays(categories, pa.array(names, pa.string()))
    return batch.with_table(table.append_column(CATEGORY_FIELD, column))


def _pending_arrays(own: _Tenant) -> dict[str, NDArray[np.generic]]:
    pairs = own.pending.all()
    state: dict[str, NDArray[np.generic]] = {
        "pending/steps": pairs.steps, "pending/services": pairs.services, "pending/templates": pairs.templates,
    }  # fmt: skip
    return state | {f"pending/{name}": column for name, column in zip(COLUMNS, pairs.columns, strict=True)}


def _below(prefix: str, arrays: dict[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
