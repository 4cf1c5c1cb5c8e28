"""What a stack trace says: what was thrown, what that was caused by, and the frames of each, innermost first.

Reads what Java and its kin, Python, Go, Node.js and .NET print, whole columns of messages at once. A frame is told by
the last two parts of its name (`com.shop.Pool.take` and `Pool.take` are one), which outlive releases: no line, path,
version or address is part of it, nor the numbers of lambdas, proxies, closures and state machines.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from heimdall.insight.similarity.features import MAX_CHARS

IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

LEAST_FRAMES = 2
"""Of a text that is taken for a stack trace; one line that begins with `at` may be prose."""

_PYTHON = r'^\s*File "(?P<file>[^"]+)", line \d+, in (?P<function>\S+)'
_AT = (
    r"^\s*(?:\S+ )?at +(?:async |new )*(?:[\w.\-]*(?:@[\w.\-]+)?//?)?"
    r"(?P<name>[^\s()/]+)(?: \[as [^\]]*\])? ?\([^)]*\)?"
)
_AT_FILE = r"^\s*at (?:async )?(?:\S*/)?(?P<file>[^\s/()]+):\d+:\d+$"
_GO = r"^(?:created by )?(?P<name>[\w.\-~%/]+(?:\.\(\*?\w+\))?[\w.]*\.[\w.\[\]]+)(?:\(.*\)| in goroutine \d+)?$"
_GO_FILE = r"^\s+\S+\.(?:go|s):\d+"
_THROWN = (
    r'^\s*(?:Exception in thread "[^"]*" |Caused by: |Suppressed: |---> |\[cause\]: |Uncaught |Unhandled exception\. )*'
    r"(?P<name>(?:[A-Za-z_$][\w$]*\.)+[A-Za-z_$][\w$]*"
    r"|[A-Za-z_]*(?:Error|Exception|Exit|Interrupt|Timeout|Warning))(?:: |:?$| \(0x)"
)
_PANIC = r"^panic: (?P<name>[A-Za-z ]+(?:: [A-Za-z ]+)?)"
_SECTION = r"^\s*(?:Caused by: |Suppressed: |---> |--- End of inner|\[cause\]: |Traceback \(most recent|goroutine \d)"

_GENERATED: Final = (
    (r"<(\w+)>[a-z]__[\w|]*(?:\.MoveNext)?", "$1"),  # state machines and local functions of .NET
    (r"lambda\$(\w+)\$\d+", "$1"),
    (r"\$\$[^.]*", ""),  # proxies
    (r"\(\*?(\w+)\)", "$1"),  # receivers of Go
    (r"(?:\.func\d+|\.gowrap\d+|\.\d+)+$", ""),  # closures of Go
    (r"\[[^\]]*\]|`\d+|[<>]", ""),  # type parameters
    (r"\d+(\.|$)", "$1"),
)


_LINE = pl.col("line")
_FILE, _FUNCTION = (_LINE.str.extract_groups(_PYTHON).struct.field(name) for name in ("file", "function"))
_MODULE = _FILE.str.extract(r"([^/\\]+?)(?:\.\w+)?$")

# Built once: to build them takes as long as to read the lines of a trace.
_MATCHED: Final = (
    pl.when(_MODULE.is_not_null()).then(_MODULE + "." + _FUNCTION).alias("python"),
    _LINE.str.extract(_GO).alias("go"),
    pl.coalesce(_LINE.str.extract(_AT), _LINE.str.extract(_AT_FILE).str.replace(r"\.\w+$", "")).alias("at"),
    pl.coalesce(_LINE.str.extract(_PANIC), _LINE.str.extract(_THROWN)).alias("thrown"),
    _LINE.str.contains(_GO_FILE).alias("is_go_file"),
    _LINE.str.contains(_SECTION).alias("is_section"),
    _FILE.is_not_null().alias("is_reversed"),
)
_FRAME, _GO_FRAME = pl.coalesce("python", "at"), pl.coalesce("python", "go", "at")
_TOLD: Final = (
    "is_go_file",
    "is_section",
    "is_reversed",
    _FRAME.is_not_null().alias("is_frame"),
    _GO_FRAME.is_not_null().alias("is_go_frame"),
    pl.col("thrown").is_not_null().alias("is_thrown"),
    pl.coalesce(_FRAME, "thrown").alias("written"),
    pl.coalesce(_GO_FRAME, "thrown").alias("written_in_go"),
)


def _without_generated(name: pl.Expr) -> pl.Expr:
    for pattern, kept in _GENERATED:
        name = name.str.replace_all(pattern, kept)
    return name.str.strip_chars(" .$").str.extract(r"([^./\\:$]+(?:[./\\:$]+[^./\\:$]+)?)$")


_SHOWN: Final = _without_generated(pl.col("written")).alias("shown")
_NAME: Final = pl.col("shown").str.to_lowercase().str.replace_all(r"[/\\:$]+", ".").alias("name")


def stack_names(texts: pl.Series) -> pl.DataFrame:
    """Exceptions and frames of the texts that have `LEAST_FRAMES` frames at least, in their order.

    Columns `text` (UInt32, its place), `thrown` (an exception, not a frame), `depth` (UInt32, 0 where it was
    thrown, anew in each part of the trace), `shown` (as it stands in the text, without what was generated) and
    `name` (the same in lower case). Traces repeat each other's lines: each is read once.
    """
    text, lines = _lines(texts)
    encoded = lines.to_arrow().cast(pa.large_string()).dictionary_encode()
    read = _read(pl.Series("line", encoded.dictionary))
    line: IntArray = encoded.indices.to_numpy().astype(np.int64)
    goes_on = np.zeros(len(text), np.bool_)  # the next line is of the same text
    goes_on[:-1] = text[1:] == text[:-1]
    in_go = goes_on & read["is_go_file"].to_numpy()[np.roll(line, -1)]
    part = np.cumsum(read["is_section"].to_numpy()[line])
    is_frame = np.where(in_go, read["is_go_frame"].to_numpy()[line], read["is_frame"].to_numpy()[line])
    is_reversed = read["is_reversed"].to_numpy()[line]
    enough = np.bincount(text[is_frame], minlength=len(texts)) >= LEAST_FRAMES
    kept = np.flatnonzero((is_frame | read["is_thrown"].to_numpy()[line]) & enough[text])
    text, is_frame, in_go, line = text[kept], is_frame[kept], in_go[kept], line[kept]
    depth = _depths(text, part[kept], is_frame, is_reversed[kept])
    written = pl.concat([read["written"], read["written_in_go"]]).gather(line + read.height * in_go)
    columns = {"text": text.astype(np.uint32), "thrown": ~is_frame, "depth": depth.astype(np.uint32)}
    return pl.DataFrame(columns).hstack(_named(written)).drop_nulls("shown")


def _lines(texts: pl.Series) -> tuple[IntArray, pl.Series]:
    """(place of its text, line) of every line that counts."""
    lines = (
        pl.LazyFrame({"text": pl.arange(len(texts), dtype=pl.Int64, eager=True), "line": texts.cast(pl.String)})
        .with_columns(pl.col("line").str.head(MAX_CHARS).str.split("\n"))
        .explode("line")
        .drop_nulls()
        .with_columns(pl.col("line").str.strip_chars_end())
        .collect()
    )
    return lines["text"].to_numpy(), lines["line"]


def _read(lines: pl.Series) -> pl.DataFrame:
    """What each line is, and what it names; a name of Go is one only where a line with its file follows."""
    return lines.to_frame().select(_MATCHED).select(_TOLD)


def _named(written: pl.Series) -> pl.DataFrame:
    """`shown` and `name` of names as they are written: each is read once."""
    encoded = written.to_arrow().cast(pa.large_string()).dictionary_encode()
    distinct = pl.DataFrame({"written": encoded.dictionary}).select(_SHOWN).with_columns(_NAME)
    return distinct[pl.Series(encoded.indices)]


def _depths(text: IntArray, part: IntArray, is_frame: BoolArray, is_reversed: BoolArray) -> IntArray:
    """How far below where it was thrown each frame is in its part of the trace; 0 of what was thrown."""
    begin = np.ones(len(text), np.bool_)
    begin[1:] = (text[1:] != text[:-1]) | (part[1:] != part[:-1])
    of_part = np.cumsum(begin) - 1
    frames = np.bincount(of_part, is_frame).astype(np.int64)
    so_far = np.cumsum(is_frame) - (np.cumsum(frames) - frames)[of_part]
    return np.where(is_frame, np.where(is_reversed, frames[of_part] - so_far, so_far - 1), 0)
