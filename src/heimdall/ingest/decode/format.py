"""What a line format is: a regular expression whose groups are named after what they hold.

The pattern runs in Rust over a whole batch. Groups named like a canonical
column fill it; the others become attributes, under OpenTelemetry's names (`ATTRIBUTE_OF_GROUP`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import polars as pl

from heimdall.model.severity import SEVERITY_BY_NAME

CANONICAL: tuple[str, ...] = (
    "timestamp", "severity_number", "service", "instance", "message", "trace_id", "span_id", "user_id", "session_id",
    "request_id", "duration_ms",
)  # fmt: skip
"""Columns a format may fill. `timestamp` is still the sender's text here; ids are hexadecimal text."""

ATTRIBUTE_OF_GROUP: dict[str, tuple[str, type[pl.DataType]]] = {
    "logger": ("logger", pl.String),
    "thread": ("thread.name", pl.String),
    "tid": ("thread.id", pl.Int64),
    "pid": ("process.pid", pl.Int64),
    "process": ("process.executable.name", pl.String),
    "file": ("code.file.path", pl.String),
    "line_number": ("code.line.number", pl.Int64),
    "function": ("code.function.name", pl.String),
    "client": ("client.address", pl.String),
    "client_port": ("client.port", pl.Int64),
    "server": ("server.address", pl.String),
    "server_port": ("server.port", pl.Int64),
    "method": ("http.request.method", pl.String),
    "path": ("url.path", pl.String),
    "query": ("url.query", pl.String),
    "version": ("network.protocol.version", pl.String),
    "status": ("http.response.status_code", pl.Int64),
    "size": ("http.response.body.size", pl.Int64),
    "referer": ("http.request.header.referer", pl.String),
    "user_agent": ("user_agent.original", pl.String),
    "forwarded_for": ("http.request.header.x-forwarded-for", pl.String),
    "database": ("db.namespace", pl.String),
    "database_user": ("db.user", pl.String),
    "connection": ("connection.id", pl.Int64),
    "stream": ("log.iostream", pl.String),
    "message_id": ("syslog.msg_id", pl.String),
    "facility": ("syslog.facility.code", pl.Int64),
    "error_code": ("error.code", pl.String),
    "header": ("header", pl.String),
    "alert": ("alert", pl.String),
    "event_id": ("event.id", pl.Int64),
    "state": ("event.name", pl.String),
    "procid": ("syslog.procid", pl.String),
    "cef_version": ("cef.version", pl.String),
    "cef_device_vendor": ("cef.device_vendor", pl.String),
    "cef_device_version": ("cef.device_version", pl.String),
    "cef_signature_id": ("cef.signature_id", pl.String),
    "cef_name": ("cef.name", pl.String),
    "cef_severity": ("cef.severity", pl.String),
    "leef_version": ("leef.version", pl.String),
    "leef_vendor": ("leef.vendor", pl.String),
    "leef_product_version": ("leef.product_version", pl.String),
    "leef_event_id": ("leef.event_id", pl.String),
}
"""Group of a pattern → attribute and its type."""

_NOT_ALONE = frozenset({"log", "config", "success", "failure", "note", "verbose", "silly"})
"""Words of ordinary text: a level only where a field is named so."""

LEVEL_WORDS: tuple[str, ...] = tuple(
    sorted((word for word in SEVERITY_BY_NAME if len(word) >= 3 and word not in _NOT_ALONE), key=len, reverse=True)
)
"""Spellings that are a level wherever they stand where a level stands; longest first."""

LEVEL = rf"(?P<level>(?i:{'|'.join(LEVEL_WORDS)}))"

_CLOCK = r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,:][0-9]{1,9})?"
_ZONE_NAMES = (
    "UTC|GMT|WET|EST|EDT|CST|CDT|MST|MDT|PST|PDT|CET|CEST|BST|EET|EEST|MSK|JST|KST|HKT|SGT|AEST|AEDT|NZST|NZDT"
)
_ZONE = rf"(?: ?(?:Z|[+-][0-9]{{2}}:?[0-9]{{2}}|(?:{_ZONE_NAMES})\b))?"
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_WEEKDAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"

STAMP_WITHOUT_YEAR = rf"{_MONTH} {{1,2}}[0-9]{{1,2}} {_CLOCK}"

CLOCK_ONLY = rf"^{_CLOCK}$"

STAMP = "|".join(
    (
        r"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}[T _-]"
        rf"[0-9]{{1,2}}[:.][0-9]{{2}}[:.][0-9]{{2}}(?:[.,:][0-9]{{1,9}})?{_ZONE}",
        rf"[0-9]{{1,2}}/[0-9]{{1,2}}/[0-9]{{2,4}},? {_CLOCK}(?: ?[AaPp][Mm]\b)?{_ZONE}",
        r"[0-9]{6} [0-9]{6}",
        rf"[0-9]{{8}}[T ][0-9]{{6}}(?:[.,][0-9]{{1,9}})?{_ZONE}",
        rf"[0-9]{{2}}[-.][0-9]{{2}} {_CLOCK}",
        rf"(?:{_WEEKDAY},? )?{_MONTH} {{1,2}}[0-9]{{1,2}} {_CLOCK}{_ZONE} [0-9]{{4}}\b",
        rf"(?:{_WEEKDAY},? )?[0-9]{{1,2}}[ /-]{_MONTH}[ /-][0-9]{{4}}[ :T]{_CLOCK}{_ZONE}",
        rf"{_MONTH} {{1,2}}[0-9]{{1,2}},? [0-9]{{4}},? {_CLOCK}(?: ?[AaPp][Mm]\b)?{_ZONE}",
        rf"(?:{_WEEKDAY} )?{STAMP_WITHOUT_YEAR}",
        rf"{_CLOCK}",
        r"1[0-9]{9}(?:[.,][0-9]{1,9}|[0-9]{3}(?:[0-9]{3}){0,2})?\b",
    )
)
"""A time as log lines begin with it. What `timestamps.parse_timestamps` reads, and a time of day alone."""


@dataclass(frozen=True, slots=True, eq=False)
class Format:
    """One shape of line.

    `columns` computes further columns, or better ones than the groups themselves: canonical name or group name →
    expression over the groups and `line`, the whole line. Values of groups that are `-` or empty count as absent.
    """

    name: str
    pattern: str
    columns: Mapping[str, pl.Expr] = field(default_factory=dict)
    within: Mapping[str, str] = field(default_factory=dict)
    """Group → a pattern that takes its text apart into further groups."""
    joins: bool = True
    """Lines that continue (stack traces, indented lines) may follow. False for formats of one line by nature."""
    suffix: str = ""
    """A pattern with groups for the end of the line, when the message stands before it; `pattern` then matches the
    whole line too, and its groups up to the message are taken from the line's beginning."""
    whole: bool = False
    """The line is taken as it is: no groups are needed."""
    anchor: str = ""
    """A group that takes part in every match; by default the last one."""
    quick: Callable[[pl.Series], pl.DataFrame] | None = None
    """The pattern's groups of lines it can tell without the pattern, which is asked where the anchor is null."""

    def __post_init__(self) -> None:
        if not self.anchor:
            object.__setattr__(self, "anchor", self.groups[-1])

    @property
    def groups(self) -> tuple[str, ...]:
        return tuple(re.findall(r"\(\?P<(\w+)>", self.pattern))

    @property
    def ungrouped(self) -> str:
        return re.sub(r"\?P<\w+>", "?:", self.pattern)
