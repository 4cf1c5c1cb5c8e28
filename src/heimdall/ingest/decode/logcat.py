"""Android's logcat: `threadtime` (the default) and `brief`. `LAYOUTS` match what follows the time."""

from __future__ import annotations

from heimdall.ingest.decode.format import Format

LAYOUTS: tuple[Format, ...] = (
    Format(
        "logcat",
        r"^(?P<pid>[0-9]+) +(?P<tid>[0-9]+) (?P<level>[VDIWEF]) (?P<logger>[^:]*?) *: ?(?P<message>(?s:.*))$",
    ),
)

FORMATS: tuple[Format, ...] = (
    Format(
        "logcat_brief",
        r"^(?P<level>[VDIWEF])/(?P<logger>[^()]+?) *\( *(?P<pid>[0-9]+)\): (?P<message>(?s:.*))$",
    ),
)
