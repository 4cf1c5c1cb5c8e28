"""What a stack trace says: what was thrown, what that was caused by, and the frames of each, innermost first.

Reads what Java and its kin, Python, Go, Node.js and .NET print, whole columns of messages at once. A frame is told by
the last two parts of its name (`com.shop.Pool.take` and `Pool.take` are one), which outlive releases: no line, path,
version or address is part of it, nor the numbers of lambdas, proxies, closures and state machines.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from heimdall.insight.similarity.features import MAX_CHARS

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


def stack_names(texts: pl.Series) -> pl.LazyFrame:
    """Exceptions and frames of the texts that have `LEAST_FRAMES` frames at least.

    Columns `text` (UInt32, its place), `thrown` (an exception, not a frame), `depth` (UInt32, 0 where it was
    thrown, anew in each part of the trace), `shown` (as it stands in the text, without what was generated) and
    `name` (the same in lower case).
    """
    lines = (
        pl.LazyFrame({"text": pl.arange(len(texts), dtype=pl.UInt32, eager=True), "line": texts.cast(pl.String)})
        .with_columns(pl.col("line").str.head(MAX_CHARS).str.split("\n"))
        .explode("line")
        .drop_nulls()
        .with_columns(pl.col("line").str.strip_chars_end())
    )
    line = pl.col("line")
    in_go = line.shift(-1).over("text").str.contains(_GO_FILE)
    python, go = line.str.extract_groups(_PYTHON), pl.when(in_go).then(line.str.extract(_GO))
    file = python.struct.field("file").str.extract(r"([^/\\]+?)(?:\.\w+)?$")
    frame = pl.coalesce(
        pl.when(file.is_not_null()).then(file + "." + python.struct.field("function")),
        go,
        line.str.extract(_AT),
        line.str.extract(_AT_FILE).str.replace(r"\.\w+$", ""),
    )
    thrown = pl.when(frame.is_null()).then(pl.coalesce(line.str.extract(_PANIC), line.str.extract(_THROWN)))
    found = (
        lines.with_columns(
            frame.alias("frame"),
            thrown.alias("exception"),
            python.struct.field("file").is_not_null().alias("reversed"),
            line.str.contains(_SECTION).cum_sum().over("text").alias("part"),
        )
        .filter(pl.col("frame").is_not_null() | pl.col("exception").is_not_null())
        .filter(pl.col("frame").count().over("text") >= LEAST_FRAMES)
    )
    place = pl.col("frame").is_not_null().cum_sum()
    depth = pl.when(pl.col("reversed")).then(pl.col("frame").count() - place).otherwise(place - 1)
    return (
        found.with_columns(
            pl.when(pl.col("frame").is_null()).then(0).otherwise(depth.over("text", "part")).alias("depth"),
            pl.col("frame").is_null().alias("thrown"),
            _without_generated(pl.coalesce("frame", "exception")).alias("shown"),
        )
        .with_columns(pl.col("shown").str.extract(r"([^./\\:$]+[./\\:$]+[^./\\:$]+|[^./\\:$]+)$"))
        .drop_nulls("shown")
        .select("text", "thrown", pl.col("depth").cast(pl.UInt32), "shown",
                pl.col("shown").str.to_lowercase().str.replace_all(r"[/\\:$]+", ".").alias("name"))
    )  # fmt: skip


def _without_generated(name: pl.Expr) -> pl.Expr:
    for pattern, kept in _GENERATED:
        name = name.str.replace_all(pattern, kept)
    return name.str.strip_chars(" .$")
