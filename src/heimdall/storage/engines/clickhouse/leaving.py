"""Records of the hot table that are due elsewhere: found, counted, taken away."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from heimdall.model.batch import TenantId
from heimdall.storage.engines.clickhouse import layout
from heimdall.storage.engines.clickhouse.connection import Driver
from heimdall.storage.engines.clickhouse.gate import Gate
from heimdall.storage.selection import Age, Selection

TABLE = f"{layout.DATABASE}.{layout.TABLE}"
MINUTE_NS = 60 * 10**9
_KEPT_DAY = (
    "intDiv(greatest(toUnixTimestamp64Nano(timestamp), toUnixTimestamp64Nano(observed_timestamp)), "
    f"{layout.DAY_NS})"
)  # fmt: skip
_HOUR = f"intDiv(toUnixTimestamp64Nano(timestamp), {layout.HOUR_NS})"
LAST_NS = 2**63 - 1


def condition(selection: Selection, alias: str | None = None) -> exp.Expr:
    """Holds for exactly the records of a selection; `alias` is that of the table."""
    at = _time("timestamp", alias)
    end = exp.LTE if selection.end_ns >= LAST_NS else exp.LT
    tests: list[exp.Expr] = [
        exp.EQ(this=_column("tenant", alias), expression=exp.Literal.string(selection.tenant)),
        exp.GTE(this=at, expression=_number(selection.start_ns)),
        end(this=at.copy(), expression=_number(min(selection.end_ns, LAST_NS))),
        exp.LTE(this=_column("position", alias), expression=_number(selection.last_position)),
        exp.EQ(this=_kept_day(alias), expression=_number(selection.day)),
    ]
    policy = _column("retention_policy", alias)
    if selection.policy:
        tests.append(exp.EQ(this=policy, expression=exp.Literal.string(selection.policy)))
    elif selection.named:
        tests.append(exp.Not(this=policy.isin(*selection.named)))
    return exp.and_(*tests)


def bounds(selection: Selection) -> exp.Expr:
    """What the table's key and indexes understand of a selection: bare columns, no function over two of them."""
    column = exp.column("timestamp")
    tests = [
        exp.GTE(this=column, expression=_moment(selection.start_ns)),
        exp.LTE(this=column.copy(), expression=_moment(min(selection.end_ns, LAST_NS))),
    ]
    return exp.and_(*tests, condition(selection))


def ages(driver: Driver, before_ns: int, last_position: int, named: tuple[str, ...]) -> list[Age]:
    """Records up to a position whose both times lie before `before_ns`, by tenant, policy, kept day and hour."""
    before_ns = min(before_ns, LAST_NS)
    policy = "''"
    if named:
        policy = exp.If(
            this=exp.column("retention_policy").isin(*named),
            true=exp.column("retention_policy"),
            false=exp.Literal.string(""),
        ).sql("clickhouse")
    before = exp.LTE if before_ns == LAST_NS else exp.LT
    statement = (
        exp.select("tenant", "count() AS records")
        .select(f"{policy} AS policy", f"{_KEPT_DAY} AS day", f"{_HOUR} AS hour", dialect="clickhouse")
        .from_(exp.to_table(TABLE))
        .where(*(before(this=exp.column(name), expression=_moment(before_ns)) for name in _TIMES))
        .where(exp.LTE(this=exp.column("position"), expression=_number(last_position)))
        .group_by("tenant", "policy", "day", "hour")
    )
    found = driver.fetch(statement.sql("clickhouse"), {"max_threads": 1}).table.to_pylist()
    return [
        Age(
            tenant=TenantId(row["tenant"]), policy=str(row["policy"]), day=int(row["day"]), rows=int(row["records"]),
            start_ns=_hour_start_ns(int(row["hour"])), end_ns=_hour_end_ns(int(row["hour"])),
        )
        for row in found
    ]  # fmt: skip


def count_by_minute(driver: Driver, test: exp.Expr, table: str = TABLE) -> dict[int, int]:
    """Records for which `test` holds by observed minute, ns since 1970."""
    minute = f"intDiv(toUnixTimestamp64Nano(observed_timestamp), {MINUTE_NS}) * {MINUTE_NS} AS minute"
    statement = exp.select(minute, "count() AS records").from_(exp.to_table(table)).where(test).group_by("minute")
    found = driver.fetch(statement.sql("clickhouse"), {"max_threads": 1}).table.to_pylist()
    return {int(row["minute"]): int(row["records"]) for row in found}


def remove(driver: Driver, gate: Gate, selection: Selection) -> None:
    """Take a selection's records out of the table: whole partitions where nothing else is in them."""
    test = bounds(selection)
    for partition, rows in _partitions(driver, test).items():
        with gate.alone():  # what is appended meanwhile would go with the partition
            if _rows_of(driver, partition) == rows:
                driver.command(f"ALTER TABLE {TABLE} DROP PARTITION ID '{partition}'")
                continue
        driver.command(
            f"ALTER TABLE {TABLE} DELETE IN PARTITION ID '{partition}' WHERE {test.sql('clickhouse')} "
            "SETTINGS mutations_sync = 1"
        )


def _partitions(driver: Driver, test: exp.Expr) -> Mapping[str, int]:
    statement = (
        exp.select("_partition_id AS partition", "count() AS records")
        .from_(exp.to_table(TABLE)).where(test).group_by("partition")
    )  # fmt: skip
    found = driver.fetch(statement.sql("clickhouse"), {"max_threads": 1}).table.to_pylist()
    return {str(row["partition"]): int(row["records"]) for row in found}


def _rows_of(driver: Driver, partition: str) -> int:
    statement = exp.select("count() AS records").from_(exp.to_table(TABLE)).where(
        exp.EQ(this=exp.column("_partition_id"), expression=exp.Literal.string(partition))
    )  # fmt: skip
    return int(driver.fetch(statement.sql("clickhouse"), {}).table.column(0)[0].as_py())


_TIMES = ("timestamp", "observed_timestamp")


def _column(name: str, alias: str | None) -> exp.Column:
    return exp.column(name, table=alias, quoted=True)


def _time(name: str, alias: str | None) -> exp.Expr:
    return exp.Anonymous(this="toUnixTimestamp64Nano", expressions=[_column(name, alias)])


def _kept_day(alias: str | None) -> exp.Expr:
    later = exp.Anonymous(this="greatest", expressions=[_time(name, alias) for name in _TIMES])
    return exp.Anonymous(this="intDiv", expressions=[later, _number(layout.DAY_NS)])


def _number(value: int) -> exp.Expr:
    return exp.Anonymous(this="toInt64", expressions=[exp.Literal.string(str(value))])


def _moment(value_ns: int) -> exp.Expr:
    return exp.Anonymous(
        this="fromUnixTimestamp64Nano",
        expressions=[_number(max(-(2**63), min(value_ns, LAST_NS))), exp.Literal.string("UTC")],
    )


def _hour_start_ns(hour: int) -> int:
    """Hours are cut towards zero: hour 0 reaches from one before 1970 to one after it."""
    return max(-(2**63), hour * layout.HOUR_NS if hour > 0 else (hour - 1) * layout.HOUR_NS + 1)


def _hour_end_ns(hour: int) -> int:
    return min(LAST_NS, (hour + 1) * layout.HOUR_NS if hour >= 0 else hour * layout.HOUR_NS + 1)
