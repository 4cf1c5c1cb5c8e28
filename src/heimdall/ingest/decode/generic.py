"""Lines of programs without a layout of their own: a time, a level perhaps, and text.

`LAYOUTS` match what follows the time, `FORMATS` lines that begin with a level.
"""

from __future__ import annotations

import polars as pl

from heimdall.ingest.decode.format import LEVEL, STAMP, Format

_MESSAGE = r"(?P<message>(?s:.*))$"
_WORDS = "TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|SEVERE|CRITICAL|FATAL"

LAYOUTS: tuple[Format, ...] = (
    # tabs between: zap's console encoder
    Format(
        "zap_console",
        rf"^{LEVEL}\t(?:(?P<logger>[A-Za-z0-9_.-]+)\t)?(?P<file>[^\t: ]+\.go):(?P<line_number>[0-9]+)\t{_MESSAGE}",
    ),
    # Go's log package with Lshortfile or Llongfile
    Format("go_log", rf"^(?P<file>[^ :]+\.go):(?P<line_number>[0-9]+): {_MESSAGE}"),
    # Rust's tracing and env_logger
    Format(
        "rust_log",
        rf"^{LEVEL} +(?:[A-Za-z0-9_]+(?:\{{[^}}]*\}})?: )*?(?P<logger>[a-z0-9_]+(?:::[A-Za-z0-9_]+)+)(?:\]|:) "
        rf"{_MESSAGE}",
    ),
    # columns two or more spaces apart: Windows' servicing log
    Format("columns", rf"^{LEVEL} {{2,}}(?P<logger>[A-Z][A-Za-z0-9]{{1,15}}) {{2,}}{_MESSAGE}"),
    # level, in any brackets
    Format("level", rf"^[\[(<|]?{LEVEL}[\])>|]?[:,;]?(?:\s+(?:[-|:] +)?|$){_MESSAGE}"),
    # [thread or component] level
    Format("component_level", rf"^\[(?P<thread>[^\]]+)\] *[\[(<|]?{LEVEL}[\])>|]?[:,]?\s+(?:[-|:] +)?{_MESSAGE}"),
    # up to eight words in capitals (places, subsystems), then the level: Blue Gene's RAS events
    Format(
        "capitals_level",
        r"^(?P<header>(?:[A-Z0-9][A-Z0-9:._-]* ){1,8}?)" rf"(?P<level>{_WORDS}|FAILURE) {_MESSAGE}",
        {"header": pl.col("header").str.strip_chars_end(" ")},
    ),
    Format("timed", rf"^{_MESSAGE}"),
)

FORMATS: tuple[Format, ...] = (
    Format(
        "level_time",
        rf"^[\[(<]?{LEVEL}[\])>]?:? *[\[(]?(?P<timestamp>{STAMP})[\])]?[,:]? *(?:[-|:] +)?{_MESSAGE}",
    ),
    # [level] message and level: message; `Error: …` is left to programs that print exceptions
    Format("level_bracket", rf"^\[{LEVEL}\]:?\s+{_MESSAGE}"),
    Format("level_first", rf"^(?P<level>{_WORDS}|{_WORDS.lower()}):\s+{_MESSAGE}"),
    Format("level_first", rf"^(?P<level>{_WORDS}) +(?:- )?{_MESSAGE}"),
)
