"""Which of a sender's fields is which canonical column: one table of names.

Sources: OpenTelemetry semantic conventions and log data model, Elastic Common Schema, and the defaults of the usual
loggers (pino, bunyan, winston, zap, zerolog, logrus, slog, structlog, python-json-logger, log4j2 and logback JSON,
Serilog, GELF, Docker, Fluent Bit, journald, Google Cloud). Only true synonyms stand here: a field that means
something else (`host`, `pod`, `logger`, `latency`) stays the sender's own attribute under its own name.

Names are compared without regard to case. A dot is a flat name with a dot in it, or a path into nested objects.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum, auto
from functools import lru_cache

from heimdall.ingest.decode.hints import Hints


class Kind(Enum):
    """How a column's values are read."""

    TIME = auto()
    LEVEL = auto()
    MESSAGE = auto()
    WORD = auto()  # text of few different values
    TEXT = auto()
    HEX_16 = auto()  # 16 bytes as 32 hexadecimal digits
    HEX_8 = auto()
    FLAGS = auto()
    NUMBER = auto()


KINDS: dict[str, Kind] = {
    "timestamp": Kind.TIME,
    "severity_number": Kind.LEVEL,
    "message": Kind.MESSAGE,
    "service": Kind.WORD,
    "instance": Kind.WORD,
    "region": Kind.WORD,
    "environment": Kind.WORD,
    "trace_id": Kind.HEX_16,
    "span_id": Kind.HEX_8,
    "parent_span_id": Kind.HEX_8,
    "trace_flags": Kind.FLAGS,
    "user_id": Kind.TEXT,
    "session_id": Kind.TEXT,
    "request_id": Kind.TEXT,
    "customer_id": Kind.TEXT,
    "duration_ms": Kind.NUMBER,
    "cpu_usage": Kind.NUMBER,
    "memory_usage": Kind.NUMBER,
    "error_rate": Kind.NUMBER,
    "retention_policy": Kind.WORD,
}

NAMES: dict[str, tuple[str, ...]] = {
    "timestamp": (
        "timestamp", "@timestamp", "time", "_time", "ts", "@t", "datetime", "date_time", "eventtime", "event_time",
        "event_timestamp", "log_time", "logtime", "log_timestamp", "timeunixnano", "time_unix_nano", "timemillis",
        "timestamp_ms", "timestamp_ns", "epoch_ms", "epochmillis", "asctime", "syslog_timestamp",
        "_source_realtime_timestamp", "__realtime_timestamp", "receivetimestamp", "date",
    ),
    "severity_number": (
        "level", "severity", "severity_text", "severitytext", "severity_number", "severitynumber", "log.level",
        "log_level", "loglevel", "levelname", "level_name", "lvl", "@l", "priority", "syslog_severity",
        "syslog.severity.code",
    ),
    "message": (
        "message", "msg", "_msg", "log", "@m", "short_message", "textpayload", "log_message", "logmessage",
        "rendered_message", "renderedmessage", "body", "event", "event.original", "line", "text", "@mt",
    ),
    "service": (
        "service", "service.name", "service_name", "servicename", "svc", "application", "app", "app_name", "appname",
        "application_name", "applicationname", "syslog_identifier", "ident",
    ),
    "instance": ("instance", "service.instance.id", "instance_id", "instanceid", "service_instance_id"),
    "region": ("region", "cloud.region", "cloud_region", "aws_region", "awsregion"),
    "environment": (
        "environment", "env", "deployment.environment.name", "deployment.environment", "deployment_environment",
        "service.environment",
    ),
    "trace_id": ("trace_id", "traceid", "trace.id", "oteltraceid", "@tr", "trace"),
    "span_id": ("span_id", "spanid", "span.id", "otelspanid", "@sp"),
    "parent_span_id": ("parent_span_id", "parentspanid", "parent_spanid", "parent.id"),
    "trace_flags": ("trace_flags", "traceflags"),
    "user_id": ("user_id", "userid", "user.id", "enduser.id", "usr.id"),
    "session_id": ("session_id", "sessionid", "session.id"),
    "request_id": ("request_id", "requestid", "req_id", "reqid", "http.request.id", "x_request_id", "x-request-id"),
    "customer_id": ("customer_id", "customerid", "customer.id"),
    "duration_ms": ("duration_ms", "durationms", "duration_millis"),
    "cpu_usage": ("cpu_usage", "cpuusage"),
    "memory_usage": ("memory_usage", "memoryusage"),
    "error_rate": ("error_rate", "errorrate"),
    "retention_policy": ("retention_policy", "retentionpolicy", "retention.policy"),
}  # fmt: skip
"""Canonical column → senders' names for it, the most telling first."""

_RANK: dict[str, tuple[str, int]] = {
    name: (canonical, rank) for canonical, names in NAMES.items() for rank, name in enumerate(names)
}
_ROOTS = frozenset(name[:place] for name in _RANK for place, char in enumerate(name) if char == "." and place)

OTEL_NUMBERED = frozenset({"severity_number", "severitynumber"})
"""Level fields whose numbers are OTel severity numbers already."""


@lru_cache(maxsize=4096)
def canonical_of(name: str) -> tuple[str, int] | None:
    """Canonical column of a sender's field (dotted when nested) and its rank among the names for it."""
    return _RANK.get(name.lower())


def names_message(name: str) -> bool:
    """Whether a field of this name is the message even when it holds an object."""
    return name.lower() in NAMES["message"][:2]


@lru_cache(maxsize=4096)
def may_hold_canonical(name: str) -> bool:
    """Whether a nested object under this (dotted) name may hold a canonical field."""
    return name.lower() in _ROOTS


def hinted(hints: Hints) -> dict[str, str]:
    """Field the sender named → canonical column, the first choice first."""
    pairs = (
        (hints.time_field, "timestamp"),
        (hints.message_field, "message"),
        (hints.level_field, "severity_number"),
        (hints.service_field, "service"),
    )
    return {name: canonical for names, canonical in pairs if names for name in names.split(",") if name}


def candidates(names: Iterable[str], hints: Hints) -> dict[str, list[str]]:
    """For each canonical column those of `names` that may fill it, the first choice first.

    Hints are the only choices for their column.
    """
    named = hinted(hints)
    ranks = {name: place - len(named) for place, name in enumerate(named)}
    found: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        if name in named:
            found.setdefault(named[name], []).append((ranks[name], name))
        elif (known := canonical_of(name)) is not None and known[0] not in named.values():
            found.setdefault(known[0], []).append((known[1], name))
    return {canonical: [name for _, name in sorted(ranked)] for canonical, ranked in found.items()}
