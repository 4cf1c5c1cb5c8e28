"""Syslog: RFC 5424 with structured data, RFC 3164 with and without its priority, as files and as rsyslog writes them.

`service` is the app name or tag, `instance` the host, `message` what follows the header. Structured data becomes
attributes `syslog.structured_data.<id>.<name>`.
"""

from __future__ import annotations

import polars as pl

from heimdall.ingest.decode.format import STAMP_WITHOUT_YEAR, Format
from heimdall.ingest.decode.named_values import pair_members
from heimdall.model.severity import SYSLOG_SEVERITY

_priority = pl.col("priority").cast(pl.Int64, strict=False)
_known = pl.when(_priority.is_between(0, 191)).then(_priority)

_FROM_PRIORITY = {
    "severity_number": (_known % 8).replace_strict(
        dict(enumerate(SYSLOG_SEVERITY)), default=None, return_dtype=pl.UInt8
    ),
    "facility": _known // 8,
    "priority": pl.lit(None, pl.String),
}

_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})"
_HOST = r"(?P<instance>[^ ]+)"
_TAG = r"(?P<service>[^ \[\]:]+)(?:\[(?P<pid>[0-9]+)\])?:"
_ELEMENT = r'\[(?:[^"\]\\]|\\.|"(?:[^"\\]|\\.)*")*\]'

FORMATS: tuple[Format, ...] = (
    Format(
        "syslog_rfc5424",
        rf"^(?:[0-9]{{1,6}} )?<(?P<priority>[0-9]{{1,3}})>[1-9][0-9]? (?P<timestamp>[^ ]+) {_HOST} (?P<service>[^ ]+) "
        rf"(?P<procid>[^ ]+) (?P<message_id>[^ ]+) (?P<structured_data>-|(?:{_ELEMENT})+)"
        r"(?: \x{FEFF}?(?P<message>(?s:.*)))?$",
        {
            **_FROM_PRIORITY,
            "pid": pl.col("procid").cast(pl.Int64, strict=False),
            "procid": pl.when(pl.col("procid").cast(pl.Int64, strict=False).is_null()).then(pl.col("procid")),
            "message": pl.col("message").fill_null("").str.strip_prefix(" "),  # rsyslog sends one more
        },
        joins=False,
        anchor="structured_data",
    ),
    Format(
        "syslog_rfc3164",
        rf"^(?:<(?P<priority>[0-9]{{1,3}})>)?(?P<timestamp>{STAMP_WITHOUT_YEAR}(?: [0-9]{{4}})?) "
        rf"{_HOST} +{_TAG} ?(?P<message>(?s:.*))$",
        _FROM_PRIORITY,
    ),
    Format(
        "syslog_rfc3164",
        rf"^(?:<(?P<priority>[0-9]{{1,3}})>)(?P<timestamp>{STAMP_WITHOUT_YEAR}(?: [0-9]{{4}})?|{_ISO}) "
        rf"{_HOST} (?:{_TAG} ?)?(?P<message>(?s:.*))$",
        _FROM_PRIORITY,
    ),
    Format(
        "syslog_untagged",
        rf"^(?P<timestamp>{STAMP_WITHOUT_YEAR}) (?P<instance>[A-Za-z0-9][A-Za-z0-9_.-]*) (?P<message>(?s:.*))$",
    ),
    Format(
        "syslog_priority",
        r"^<(?P<priority>[0-9]{1,3})>(?P<service>[^ \[\]:]+)\[(?P<pid>[0-9]+)\]: ?(?P<message>(?s:.*))$",
        _FROM_PRIORITY,
    ),
    Format("syslog_priority", r"^<(?P<priority>[0-9]{1,3})>(?P<message>(?s:.*))$", _FROM_PRIORITY),
)


_SIMPLE = r'^\[[^ =\]"\\\x00-\x1f]+(?: [^ =\]"\\\x00-\x1f]+="[^"\\\x00-\x1f]*")+\]$'
"""One element without escapes: what most records have."""
_MAX_SIMPLE_IDS = 32
"""Elements of so many names in a batch are worth a pass each."""


def structured_data_members(data: pl.Series) -> pl.Series:
    """RFC 5424 structured data → `,"syslog.structured_data.<id>.<name>":"value"…` a row; null where there is none."""
    if data.null_count() == len(data):
        return _no_members(len(data))
    ids = pl.select(pl.when(pl.lit(data).str.contains(_SIMPLE)).then(pl.lit(data).str.extract(r"^\[([^ ]+)")))
    id_ = ids.to_series()
    # names are few: whether one stands twice is asked once for each set of them
    blank = pl.lit(data).str.replace_all(r'="[^"]*"', "=")
    shapes = pl.select(pl.when(pl.lit(id_).is_not_null()).then(blank)).to_series()
    distinct = shapes.drop_nulls().unique().to_list()
    repeating = [shape for shape in distinct if len(set(words := shape[:-1].split(" ")[1:])) < len(words)]
    simple = pl.select(pl.lit(id_).is_not_null() & ~pl.lit(shapes).is_in(repeating)).to_series()
    names = id_.filter(simple).unique().to_list()
    if not names or len(names) > _MAX_SIMPLE_IDS:
        return _elements_members(data)
    members = _no_members(len(data))
    for name in names:
        rows = (simple & (id_ == name)).fill_null(value=False).arg_true()
        key = f"syslog.structured_data.{name}.".replace("$", "$$")
        inside = data.gather(rows).str.slice(len(name) + 1).str.head(-1)
        members = members.scatter(rows, inside.str.replace_all(r' ([^ =]+)="([^"]*)"', f',"{key}$1":"$2"'))
    others = (~simple & data.is_not_null()).arg_true()
    return members.scatter(others, _elements_members(data.gather(others))) if len(others) else members


def _no_members(height: int) -> pl.Series:
    return pl.Series("data", [None], dtype=pl.String).new_from_index(0, height)


def _elements_members(data: pl.Series) -> pl.Series:
    """The same for any data: several elements, escapes, names more than once."""
    elements = (
        data.alias("data").to_frame().with_row_index("row").drop_nulls()
        .with_columns(pl.col("data").str.extract_all(_ELEMENT)).explode("data")
        .with_columns(
            id=pl.col("data").str.extract(r"^\[([^ \]=]+)"),
            parameter=pl.col("data").str.extract_all(r' [^ =\]"]+="(?:[^"\\]|\\.)*"'),
        )
        .explode("parameter")
        .drop_nulls()
    )  # fmt: skip
    if elements.is_empty():
        return _no_members(len(data))
    parts = elements["parameter"].str.extract_groups(r'^ (?P<name>[^=]+)="(?P<value>(?s:.*))"$').struct.unnest()
    value = parts["value"].str.replace_all(r'\\(["\\\]])', "$1")
    name = elements.select("syslog.structured_data." + pl.col("id") + ".").to_series() + parts["name"]
    return pair_members(elements.select("row").with_columns(name.alias("name"), value.alias("value")), len(data))


LAYOUTS: tuple[Format, ...] = (
    Format(
        "syslog_iso",
        r"^(?P<instance>[A-Za-z0-9][A-Za-z0-9_.-]*) (?P<service>[A-Za-z0-9_./()@-]+)\[(?P<pid>[0-9]+)\]: ?"
        r"(?P<message>(?s:.*))$",
    ),
    Format(
        "syslog_iso",
        r"^(?P<instance>[A-Za-z0-9][A-Za-z0-9_.-]*) (?P<service>kernel|systemd|sudo|dhclient): (?P<message>(?s:.*))$",
    ),
)
"""After a time of any form, as rsyslog and journalctl write it."""
