"""The table that holds the records, as data: columns, sort key, partitions, indexes, settings.

Sorted by tenant, hour, template, place on the bus. Within an hour the records of one template lie together, so a
block of 8,192 rows holds the words of one or two templates: text, level and id indexes skip almost everything, and
messages compress by a fifth better than in plain time order.
`timestamp_range` keeps narrow time windows narrow all the same.

What was tried and measured is in docs/reference/storage.md; `benchmarks/query.py` repeats it.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp

from heimdall.storage.rollups import ROLLUPS, minute_of

DATABASE = "heimdall"
TABLE = "logs"
DAY_NS = 86_400 * 10**9
HOUR_NS = 3_600 * 10**9
YEAR_NS = 31_557_600 * 10**9

NEAR_DAYS = 40
"""Records seen within this many days of their own time lie in partitions of a day, all others in partitions of a
year: a back-fill or a broken clock must not make thousands of tiny partitions."""

LATE_BASE = 1_000_000
"""Partition number of year 0 of the late ones, above every day number (106,751 in 2262)."""

LATE_YEARS = 131
"""Years after 1970 with a late partition of their own; what lies beyond shares one on either side."""


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str
    codec: str = "ZSTD(1)"
    absent: str | None = None
    """SQL of the value that stands for null; None where null is stored as such or never occurs."""


_ID16 = "toFixedString('', 16)"
_ID8 = "toFixedString('', 8)"

COLUMNS: tuple[Column, ...] = (
    Column("tenant", "LowCardinality(String)"),
    Column("timestamp", "DateTime64(9, 'UTC')", "Delta(8), ZSTD(1)"),
    Column("observed_timestamp", "DateTime64(9, 'UTC')", "Delta(8), ZSTD(1)"),
    Column("severity_number", "UInt8"),
    Column("service", "LowCardinality(String)", absent="''"),
    Column("instance", "LowCardinality(String)", absent="''"),
    Column("region", "LowCardinality(String)", absent="''"),
    Column("environment", "LowCardinality(String)", absent="''"),
    Column("message", "String"),
    # 256 paths get files of their own, the rest share one bucketed column: any number of keys, bounded open files.
    Column("attributes", "JSON(max_dynamic_paths=256)", absent="'{}'"),
    Column(
        "trace_id", "FixedString(16)", "LZ4", absent=_ID16
    ),  # random bytes: LZ4 passes them through, absent ones vanish
    Column("span_id", "FixedString(8)", "LZ4", absent=_ID8),
    Column("parent_span_id", "FixedString(8)", "LZ4", absent=_ID8),
    Column("trace_flags", "Nullable(UInt8)"),
    Column("user_id", "String", absent="''"),
    Column("session_id", "String", absent="''"),
    Column("request_id", "String", absent="''"),
    Column("customer_id", "String", absent="''"),
    Column("duration_ms", "Nullable(Float64)"),
    Column("cpu_usage", "Nullable(Float64)"),
    Column("memory_usage", "Nullable(Float64)"),
    Column("error_rate", "Nullable(Float64)"),
    Column("retention_policy", "LowCardinality(String)", absent="''"),
    Column("position", "UInt64", "Delta(8), ZSTD(1)"),
    Column("template_id", "UInt64"),
    Column("anomaly_score", "Nullable(Float64)"),
    Column("predicted_category", "LowCardinality(String)", absent="''"),
)

COLUMN_BY_NAME = {column.name: column for column in COLUMNS}

FORM = "form"
"""Column that is no record's: the message with `0` for each token that has a digit, or '' (`forms`)."""

FORM_LINE = f"`{FORM}` LowCardinality(String) MATERIALIZED '' CODEC(ZSTD(1))"
"""Materialized only so that `*` leaves it out: an insert gives it."""

_TIME_NS = "toUnixTimestamp64Nano(timestamp)"
_OBSERVED_NS = "toUnixTimestamp64Nano(observed_timestamp)"

PARTITION = (
    f"if(abs({_TIME_NS} - {_OBSERVED_NS}) < {NEAR_DAYS * DAY_NS}, intDiv({_TIME_NS}, {DAY_NS}), "
    f"{LATE_BASE} + greatest(-1, least({LATE_YEARS}, intDiv({_TIME_NS}, {YEAR_NS}))))"
)

ORDER = f"(tenant, intDiv({_TIME_NS}, {HOUR_NS}), template_id, position)"
"""`position` in place of `timestamp` as the last key: almost the same order, and a bare `timestamp` in the key would
make ClickHouse compare time ranges with it in place of the hour, which rules nothing out."""

WORDS = "replaceRegexpAll(lower(message), '[a-z]*[0-9][0-9a-z]*', ' ')"
"""What the text index holds of a message: its tokens without a digit. Numbers and random ids have millions of distinct
tokens, cost 15 bytes a record in a text index, and are found by the token filter below for 3. Nor are letters between
the digits of an id words: `a` and `e` of `819a21e6` stand in every second message, and cost a byte a record."""

WORDS_OF_FORMS = f"if(form = '', {WORDS}, lower(form))"
"""The same words, and `0`: read off the form where there is one."""

LOWERED = "lower(message)"


MINUTE = minute_of(exp.column("timestamp")).sql("clickhouse")


@dataclass(frozen=True, slots=True)
class Index:
    name: str
    expression: str
    type: str


WORDS_INDEX = "text(tokenizer = 'splitByNonAlpha')"
"""Lists of rows as Roaring bitmaps (the default): rows of a template lie together, so a word's are long runs, which the
other codec, `bitpacking`, spells out. 0.9 bytes a record in place of 2.0."""

INDEXES: tuple[Index, ...] = (
    Index("message_tokens", LOWERED, "tokenbf_v1(24576, 4, 0)"),
    Index("timestamp_range", "timestamp", "minmax"),
    Index("severity_range", "severity_number", "minmax"),
    Index("position_range", "position", "minmax"),
    Index("trace_id_filter", "trace_id", "bloom_filter(0.002)"),  # a false hit costs as much as the true one
    Index("span_id_filter", "span_id", "bloom_filter(0.05)"),
    Index("user_id_filter", "user_id", "bloom_filter(0.01)"),
    Index("session_id_filter", "session_id", "bloom_filter(0.01)"),
    Index("request_id_filter", "request_id", "bloom_filter(0.01)"),
    Index("customer_id_filter", "customer_id", "bloom_filter(0.01)"),
)

TABLE_SETTINGS: dict[str, int | str] = {
    "index_granularity": 8192,
    # Fewer records a block where they are long, as stack traces are: who wants one message decompresses those before
    # it in its block. Ordinary records keep nearly all of theirs (0.2 bytes a record more). The default is 10 MiB.
    "index_granularity_bytes": 2 * 1024 * 1024,
    # An append returns only when the part and its directory are on the disk; merged parts before their sources go.
    "fsync_after_insert": 1,
    "fsync_part_directory": 1,
    "min_rows_to_fsync_after_merge": 1,
    # Tokens of this many inserted blocks are remembered. A replay goes back a handful of spans, each at most a few
    # dozen blocks; 0, the default, would remember nothing.
    "non_replicated_deduplication_window": 20_000,
    # Parts below this stay in one file: an insert of 50,000 records fsyncs three files in place of a hundred.
    "min_bytes_for_wide_part": 128 * 1024 * 1024,
    # Merged-away parts go after this many seconds; merges are fsynced, so eight minutes of them only cost disk.
    "old_parts_lifetime": 30,
    # With two background threads the defaults (8 and 20 free slots) would only ever allow tiny merges.
    "number_of_free_entries_in_pool_to_lower_max_size_of_merge": 1,
    "number_of_free_entries_in_pool_to_execute_mutation": 1,
    # How keys beyond `max_dynamic_paths` lie in a part: by default in 32 buckets made for reading one key alone, which
    # every whole record pays for with 2 ms, whether such keys occur or not.
    "object_shared_data_serialization_version": "map_with_buckets",
    "object_shared_data_buckets_for_wide_part": 8,
    # Texts with their lengths between them, not in a stream of their own: lengths of messages and attributes follow
    # from what stands in them, which zstd sees only when both are side by side. 1.1 bytes a record less.
    "string_serialization_version": "single_stream",
    # Merges wait until they can take more parts at once: every record is written again half as often (0.9 times in
    # place of 1.6 over 4 M records), for some more parts that queries visit. The default is 5.
    "merge_selector_base": 8,
    # A partition that nothing came to for ten minutes becomes one part: a question over a month of days visits thirty
    # in place of hundreds, and each costs it a third of a millisecond. Within the bound below.
    "min_age_to_force_merge_seconds": 600,
    "min_age_to_force_merge_on_partition_only": 1,
    "enable_max_bytes_limit_for_min_age_to_force_merge": 1,
    # Merges of more than this would hold the two background threads for minutes.
    "max_bytes_to_merge_at_max_space_in_pool": 8 * 1024**3,
}


def create_statement(table: str) -> str:
    """DDL of `table`, from the constants above and nothing else."""
    lines = [f"`{column.name}` {column.type} CODEC({column.codec})" for column in COLUMNS]
    lines += [FORM_LINE, *indexes(), *projections("tenant")]
    settings = ", ".join(f"{name} = {value!r}" for name, value in TABLE_SETTINGS.items())
    body = ",\n  ".join(lines)
    return (
        f"CREATE TABLE IF NOT EXISTS {DATABASE}.{table} (\n  {body}\n) ENGINE = MergeTree\n"
        f"PARTITION BY {PARTITION}\nORDER BY {ORDER}\nSETTINGS {settings}"
    )


def indexes() -> list[str]:
    """DDL of the indexes, the one of words first."""
    lines = [
        f"`message_words` String ALIAS {WORDS_OF_FORMS}",
        f"INDEX message_words {WORDS_OF_FORMS} TYPE {WORDS_INDEX}",
    ]
    return lines + [f"INDEX {one.name} {one.expression} TYPE {one.type} GRANULARITY 1" for one in INDEXES]


def projections(*keys: str) -> list[str]:
    """DDL of the rollups, counted by `keys` and minute beside their own columns."""
    found = []
    for rollup in ROLLUPS:
        by = ", ".join((*keys, MINUTE, *rollup.columns))
        found.append(f"PROJECTION {rollup.name} (SELECT {by}, count() GROUP BY {by})")
    return found
