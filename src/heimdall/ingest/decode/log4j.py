"""Log4j, Logback, java.util.logging and Spring Boot: the layouts programs are configured with.

Conversion characters in the comments are Log4j's: %d time, %p level, %t thread, %c logger, %L line, %m message.
`LAYOUTS` match what follows the time.
"""

from __future__ import annotations

import polars as pl

from heimdall.ingest.decode.format import LEVEL, STAMP, Format

_LOGGER = r"(?P<logger>[A-Za-z_$][A-Za-z0-9_.$/-]*)"
_DOTTED = r"(?P<logger>[A-Za-z_$][A-Za-z0-9_$-]*(?:[.$][A-Za-z0-9_$-]+)+)"
_THREAD = r"\[ *(?P<thread>[^\]]*?) *\]"
_LINE = r"(?P<line_number>[0-9]+)"
_MESSAGE = r"(?P<message>(?s:.*))$"

LAYOUTS: tuple[Format, ...] = (
    # Spring Boot, with application and trace correlation since 3.2
    Format(
        "spring_boot",
        rf"^{LEVEL} +(?P<pid>[0-9]+) --- (?:\[ *(?P<service>[^\]]*?) *\] ?)??{_THREAD}"
        rf"(?: ?\[(?P<trace_id>[0-9a-f]{{32}})?-? *(?P<span_id>[0-9a-f]{{16}})? *\])? *(?P<logger>[^ ]+) *: {_MESSAGE}",
    ),
    # Spring Cloud Sleuth
    Format(
        "spring_boot",
        rf"^{LEVEL} +\[(?P<service>[^,\]]*),(?P<trace_id>[0-9a-f]*),(?P<span_id>[0-9a-f]*)(?:,[^\]]*)?\] "
        rf"(?P<pid>[0-9]+) --- {_THREAD} (?P<logger>[^ ]+) *: {_MESSAGE}",
    ),
    # %d %p %m (%c): Kafka
    Format(
        "log4j_kafka",
        rf"^{LEVEL} +(?P<message>(?s:.*)) \((?P<logger>[A-Za-z_$][A-Za-z0-9_$]*(?:[.$][A-Za-z0-9_$-]+)+)\) *$",
        suffix=r" \((?P<logger>[A-Za-z_$][A-Za-z0-9_$]*(?:[.$][A-Za-z0-9_$-]+)+)\) *$",
        anchor="message",
    ),
    # %d - %p [%t:%C{1}@%L] - %m: ZooKeeper
    Format(
        "log4j_zookeeper",
        rf"^(?:\[myid:[0-9]*\] - )?{LEVEL} +\[(?P<thread>.*?):(?P<logger>[A-Za-z_][A-Za-z0-9_$.]*)@{_LINE}\] - "
        rf"{_MESSAGE}",
    ),
    # %d %p [%t] %c: %m
    Format(
        "log4j_level_thread_logger",
        rf"^{LEVEL} +{_THREAD} +{_LOGGER}(?::{_LINE})?(?: ?: | +- ){_MESSAGE}",
    ),
    # %d [%t] %p %c - %m: Logback's default
    Format(
        "logback",
        rf"^{_THREAD} +{LEVEL} +{_LOGGER}(?:[:#]{_LINE})?(?: \[[^\]]*\])* *(?:-|:) ?{_MESSAGE}",
    ),
    # %d %p [%t] %c.method %m: Tomcat
    Format("log4j_tomcat", rf"^{LEVEL} +{_THREAD} +{_DOTTED} {_MESSAGE}"),
    # %d %p %c{{1.}} [%t] %m
    Format(
        "log4j_level_logger_thread",
        rf"^{LEVEL} +{_DOTTED}(?:[:#]{_LINE})? +\[(?P<thread>[^\]]+)\] *(?:[-:] )?{_MESSAGE}",
    ),
    # %d %p %c#%L %m
    Format("log4j_level_logger_line", rf"^{LEVEL} +{_DOTTED}[#:]{_LINE}\b *(?:[-:] )?{_MESSAGE}"),
    # %d %p %c: %m, with a process number before the level in some
    Format("log4j_level_logger", rf"^(?:(?P<pid>[0-9]+) )?{LEVEL} +{_DOTTED}(?: ?:|:? -) ?{_MESSAGE}"),
    Format("log4j_level_logger", rf"^(?:(?P<pid>[0-9]+) )?{LEVEL} +{_LOGGER} - {_MESSAGE}"),
)

FORMATS: tuple[Format, ...] = (
    # %p [%t] %d %F:%L - %m: Cassandra
    Format(
        "log4j_level_first",
        rf"^{LEVEL} +{_THREAD} +(?P<timestamp>{STAMP}),? (?P<file>[A-Za-z0-9_$]+\.[a-z]+):{_LINE} - {_MESSAGE}",
    ),
    # %r [%t] %p %c %x - %m: Log4j's TTCC; %r counts ms since the program started, so there is no time
    Format(
        "log4j_ttcc",
        rf"^(?P<since_start_ms>[0-9]{{1,12}}) +{_THREAD} +{LEVEL} +{_DOTTED}(?: [^-]*)? - {_MESSAGE}",
        {"since_start_ms": pl.lit(None, pl.String)},
    ),
)
