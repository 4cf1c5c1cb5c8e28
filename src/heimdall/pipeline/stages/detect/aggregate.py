"""A batch's records counted by step, service and template: the only place where detection touches every record."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray, Rows
from heimdall.insight.detectors.sequences import SequenceSurprise, contexts_of
from heimdall.insight.examples import CHARACTERS
from heimdall.insight.step import COLUMNS, STEP_NS, PairCounts, distinct_of
from heimdall.model.batch import LogBatch
from heimdall.pipeline.stages.detect.sessions import sessions_of

NO_SERVICE = "(none)"
"""Records that name no service are watched as one."""
_WARN, _ERROR = 13, 17
_SEQUENCE_EVENTS = 4_096
"""Records of a batch whose order is looked at; of larger ones, that many in whole sessions, chosen by their key."""
_SETTLED_EVENTS = 20_000
_ODD = 4.0
"""-log10 of the probability below which a record is odd where it stands."""
AHEAD_NS = 60 * 10**9
"""A record may be this far ahead of its arrival; one farther ahead (a sender's clock) counts as this far."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A batch's counts, and how its records map to them."""

    pairs: PairCounts
    """Of the steps that are not over."""
    newest_ns: int
    """Time of the newest record, bounded by its arrival."""
    lag_ns: int
    """From that to the newest arrival: large while history is brought in."""
    times: Rows
    """Of each record, ns since 1970, bounded by its arrival."""
    steps_of_record: Rows
    pair_of_record: Rows
    services: Rows
    """Of each pair of step, service and template."""
    templates: NDArray[np.uint64]
    shown: list[int]
    """The batch's templates,"""
    messages: list[str]
    """and the beginning of a message of each."""


def count(batch: LogBatch, row_of: Callable[[str, int], int], *, after_step: int) -> Counted:
    """Count the records of `batch`, which is not empty; steps up to `after_step` are over and left out of `pairs`.
    Which are odd in their session is not looked at yet."""
    table = batch.table
    observed = table.column("observed_timestamp").cast(pa.int64()).to_numpy()
    times = np.minimum(table.column("timestamp").cast(pa.int64()).to_numpy(), observed + AHEAD_NS)
    steps = times // STEP_NS
    services = _service_rows(table, row_of, max(int(steps.min()), after_step + 1))
    templates, shown, template_codes = distinct_of(table.column("template_id").to_numpy())
    first = int(steps.min())
    keys = ((steps - first) * (int(services.max()) + 1) + services) * len(templates) + template_codes
    distinct, example, pair = distinct_of(keys)
    size = len(distinct)
    severity = table.column("severity_number").to_numpy()
    duration_sum, durations = _durations(table, pair, size)
    columns = np.stack([
        np.bincount(pair, minlength=size).astype(np.float64),
        _sums(pair, severity >= _ERROR, size),
        _sums(pair, (severity >= _WARN) & (severity < _ERROR), size),
        duration_sum,
        durations,
        np.zeros(size),
    ])  # fmt: skip
    pair_steps, pair_services, pair_templates = steps[example], services[example], templates[template_codes[example]]
    messages = pc.utf8_slice_codeunits(table.column("message").take(pa.array(shown)), 0, CHARACTERS)
    pairs = PairCounts(pair_steps, pair_services, pair_templates, columns)
    pairs = pairs.part(int(np.searchsorted(pair_steps, after_step, side="right")), size)
    newest_ns = int(times.max())
    return Counted(
        pairs, newest_ns, int(observed.max()) - newest_ns, times, steps, pair, pair_services, pair_templates,
        templates.tolist(), messages.to_pylist(),
    )  # fmt: skip


def _service_rows(table: pa.Table, row_of: Callable[[str, int], int], step: int) -> Rows:
    if "service" not in table.column_names:
        return np.full(table.num_rows, row_of(NO_SERVICE, step), np.int64)
    column = table.column("service").unify_dictionaries().combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = column.chunk(0)
    codes = pc.fill_null(column.indices, len(column.dictionary)).to_numpy(zero_copy_only=False)
    used = np.unique(codes)
    names = [*column.dictionary.to_pylist(), None]
    rows = np.zeros(len(names), np.int64)
    for code in used.tolist():
        rows[code] = row_of(names[code] or NO_SERVICE, step)
    return np.asarray(rows[codes], np.int64)


def _sums(pair: Rows, values: NDArray[np.generic], size: int) -> FloatArray:
    return np.bincount(pair, weights=values.astype(np.float64), minlength=size).astype(np.float64)


def _durations(table: pa.Table, pair: Rows, size: int) -> tuple[FloatArray, FloatArray]:
    if "duration_ms" not in table.column_names or table.column("duration_ms").null_count == table.num_rows:
        return np.zeros(size), np.zeros(size)
    milliseconds = table.column("duration_ms").to_numpy()
    known = np.isfinite(milliseconds) & (milliseconds >= 0)
    logs = np.log1p(milliseconds[known])
    return (
        _sums(pair[known], logs, size),
        np.bincount(pair[known], minlength=size).astype(np.float64),
    )


def odd_pairs(
    table: pa.Table, times: Rows, steps: Rows, services: Rows, sequences: SequenceSurprise, *, after_step: int
) -> PairCounts:
    """How many records of each pair are odd where they stand in their session, all other numbers 0; those of later
    steps than `after_step`."""
    rows = _odd(table, times, sequences)
    rows = rows[steps[rows] > after_step]
    templates = table.column("template_id").to_numpy()[rows]
    rows = rows[order := np.lexsort((templates, services[rows], steps[rows]))]
    keys = np.column_stack([steps[rows], services[rows], templates[order].astype(np.int64)])
    first = np.flatnonzero(np.append(True, (np.diff(keys, axis=0) != 0).any(axis=1))[: len(rows)])
    columns = np.zeros((len(COLUMNS), len(first)))
    columns[COLUMNS.index("odd")] = np.diff(first, append=len(rows))
    return PairCounts(keys[first, 0], keys[first, 1], keys[first, 2].astype(np.uint64), columns)


def _odd(table: pa.Table, times: Rows, sequences: SequenceSurprise) -> Rows:
    """Rows of the records whose place in their session is odd, judged before they are learnt."""
    odd = np.zeros(0, np.int64)
    sessions = sessions_of(table)
    chosen = np.flatnonzero(sessions)
    share = max(len(chosen) // _SEQUENCE_EVENTS, 1)
    if share > 1:
        chosen = chosen[(sessions[chosen] >> np.uint64(17)) % np.uint64(share) == 0]
    if len(chosen) < 2:
        return odd
    order = chosen[np.lexsort((times[chosen], sessions[chosen]))]
    own = sessions[order].view(np.int64)
    codes = (table.column("template_id").to_numpy()[order] % np.uint64(1 << 40)).astype(np.int64) + 1
    before = contexts_of(codes, own)
    follows = before[:, 0] > 0
    if not follows.any():
        return odd
    codes, before, order = codes[follows], before[follows], order[follows]
    if sequences.events >= _SETTLED_EVENTS:
        odd = order[sequences.surprise(codes, before) >= _ODD]
    sequences.learn(codes, before)
    return odd
