"""Event logs of supercomputers: Blue Gene's RAS events, syslog collected with an alert label, LANL's event lists.

Source: the formats of the USENIX Computer Failure Data Repository (BG/L, Thunderbird; LANL "event log" columns).
The alert label of a line (`-` = none) becomes the attribute `alert`.
"""

from __future__ import annotations

import polars as pl

from heimdall.ingest.decode.format import LEVEL, Format

_LABELLED = r"^(?P<alert>[A-Z0-9_-]+) (?P<timestamp>1[0-9]{9}) [0-9]{4}\.[0-9]{2}\.[0-9]{2} (?P<instance>[^ ]+)"

FORMATS: tuple[Format, ...] = (
    Format(
        "bluegene_ras",
        rf"{_LABELLED} [0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}-[0-9.]+ [^ ]+ (?P<service>[A-Z]+) (?P<logger>[A-Z_]+) {LEVEL} ?"
        r"(?P<message>(?s:.*))$",
    ),
    Format(
        "labelled_syslog",
        rf"{_LABELLED} [A-Z][a-z]{{2}} +[0-9]{{1,2}} [0-9:]{{8}} [^ ]+ "
        r"(?:(?P<service>[^ \[\]:]+)(?:\[(?P<pid>[0-9]+)\])?: ?)?(?P<message>(?s:.*))$",
    ),
    Format(
        "cluster_event",
        r"^(?P<event_id>[0-9]+) (?P<instance>[^ ]+) (?P<logger>[A-Za-z_][^ ]*) (?P<state>[^ ]+) "
        r"(?P<timestamp>1[0-9]{9}) [0-9] (?P<message>(?s:.*))$",
        {"event_id": pl.col("event_id").cast(pl.Int64, strict=False)},
    ),
)
