"""Error logs of web servers: Apache httpd 2.2 and 2.4, nginx. `LAYOUTS` match what follows the time."""

from __future__ import annotations

import polars as pl

from heimdall.ingest.decode.format import LEVEL, Format

LAYOUTS: tuple[Format, ...] = (
    Format(
        "nginx_error",
        rf"^\[{LEVEL}\] (?P<pid>[0-9]+)#(?P<tid>[0-9]+): (?:\*(?P<connection>[0-9]+) )?(?P<message>(?s:.*))$",
        {
            "client": pl.col("message").str.extract(r", client: ([0-9a-fA-F.:]+)"),
            "server": pl.col("message").str.extract(r', server: ([^, "]+)'),
        },
    ),
    Format(
        "apache_error",
        rf"^\[(?:(?P<logger>[A-Za-z0-9_]*):)?{LEVEL}\](?: \[pid (?P<pid>[0-9]+)(?::tid (?P<tid>[0-9]+))?\])?"
        r"(?: \[client (?P<client>[0-9a-fA-F.:]*?[0-9a-fA-F])(?::(?P<client_port>[0-9]{1,5}))?\])? "
        r"(?P<message>(?s:.*))$",
    ),
)
