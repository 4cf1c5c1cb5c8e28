"""What every engine promises, run against each adapter."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from heimdall.clock import ManualClock
from heimdall.errors import BatchRefused, InvalidInput
from heimdall.model.batch import DEFAULT_TENANT, LOG_SCHEMA, LogBatch, Origin, TenantId
from heimdall.storage import Engine, ScanRequest, TierStatistics, open_engine
from heimdall.storage.config import StorageConfig
from heimdall.storage.mover import Mover
from heimdall.storage.opening import open_tiers
from heimdall.storage.schedule import Tier
from heimdall.storage.selection import Selection, kept_day, pack
from heimdall.storage.tiered import TieredEngine

NOW_NS = 1_700_000_000_000_000_000
DAY_NS = 86_400 * 10**9
MINUTE_NS = 60 * 10**9
ALL_TIME = (-(2**63), 2**63 - 1)


FAR_NS = 2**64
"""A moment when every record is due."""

PARAMETERS = ["memory", "clickhouse", "warm", "cold"]


@pytest.fixture(params=PARAMETERS)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """`warm` and `cold`: all that was appended is moved there before anything is read."""
    if request.param in ("warm", "cold"):
        moved = Moved(tmp_path, Tier(request.param))
        yield moved
        moved.close()
        return
    url = "memory://" if request.param == "memory" else f"clickhouse+embedded://{tmp_path}/tier"
    opened = open_engine(url, ManualClock(NOW_NS))
    yield opened
    opened.close()


class Moved:
    """A node's tiers, of which only one is ever read: everything appended is moved there."""

    def __init__(self, data: Path, tier: Tier) -> None:
        clock = ManualClock(NOW_NS)
        days = (1, 0, 0) if tier is Tier.COLD else (1, 2**31 - 1, 0)
        config = StorageConfig(hot_days=days[0], warm_days=days[1], cold_days=days[2])
        opened, catalogue = open_tiers(config, clock, data=data)
        assert isinstance(opened, TieredEngine)
        self._engine = opened
        self._mover = Mover(
            opened, catalogue, config.schedule(), clock, settled=lambda: 2**62, on_expired=lambda key, dropped: None
        )
        self._tier = tier

    def append(self, batch: LogBatch) -> None:
        self._engine.append(batch)
        if threading.current_thread() is threading.main_thread():
            self.move()

    def move(self) -> None:
        now_ns = FAR_NS if self._tier is Tier.COLD else (2**31 - 2) * DAY_NS
        self._mover.run_once(now_ns)
        assert self._engine.hot.statistics().rows == 0

    def scan(self, request: ScanRequest) -> Iterator[pa.RecordBatch]:
        return self._engine.scan(request)

    def statistics(self, tenant: TenantId | None = None) -> TierStatistics:
        return self._engine.statistics(tenant)

    def version(self, tenant: TenantId | None, start_ns: int | None, end_ns: int | None) -> str | None:
        return self._engine.version(tenant, start_ns, end_ns)

    def close(self) -> None:
        self._engine.close()


def batch(
    records: list[dict[str, Any]],
    *,
    first: int = 1,
    tenant: TenantId = DEFAULT_TENANT,
    origin: bool = True,
) -> LogBatch:
    """Records with sensible values for what a test does not care about; positions rise from `first`."""
    rows: dict[str, list[Any]] = {
        "timestamp": [r.get("timestamp", NOW_NS + i) for i, r in enumerate(records)],
        "observed_timestamp": [r.get("observed_timestamp", NOW_NS) for r in records],
        "severity_number": [r.get("severity_number", 9) for r in records],
        "message": [r.get("message", f"message {first + i}") for i, r in enumerate(records)],
        "position": [first + i for i in range(len(records))],
        "template_id": [r.get("template_id", 7) for r in records],
    }
    types = {field.name: field.type for field in LOG_SCHEMA} | {"position": pa.uint64(), "template_id": pa.uint64()}
    for name in dict.fromkeys(name for record in records for name in record if name not in rows):
        rows[name] = [r.get(name) for r in records]
    table = pa.table({name: _array(values, types[name]) for name, values in rows.items()})
    return LogBatch(tenant, table, Origin(first, first + len(records) - 1) if origin else None)


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(kind):
        return pa.array(values, pa.int64()).cast(kind)
    if pa.types.is_dictionary(kind):
        return pa.array(values, pa.string()).dictionary_encode().cast(kind)
    return pa.array(values, kind)


def read(
    engine: Engine, *fields: str, start_ns: int = ALL_TIME[0], end_ns: int = ALL_TIME[1], **more: Any
) -> list[tuple[Any, ...]]:
    request = ScanRequest(
        tenant=more.pop("tenant", DEFAULT_TENANT), start_ns=start_ns, end_ns=end_ns, fields=fields, **more
    )
    found: list[tuple[Any, ...]] = []
    for part in engine.scan(request):
        columns = [
            c.cast(pa.int64()).to_pylist() if pa.types.is_timestamp(c.type) else c.to_pylist() for c in part.columns
        ]
        found.extend(zip(*columns, strict=True))
    return found


def test_what_was_appended_is_found_at_once_with_every_value(engine: Engine) -> None:
    engine.append(
        batch(
            [
                {
                    "timestamp": NOW_NS + 123_456_789,
                    "observed_timestamp": NOW_NS + 5,
                    "severity_number": 17,
                    "service": "payment",
                    "instance": "payment-1",
                    "region": "eu-west-1",
                    "environment": "prod",
                    "message": "card declined\twith \\ and 'quotes' – ünïcode 💳\n  at line 2",
                    "attributes": '{"order": 12, "http": {"status_code": 502}}',
                    "trace_id": bytes(range(16)),
                    "span_id": bytes(range(1, 9)),
                    "parent_span_id": bytes(range(2, 10)),
                    "trace_flags": 1,
                    "user_id": "u1",
                    "session_id": "s1",
                    "request_id": "r1",
                    "customer_id": "c1",
                    "duration_ms": 12.5,
                    "cpu_usage": 0.25,
                    "memory_usage": 0.0,
                    "error_rate": -1.0,
                    "retention_policy": "audit",
                    "template_id": 2**53 - 1,
                }
            ],
            first=42,
        )
    )
    fields = [*(f.name for f in LOG_SCHEMA if f.name != "attributes"), "position", "template_id"]
    assert read(engine, *fields) == [
        (
            NOW_NS + 123_456_789, NOW_NS + 5, 17, "payment", "payment-1", "eu-west-1", "prod",
            "card declined\twith \\ and 'quotes' – ünïcode 💳\n  at line 2",
            bytes(range(16)), bytes(range(1, 9)), bytes(range(2, 10)), 1,
            "u1", "s1", "r1", "c1", 12.5, 0.25, 0.0, -1.0, "audit", 42, 2**53 - 1,
        )
    ]  # fmt: skip
    assert json.loads(read(engine, "attributes")[0][0]) == {"order": 12, "http": {"status_code": 502}}


def test_absent_values_come_back_as_null(engine: Engine) -> None:
    optional = [field.name for field in LOG_SCHEMA if field.nullable]
    engine.append(
        batch([{}, {"service": "a", "trace_id": bytes([1] * 16), "duration_ms": 1.0, "attributes": '{"a":1}'}])
    )
    newest, oldest = read(engine, *optional)
    assert oldest == (None,) * len(optional)
    assert newest[optional.index("service")] == "a"
    assert newest[optional.index("user_id")] is None


def test_columns_come_in_the_asked_order_and_types(engine: Engine) -> None:
    engine.append(batch([{"service": "a"}]))
    request = ScanRequest(
        tenant=DEFAULT_TENANT,
        start_ns=0,
        end_ns=2**62,
        fields=("message", "timestamp", "service", "trace_id", "position"),
    )
    (part,) = engine.scan(request)
    assert part.schema.names == ["message", "timestamp", "service", "trace_id", "position"]
    expected = [LOG_SCHEMA.field(n).type for n in ("message", "timestamp", "service", "trace_id")] + [pa.uint64()]
    assert part.schema.types == expected


def test_a_scan_is_ordered_by_time_then_position_and_cut_into_batches(engine: Engine) -> None:
    times = [NOW_NS + t for t in (5, 3, 3, 9, 1)]
    engine.append(batch([{"timestamp": t, "template_id": i % 3} for i, t in enumerate(times)]))
    newest_first = [(9, 4), (5, 1), (3, 3), (3, 2), (1, 5)]
    assert [(t - NOW_NS, p) for t, p in read(engine, "timestamp", "position")] == newest_first
    oldest_first = read(engine, "timestamp", "position", newest_first=False)
    assert [(t - NOW_NS, p) for t, p in oldest_first] == newest_first[::-1]
    request = ScanRequest(tenant=DEFAULT_TENANT, start_ns=0, end_ns=2**62, fields=["position"], batch_rows=2)
    assert [part.column(0).to_pylist() for part in engine.scan(request)] == [[4, 1], [3, 2], [5]]


def test_a_range_holds_its_start_and_not_its_end(engine: Engine) -> None:
    engine.append(batch([{"timestamp": NOW_NS + i} for i in range(5)]))
    found = read(engine, "timestamp", start_ns=NOW_NS + 1, end_ns=NOW_NS + 3)
    assert found == [(NOW_NS + 2,), (NOW_NS + 1,)]


def test_a_scan_closed_early_leaves_the_engine_usable(engine: Engine) -> None:
    engine.append(batch([{} for _ in range(1000)]))
    scan = engine.scan(ScanRequest(tenant=DEFAULT_TENANT, start_ns=0, end_ns=2**62, fields=["position"], batch_rows=10))
    next(scan)
    scan.close()  # type: ignore[attr-defined]
    assert len(read(engine, "position")) == 1000


def test_an_unknown_column_is_refused_by_name(engine: Engine) -> None:
    with pytest.raises(InvalidInput, match="colour"):
        read(engine, "colour")


def test_a_span_appended_twice_is_stored_once(engine: Engine) -> None:
    once = batch([{} for _ in range(10)])
    for _ in range(3):
        engine.append(once)
    assert engine.statistics().rows == 10


def test_equal_records_of_different_spans_are_all_stored(engine: Engine) -> None:
    same = {"message": "tick", "timestamp": NOW_NS}
    engine.append(batch([same], first=1))
    engine.append(batch([same], first=2))
    assert engine.statistics().rows == 2


def test_spans_with_the_same_bounds_of_two_tenants_are_both_stored(engine: Engine) -> None:
    for name in ("a", "b"):
        engine.append(batch([{"message": name}], tenant=TenantId(name)))
    assert read(engine, "message", tenant=TenantId("a")) == [("a",)]
    assert read(engine, "message", tenant=TenantId("b")) == [("b",)]
    assert read(engine, "message") == []
    assert engine.statistics(TenantId("a")).rows == 1


def test_one_span_from_many_threads_is_stored_once_while_scans_run(engine: Engine) -> None:
    spans = [batch([{} for _ in range(50)], first=1 + 50 * i) for i in range(12)]
    failures: list[BaseException] = []

    def run(work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as exc:
            failures.append(exc)

    def append_all() -> None:
        for span in spans:
            engine.append(span)

    def scan_often() -> None:
        for _ in range(10):
            seen = [p for (p,) in read(engine, "position")]
            assert len(seen) == len(set(seen))
            assert len(seen) % 50 == 0, "a span became visible in pieces"

    threads = [threading.Thread(target=run, args=(w,)) for w in (append_all, append_all, append_all, scan_often)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(p for (p,) in read(engine, "position")) == list(range(1, 601))


def test_attributes_keep_odd_names_and_every_type(engine: Engine) -> None:
    attributes = {
        "plain": "x",
        "dotted.name": 1,
        "": "empty key",
        "with space and 'quote'": True,
        "ключ": {"вложенный": {"глубоко": 1.5}},
        "`tick`": [1, 2, 3],
        "mixed": [1, "a", {"b": 2}],
        "big": 2**63,
        "negative": -(2**62),
        "date": "2024-01-01 00:00:00",
        "number as text": "0123",
    }
    engine.append(batch([{"attributes": json.dumps(attributes)}]))
    found = json.loads(read(engine, "attributes")[0][0])
    flat = {"dotted.name": found.pop("dotted.name", None) or found.pop("dotted")["name"]}
    assert {**found, **flat} == attributes


def test_a_key_sent_twice_does_not_refuse_the_batch(engine: Engine) -> None:
    engine.append(batch([{"attributes": '{"a": 1, "a": 2, "b": {"c": 1}, "b.c": 2}'}]))
    assert engine.statistics().rows == 1


def test_one_key_may_hold_values_of_different_types(engine: Engine) -> None:
    values = [1, "text", 1.5, True, ["a"], {"x": 1}]
    engine.append(batch([{"attributes": json.dumps({"v": v})} for v in values]))
    found = [json.loads(a)["v"] for (a,) in read(engine, "attributes", newest_first=False)]
    assert found == values


def test_ten_thousand_different_keys_are_kept(engine: Engine) -> None:
    records = [{"attributes": json.dumps({f"key_{i}_{k}": k for k in range(100)})} for i in range(100)]
    engine.append(batch(records))
    found = [json.loads(a) for (a,) in read(engine, "attributes")]
    assert len({key for record in found for key in record}) == 10_000


@pytest.mark.parametrize("attributes", ["[1]", '"text"', '{"a": tru', "not json", '{"a": 1'])
def test_attributes_that_are_no_object_refuse_the_whole_batch(engine: Engine, attributes: str) -> None:
    with pytest.raises(BatchRefused):
        engine.append(batch([{}, {"attributes": attributes}]))
    assert engine.statistics().rows == 0
    engine.append(batch([{}], first=100))
    assert engine.statistics().rows == 1


def test_a_batch_without_a_required_column_is_refused_by_name(engine: Engine) -> None:
    whole = batch([{}])
    with pytest.raises(BatchRefused, match="template_id"):
        engine.append(whole.with_table(whole.table.drop_columns(["template_id"])))


def test_a_column_of_another_type_is_refused_by_name(engine: Engine) -> None:
    whole = batch([{"duration_ms": 1.0}])
    at = whole.table.column_names.index("duration_ms")
    with pytest.raises(BatchRefused, match="duration_ms"):
        engine.append(whole.with_table(whole.table.set_column(at, "duration_ms", pa.array(["slow"]))))


def test_the_first_and_the_last_nanosecond_of_time_are_kept(engine: Engine) -> None:
    times = [-(2**63) + 1, -6 * 10**18, -1, 0, 1, 4 * 10**18, 2**63 - 2]
    engine.append(batch([{"timestamp": t} for t in times]))
    assert [t for (t,) in read(engine, "timestamp", newest_first=False)] == times
    assert read(engine, "timestamp", start_ns=-1, end_ns=1) == [(0,), (-1,)]
    statistics = engine.statistics()
    assert (statistics.oldest_ns, statistics.newest_ns) == (times[0], times[-1])


@pytest.mark.parametrize("engine", ["memory", "clickhouse"], indirect=True)
def test_records_of_thousands_of_days_in_one_batch_are_kept(engine: Engine) -> None:
    engine.append(batch([{"timestamp": day * DAY_NS} for day in range(0, 30_000, 10)]))
    assert engine.statistics().rows == 3_000
    assert read(engine, "timestamp", start_ns=100 * DAY_NS, end_ns=111 * DAY_NS) == [(110 * DAY_NS,), (100 * DAY_NS,)]


def test_statistics_of_an_empty_tier_have_no_ends(engine: Engine) -> None:
    statistics = engine.statistics()
    assert (statistics.rows, statistics.oldest_ns, statistics.newest_ns) == (0, None, None)


in_one_tier = pytest.mark.parametrize("engine", ["memory", "clickhouse"], indirect=True)
"""What a tier gives away is asked of the tier itself."""


def leave(engine: Engine, before_ns: int, *, last_position: int = 2**62, named: tuple[str, ...] = ()) -> dict[Any, int]:
    """Take away whatever is older; counts by (tenant, observed minute), as the mover does."""
    counts: dict[Any, int] = {}
    for selection in pack(engine.ages(before_ns, last_position, named), named, last_position, 10**6):
        for minute, count in engine.count(selection).items():
            counts[selection.tenant, minute] = counts.get((selection.tenant, minute), 0) + count
        engine.remove(selection)
        assert engine.count(selection) == {}
        engine.remove(selection)
    return counts


@in_one_tier
def test_what_leaves_is_counted_by_observed_minute(engine: Engine) -> None:
    day = NOW_NS // DAY_NS * DAY_NS
    seen = (day - 2 * DAY_NS) // MINUTE_NS * MINUTE_NS
    old = [
        {"timestamp": day - 2 * DAY_NS - 1, "observed_timestamp": seen},
        {"timestamp": day - 2 * DAY_NS - 2, "observed_timestamp": seen + 1},
        {"timestamp": day - 3 * DAY_NS, "observed_timestamp": seen - MINUTE_NS},
    ]
    engine.append(batch([*old, {"timestamp": day}]))
    other = {"timestamp": day - 2 * DAY_NS - 3, "observed_timestamp": seen}
    engine.append(batch([other], first=10, tenant=TenantId("b")))
    assert leave(engine, day) == {
        (DEFAULT_TENANT, seen): 2,
        (DEFAULT_TENANT, seen - MINUTE_NS): 1,
        (TenantId("b"), seen): 1,
    }
    assert read(engine, "timestamp") == [(day,)]
    assert leave(engine, day) == {}


@in_one_tier
def test_old_records_that_were_just_brought_in_stay_as_long_as_new_ones(engine: Engine) -> None:
    base = NOW_NS // DAY_NS * DAY_NS - 400 * DAY_NS
    near = NOW_NS - 20 * DAY_NS
    engine.append(batch([{"timestamp": time} for time in (base, base + DAY_NS, near)]))
    assert leave(engine, NOW_NS // DAY_NS * DAY_NS) == {}
    assert engine.statistics().rows == 3
    minute = NOW_NS // MINUTE_NS * MINUTE_NS
    assert leave(engine, NOW_NS + 2 * DAY_NS) == {(DEFAULT_TENANT, minute): 3}
    assert engine.statistics().rows == 0


@in_one_tier
def test_records_from_all_of_time_can_leave(engine: Engine) -> None:
    times = [-(2**63) + 1, -6 * 10**18, -1, 0, 1, 4 * 10**18, 2**63 - 2]
    engine.append(batch([{"timestamp": t, "observed_timestamp": 1} for t in times]))
    assert leave(engine, 2**63 - 1) == {(DEFAULT_TENANT, 0): 7}
    assert engine.statistics().rows == 0


@in_one_tier
def test_what_came_behind_the_last_position_stays(engine: Engine) -> None:
    records = [{"timestamp": NOW_NS + i % 3, "retention_policy": ["audit", None, "else"][i % 3]} for i in range(30)]
    engine.append(batch(records))
    ages = engine.ages(2**63 - 1, 20, ("audit",))
    assert sorted((age.policy, age.rows) for age in ages) == [("", 13), ("audit", 7)]
    (audit,) = pack([age for age in ages if age.policy], ("audit",), 20, 10**6)
    engine.remove(audit)
    left = [p for (p,) in read(engine, "position", newest_first=False)]
    assert sorted(left) == [p for p in range(1, 31) if p > 20 or (p - 1) % 3]


def test_neighbouring_hours_move_together_up_to_a_bound(tmp_path: Path) -> None:
    engine = open_engine("memory://", ManualClock(NOW_NS))
    hour = 3600 * 10**9
    day = NOW_NS // DAY_NS * DAY_NS
    engine.append(batch([{"timestamp": day + i * hour, "observed_timestamp": day} for i in range(6)]))
    packed: list[Selection] = pack(engine.ages(2**63 - 1, 100, ()), (), 100, 4)
    assert [(one.start_ns - day, one.end_ns - day) for one in packed] == [(0, 4 * hour), (4 * hour, 6 * hour)]


def test_columns_that_are_chunked_sliced_and_partly_null_arrive_whole(engine: Engine) -> None:
    records = [
        {"service": f"s{i % 4}" if i % 3 else None, "user_id": f"u{i}" if i % 2 else None, "trace_id": bytes([i] * 16)}
        for i in range(1, 41)
    ]
    whole = batch(records)
    table = pa.concat_tables([whole.table.slice(5, 7), whole.table.slice(20, 11)])
    engine.append(LogBatch(DEFAULT_TENANT, table, Origin(6, 31)))
    found = read(engine, "position", "service", "user_id", "trace_id", newest_first=False)
    expected = [
        (p, records[p - 1]["service"], records[p - 1]["user_id"], bytes([p] * 16))
        for p in [*range(6, 13), *range(21, 32)]
    ]
    assert found == expected


HOUR_NS = 3_600 * 10**9


def test_version_stands_while_nothing_changes_and_moves_with_an_append_inside_the_range(engine: Engine) -> None:
    before = engine.version(DEFAULT_TENANT, NOW_NS - HOUR_NS, NOW_NS + HOUR_NS)
    assert before is not None
    assert engine.version(DEFAULT_TENANT, NOW_NS - HOUR_NS, NOW_NS + HOUR_NS) == before
    engine.append(batch([{}, {}]))
    after = engine.version(DEFAULT_TENANT, NOW_NS - HOUR_NS, NOW_NS + HOUR_NS)
    assert after not in (before, None)
    assert engine.version(DEFAULT_TENANT, NOW_NS - HOUR_NS, NOW_NS + HOUR_NS) == after


def test_version_of_other_times_and_tenants_stands(engine: Engine) -> None:
    if isinstance(engine, Moved):
        pytest.skip("a move between tiers gives every range another version, which only costs")
    asked = [
        (DEFAULT_TENANT, NOW_NS - 3 * HOUR_NS, NOW_NS - HOUR_NS),
        (DEFAULT_TENANT, NOW_NS + HOUR_NS, None),
        (TenantId("other"), None, None),
    ]
    before = [engine.version(*question) for question in asked]
    engine.append(batch([{}]))
    assert [engine.version(*question) for question in asked] == before


@pytest.mark.parametrize("at_ns", [NOW_NS, 0, 1, -1, -HOUR_NS, -(2**62), 2**62])
def test_version_moves_for_every_range_that_holds_the_record(engine: Engine, at_ns: int) -> None:
    asked = [(None, None), (at_ns, at_ns + 1), (None, at_ns + 1), (at_ns, None), (at_ns - HOUR_NS, at_ns + HOUR_NS)]
    before = [engine.version(DEFAULT_TENANT, *ends) for ends in asked]
    everyone = engine.version(None, None, None)
    engine.append(batch([{"timestamp": at_ns}]))
    assert all(engine.version(DEFAULT_TENANT, *ends) != old for ends, old in zip(asked, before, strict=True))
    assert engine.version(None, None, None) != everyone


def test_version_moves_when_records_are_removed(engine: Engine) -> None:
    if isinstance(engine, Moved):
        pytest.skip("what was moved is dropped by the catalogue")
    old_ns = NOW_NS - 10 * DAY_NS
    engine.append(batch([{"timestamp": old_ns, "observed_timestamp": old_ns}, {}]))
    old = Selection(
        tenant=DEFAULT_TENANT, policy="", day=kept_day(old_ns, old_ns), start_ns=old_ns, end_ns=old_ns + 1,
        last_position=2,
    )  # fmt: skip
    asked = [(old_ns, old_ns + 1), (None, None)]
    before = [engine.version(DEFAULT_TENANT, *ends) for ends in asked]
    engine.remove(old)
    assert engine.statistics().rows == 1
    after = [engine.version(DEFAULT_TENANT, *ends) for ends in asked]
    assert not set(before) & set(after)


@pytest.mark.parametrize("scheme", ["memory", "clickhouse+embedded"])
def test_versions_are_never_used_again_after_a_restart(scheme: str, tmp_path: Path) -> None:
    clock = ManualClock(NOW_NS)
    url = "memory://" if scheme == "memory" else f"{scheme}://{tmp_path}/tier"
    seen = set()
    for _ in range(2):
        opened = open_engine(url, clock)
        seen.add(opened.version(DEFAULT_TENANT, None, None))
        opened.close()
    assert len(seen) == 2


def test_a_batch_that_is_refused_leaves_versions_that_answers_can_be_kept_under(engine: Engine) -> None:
    with pytest.raises(BatchRefused):
        engine.append(batch([{"attributes": "[1]"}]))
    assert engine.version(DEFAULT_TENANT, None, None) is not None
