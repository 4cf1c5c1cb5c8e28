"""How services spell their lines: one module per format, each with `write(block) -> lines` and how it is sent.

A block here has the columns of `lines.BLOCK_SCHEMA` and `service`, `instance_name`, `region`, `version`. A line may
hold line feeds where its format lets a stack trace follow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from heimdall.app.demo.formats import (
    combined,
    container_cri,
    container_json,
    ecs,
    kafka_log4j,
    klog,
    log4j,
    logfmt,
    node_text,
    pino,
    python_json,
    python_logging,
    spring,
    structlog,
    syslog_3164,
    syslog_5424,
    zap,
)


@dataclass(frozen=True, slots=True)
class Writer:
    write: Callable[[pl.DataFrame], pl.Series]
    json: bool
    """One JSON object a line, which names its service itself; else text, sent with the service's name beside it."""


WRITERS: dict[str, Writer] = {
    "combined": Writer(combined.write, json=False),
    "container_cri": Writer(container_cri.write, json=False),
    "container_json": Writer(container_json.write, json=True),
    "ecs": Writer(ecs.write, json=True),
    "kafka_log4j": Writer(kafka_log4j.write, json=False),
    "klog": Writer(klog.write, json=False),
    "log4j": Writer(log4j.write, json=False),
    "logfmt": Writer(logfmt.write, json=False),
    "node_text": Writer(node_text.write, json=False),
    "pino": Writer(pino.write, json=True),
    "python_json": Writer(python_json.write, json=True),
    "python_logging": Writer(python_logging.write, json=False),
    "spring": Writer(spring.write, json=False),
    "structlog": Writer(structlog.write, json=True),
    "syslog_3164": Writer(syslog_3164.write, json=False),
    "syslog_5424": Writer(syslog_5424.write, json=False),
    "zap": Writer(zap.write, json=True),
}
