"""Events of security devices, by themselves or behind a syslog header: ArcSight CEF and IBM LEEF.

`message` is the whole event, so that every part of it is found by searching. `service` is the device's product, the
level its severity (0 to 3 info, 4 to 6 warn, 7 and 8 error, above fatal). Header fields become attributes
`cef.device_vendor`, `leef.event_id`, …; what follows `cef.extensions.<key>` and `leef.attributes.<key>`, with the
sender's own keys. Where no syslog header states a time, the event's own does (`rt`, else `end` or `start`; `devTime`).

Sources: ArcSight Common Event Format, revision 27; IBM QRadar LEEF 1.0 and 2.0.
"""

from __future__ import annotations

import polars as pl

from heimdall.ingest.decode.format import STAMP_WITHOUT_YEAR, Format
from heimdall.ingest.decode.named_values import pair_members

_ISO = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:?[0-9]{2})"
_STAMPED = rf"(?P<timestamp>{STAMP_WITHOUT_YEAR}(?: [0-9]{{4}})?|{_ISO}) (?P<instance>[^ ]+)"
_OLD = rf"(?:<(?P<priority>[0-9]{{1,3}})>)?(?:{_STAMPED} (?:[^ ]{{1,64}}: ?)?)?"
_NEW = (
    r"<(?P<priority>[0-9]{1,3})>[1-9][0-9]? (?P<timestamp>[^ ]+) (?P<instance>[^ ]+) [^ ]+ [^ ]+ [^ ]+ "
    r"(?:-|\[[^\]]*\]) (?:\x{FEFF})?"
)
_FIELD = r"(?:[^|\\]|\\.)*"

_CEF = (
    rf"(?P<event>CEF: ?(?P<cef_version>[0-9.]+)\|(?P<cef_device_vendor>{_FIELD})\|(?P<service>{_FIELD})\|"
    rf"(?P<cef_device_version>{_FIELD})\|(?P<cef_signature_id>{_FIELD})\|(?P<cef_name>{_FIELD})\|"
    rf"(?P<cef_severity>{_FIELD})(?:\|(?P<cef_extension>(?s:.*)))?)$"
)
_LEEF = (
    rf"(?P<event>LEEF: ?(?P<leef_version>[0-9.]+)\|(?P<leef_vendor>{_FIELD})\|(?P<service>{_FIELD})\|"
    rf"(?P<leef_product_version>{_FIELD})\|(?P<leef_event_id>{_FIELD})\|"
    rf"(?:(?P<leef_delimiter>[^|\t=a-zA-Z0-9 ]|(?:0?x)[0-9a-fA-F]{{2,4}})?\|)?(?P<leef_attributes>(?s:.*)))$"
)

_WORDS = {"unknown": None, "low": 2, "medium": 5, "high": 8, "very-high": 10}


def _severity(text: pl.Expr) -> pl.Expr:
    number = pl.coalesce(
        text.cast(pl.Int64, strict=False),
        text.str.to_lowercase().replace_strict(_WORDS, default=None, return_dtype=pl.Int64),
    )
    return (
        pl.when(number.is_between(0, 3)).then(9)
        .when(number.is_between(4, 6)).then(13)
        .when(number.is_between(7, 8)).then(17)
        .when(number.is_between(9, 10)).then(21)
        .cast(pl.UInt8)
    )  # fmt: skip


def _unescaped(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(r"\\([|\\])", "$1")


def _own_time(text: pl.Expr, *keys: str) -> pl.Expr:
    """The time one of the keys states, the first that is there."""
    return pl.coalesce(
        *(text.str.extract(rf"(?:^|[ \t|^;]){key}=([^=\t|^;]*?)(?:[ \t|^;][A-Za-z0-9_.-]+=|[\t|^;]|$)") for key in keys)
    )


def _cef(name: str, header: str) -> Format:
    stamp = pl.col("timestamp") if "timestamp" in header else pl.lit(None, pl.String)
    names = ("cef_device_vendor", "service", "cef_device_version", "cef_signature_id", "cef_name")
    return Format(
        name,
        rf"^{header}{_CEF}",
        {
            **{group: _unescaped(pl.col(group)) for group in names},
            "message": pl.col("event"),
            "severity_number": _severity(pl.col("cef_severity")),
            "timestamp": pl.coalesce(stamp, _own_time(pl.col("cef_extension"), "rt", "end", "start")),
        },
        joins=False,
        anchor="event",
    )


def _leef(name: str, header: str) -> Format:
    stamp = pl.col("timestamp") if "timestamp" in header else pl.lit(None, pl.String)
    names = ("leef_vendor", "service", "leef_product_version", "leef_event_id")
    return Format(
        name,
        rf"^{header}{_LEEF}",
        {
            **{group: _unescaped(pl.col(group)) for group in names},
            "message": pl.col("event"),
            "severity_number": _severity(pl.col("leef_attributes").str.extract(r"(?:^|[^A-Za-z0-9])sev=([0-9]{1,2})")),
            "timestamp": pl.coalesce(stamp, _own_time(pl.col("leef_attributes"), "devTime")),
        },
        joins=False,
        anchor="event",
    )


FORMATS: tuple[Format, ...] = (
    _cef("cef", _OLD),
    _cef("cef", _NEW),
    _leef("leef", _OLD),
    _leef("leef", _NEW),
)

_KEY = r"(?:^|[ ]+)([A-Za-z0-9_.\[\]-]+)="


def extension_members(extensions: pl.Series) -> pl.Series:
    """`act=blocked msg=a b` → `,"cef.extensions.act":"blocked",…`: a key begins after a space, values may hold some."""
    pairs = (
        extensions.alias("text").to_frame().with_row_index("row").drop_nulls()
        .with_columns(pl.col("text").str.replace_all("\x00", "", literal=True).str.replace_all(_KEY, "\x00$1="))
        .with_columns(pl.col("text").str.split("\x00")).explode("text")
    )  # fmt: skip
    return _members(pairs, "cef.extensions.", len(extensions), escapes=True)


def attribute_members(attributes: pl.Series, delimiters: pl.Series) -> pl.Series:
    """`src=1.2.3.4<tab>usrName=bob` → `,"leef.attributes.src":…`.

    `delimiters`: a character or its hexadecimal number; null = tab.
    """
    frame = pl.DataFrame({"text": attributes, "delimiter": delimiters.fill_null("\t")}).with_row_index("row")
    split = [
        part.with_columns(pl.col("text").str.split(_character(str(delimiter))))
        for (delimiter,), part in frame.drop_nulls("text").group_by("delimiter")
    ]
    pairs = (
        pl.concat(split).sort("row", maintain_order=True) if split else frame.with_columns(pl.lit([""]).alias("text"))
    )
    return _members(pairs.select("row", "text").explode("text"), "leef.attributes.", len(attributes), escapes=False)


def _character(delimiter: str) -> str:
    """`x09`, `0x5e` or the character itself."""
    digits = delimiter.lower().removeprefix("0").removeprefix("x")
    return delimiter if len(delimiter) == 1 else chr(int(digits, 16))


def _members(texts: pl.DataFrame, prefix: str, height: int, *, escapes: bool) -> pl.Series:
    parts = texts.with_columns(pl.col("text").str.splitn("=", 2).struct.rename_fields(["name", "value"])).unnest("text")
    parts = parts.with_columns(pl.col("name").str.strip_chars()).drop_nulls().filter(pl.col("name") != "")
    value = pl.col("value").str.strip_chars()
    if escapes:
        value = value.str.replace_all(r"\\[nr]", "\n").str.replace_all(r"\\([\\=|])", "$1")
    return pair_members(parts.select("row", name=pl.lit(prefix) + pl.col("name"), value=value), height)
