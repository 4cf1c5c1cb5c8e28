"""PostgreSQL, MySQL and Redis servers' own logs. `LAYOUTS` match what follows the time."""

from __future__ import annotations

import polars as pl

from heimdall.ingest.decode.format import Format

_POSTGRES_LEVEL = "DEBUG[1-5]?|INFO|NOTICE|WARNING|ERROR|LOG|FATAL|PANIC|STATEMENT|DETAIL|HINT|CONTEXT"

LAYOUTS: tuple[Format, ...] = (
    # log_line_prefix '%m [%p] ' and '%m [%p] %q%u@%d '
    Format(
        "postgresql",
        r"^\[(?P<pid>[0-9]+)\]:? (?:\[[0-9]+-[0-9]+\] )?(?:(?:user=)?(?P<database_user>[A-Za-z0-9_-]*)(?:@|,db=)"
        rf"(?P<database>[A-Za-z0-9_-]*)[^ ]* )?(?P<level>{_POSTGRES_LEVEL}): +(?P<message>(?s:.*))$",
    ),
    Format(
        "mysql",
        r"^(?P<tid>[0-9]+) \[(?P<level>System|Note|Warning|Error|ERROR)\] "
        r"(?:\[(?P<error_code>MY-[0-9]+)\] \[(?P<logger>[A-Za-z]+)\] )?(?P<message>(?s:.*))$",
    ),
)

FORMATS: tuple[Format, ...] = (
    Format(
        "redis",
        r"^(?P<pid>[0-9]+):(?:signal-handler|[XCSM]) "
        r"(?P<timestamp>[0-9]{2} [A-Z][a-z]{2} (?:[0-9]{4} )?[0-9:]{8}\.[0-9]{3}) "
        r"(?P<mark>[.*#-]) (?P<message>(?s:.*))$",
        {
            "severity_number": pl.col("mark").replace_strict(
                {".": 5, "-": 9, "*": 10, "#": 13}, default=None, return_dtype=pl.UInt8
            ),
            "mark": pl.lit(None, pl.String),
        },
    ),
)
