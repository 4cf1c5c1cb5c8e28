"""A rule over records that are stored already: what it would have said, before anybody is woken by it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from heimdall.errors import InvalidInput
from heimdall.insight.rules.engine import CompiledRules, RuleEngine
from heimdall.insight.rules.firing import Firing
from heimdall.insight.rules.rule import Rule, RuleKind
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, POSITION_FIELD, TEMPLATE_FIELD, TenantId
from heimdall.query.ast import MatchAll, Or, Query
from heimdall.query.languages.hql import parse, to_text
from heimdall.query.request import SearchRequest
from heimdall.query.service import QueryService

MAX_RECORDS = 1_000_000
"""Records read for one test: what an hour of a large node has. More are cut off, and the answer says so."""
_SLICES = 48
"""Parts of the time range, read one after the other: bounds what is held at a time."""
_PAGE = 10_000
_FIRINGS = 1_000


@dataclass(frozen=True, slots=True)
class BackTest:
    """What a rule would have said."""

    firings: tuple[Firing, ...]
    """The first thousand, in order."""
    fired: int
    alerts: int
    """Keys that fired, counted again after each time of quiet: how often somebody would have been told."""
    records: int
    """Records read; they match one of the rule's searches."""
    start_ns: int
    end_ns: int
    complete: bool
    """False: the range holds more records than are read; `end_ns` is where reading stopped."""


def back_test(
    rule: Rule, queries: QueryService, start_ns: int, end_ns: int, tenant: TenantId = DEFAULT_TENANT
) -> BackTest:
    """Evaluate `rule` over stored records of [start_ns, end_ns), as the pipeline would have.

    Raises:
        InvalidInput: the range is empty, or the rule asks a query of its own.
        Overloaded, QueryCancelled, EngineUnavailable: as `QueryService.search`.
    """
    if end_ns <= start_ns:
        raise InvalidInput("the range to test over is empty")
    if rule.kind is RuleKind.SCHEDULED:
        raise InvalidInput("a scheduled rule is a query: run it over the range with search")
    engine = RuleEngine(tenant, CompiledRules([rule]), strict=True)
    search = _search(rule)
    firings: list[Firing] = []
    fired = alerts = records = 0
    quiet_until: dict[tuple[tuple[str, str], ...], int] = {}
    step_ns = max((end_ns - start_ns) // _SLICES, 1)
    place = start_ns
    while place < end_ns and records < MAX_RECORDS:
        until = min(place + step_ns, end_ns)
        for table in _tables(queries, search, place, until, tenant):
            records += table.num_rows
            for firing in engine.process(table):
                fired += 1
                if firing.detected_ns > quiet_until.get(firing.labels, 0) and not firing.resolved:
                    alerts += 1
                quiet_until[firing.labels] = firing.detected_ns + firing.quiet_after_ns
                if len(firings) < _FIRINGS:
                    firings.append(firing)
        place = until
    return BackTest(tuple(firings), fired, alerts, records, start_ns, place, place >= end_ns)


def _search(rule: Rule) -> str:
    """HQL of the records the rule must see. One that waits for something sees all: their times are its clock."""
    waits = rule.kind is RuleKind.ABSENCE or rule.absent_last
    predicates = rule.predicates()
    if waits or any(isinstance(predicate, MatchAll) for predicate in predicates):
        return "*"
    search = predicates[0] if len(predicates) == 1 else Or(predicates)
    text = to_text(Query(search))
    parse(text)
    return text


def _tables(queries: QueryService, search: str, start_ns: int, end_ns: int, tenant: TenantId) -> Iterator[pa.Table]:
    """The records of a slice, oldest first."""
    pages: list[pa.Table] = []
    cursor: str | None = None
    place = start_ns  # answers have no bus positions; any numbers will do that differ
    while sum(page.num_rows for page in pages) < MAX_RECORDS:
        request = SearchRequest(
            q=search, start_ns=start_ns, end_ns=end_ns, tenant=tenant, limit=_PAGE, cursor=cursor, fresh=True
        )
        answer = queries.search(request)
        if answer.rows.num_rows:
            pages.append(answer.rows)
        cursor = answer.next
        if cursor is None:
            break
    for page in reversed(pages):
        yield as_batch_table(page.take(pa.array(np.arange(page.num_rows - 1, -1, -1))), place)
        place += page.num_rows


def as_batch_table(rows: pa.Table, first: int) -> pa.Table:
    """Records of an answer with the columns a batch has; their positions are counted from `first`."""
    columns: dict[str, pa.ChunkedArray] = {}
    for field in (*LOG_SCHEMA, TEMPLATE_FIELD):
        if field.name not in rows.column_names:
            continue
        column = rows.column(field.name)
        if pa.types.is_fixed_size_binary(field.type):
            column = _bytes(column, field.type.byte_width)
        columns[field.name] = column if column.type == field.type else column.cast(field.type)
    positions = pa.array(np.arange(first, first + rows.num_rows), pa.uint64())
    return pa.table(columns).append_column(POSITION_FIELD, positions)


def _bytes(column: pa.ChunkedArray, width: int) -> pa.ChunkedArray:
    """Ids as bytes; one of another shape is a sender's own and lies in the attributes."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column
    encoded = pc.dictionary_encode(column).combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0)
    values = [_hex(text, width) for text in encoded.dictionary.to_pylist()]
    return pa.chunked_array([pa.array(values, pa.binary(width)).take(encoded.indices)])


def _hex(text: str | None, width: int) -> bytes | None:
    if text is None or len(text) != 2 * width:
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        return None
