"""Which lines continue the record above them: stack traces of Java, Python, Go and Node, and indented lines.

Everything is columns: a mask of continuing lines, its running count as the record's number, one join of texts.
Only lines no format knows can continue; a line that states its own time, level or shape begins a record.
"""

from __future__ import annotations

import polars as pl

_INDENTED = r"^[ \t]+[^ \t\r\n]"
_ALWAYS = "|".join(
    (
        r"Caused by: ",
        r"Suppressed: ",
        r"\.\.\. [0-9]+ (?:more|common frames)",
        r"During handling of the above exception",
        r"The above exception was the direct cause",
        r"goroutine [0-9]+ (?:gp=|\[)",
        r"created by ",
        r"exit status [0-9]+$",
        r"\[signal ",
        r"Node\.js v[0-9]",
        r"--- End of ",
        r"[\])}]+[,;]?$",
    )
)
_CONTINUES = rf"^(?:{_ALWAYS})"
_TRACEBACK = r"^(?:Traceback \(most recent call last\):|Stack ?trace:)"
_EXCEPTION = (
    r"^(?:[A-Za-z_$][A-Za-z0-9_$]*(?:\.|::))*[A-Za-z_$][A-Za-z0-9_$]*(?:Exception|Error|Throwable|Fault)(?:$|[:( \[])"
    r"|^Error: "
)
_DOTTED_NAME = r"^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*(?::|$)"
_FRAME = r"^[ \t]+(?:at [^ ]|\.\.\. [0-9]+ |File \"|[^ ]+\.go:[0-9]+)|^Caused by: "
_GO_CALL = r"^[A-Za-z_][A-Za-z0-9_./*()\[\]-]*\(.*\)$"
_GO_FILE = r"^\t.*\.go:[0-9]+"


def continuations(lines: pl.Series, known: pl.Series, joins: pl.Series, *, more_follows: bool = False) -> pl.Series:
    """Mask of the lines that belong to the record above them.

    `lines`: String, none empty. `known`: lines some format recognised. `joins`: false for known lines that nothing
    continues. `more_follows`: the lines are the beginning of more; a line whose meaning hangs on the next one then
    counts as continuing, so that a caller who waits for the rest keeps it with what it may belong to.
    """
    if known.all():
        return ~known
    frame = pl.DataFrame({"line": lines, "known": known, "joins": joins})
    unknown = ~pl.col("known")
    marked = frame.with_columns(
        indented=unknown & pl.col("line").str.contains(_INDENTED),
        always=unknown & pl.col("line").str.contains(_CONTINUES),
        traceback=unknown & pl.col("line").str.contains(_TRACEBACK),
        exception=unknown & pl.col("line").str.contains(_EXCEPTION),
        name=unknown & pl.col("line").str.contains(_DOTTED_NAME),
        call=unknown & pl.col("line").str.contains(_GO_CALL),
        next_frame=(unknown & pl.col("line").str.contains(_FRAME)).shift(-1, fill_value=more_follows),
        next_go=(unknown & pl.col("line").str.contains(_GO_FILE)).shift(-1, fill_value=more_follows),
        row=pl.int_range(pl.len()),
    ).with_columns(
        last_traceback=pl.when("traceback").then("row").cum_max().forward_fill(),
        last_known=pl.when("known").then("row").cum_max().forward_fill(),
    )
    in_traceback = pl.col("last_traceback") > pl.col("last_known").fill_null(-1)
    raised = pl.col("name") & pl.col("indented").shift(1, fill_value=False) & in_traceback.fill_null(value=False)
    shy = (pl.col("exception") & pl.col("next_frame")) | pl.col("traceback")
    bold = pl.col("indented") | pl.col("always") | raised | (pl.col("call") & pl.col("next_go"))
    candidates = marked.select("known", "joins", shy=shy & ~bold, any=shy | bold)
    begins_run = pl.col("any") & ~pl.col("any").shift(1, fill_value=False)
    above_closed = (pl.col("known") & ~pl.col("joins")).shift(1, fill_value=True)
    above_unknown = (~pl.col("known")).shift(1, fill_value=True)
    alone = begins_run & (above_closed | (above_unknown & pl.col("shy")))
    return candidates.select(pl.col("any") & ~alone).to_series()


def joined_tails(lines: pl.Series, continues: pl.Series) -> pl.DataFrame:
    """The continuing lines of each record that has some: `row` of its first line (UInt32) and `tail`, by newlines."""
    rows = pl.int_range(len(lines), dtype=pl.UInt32, eager=True)
    owner = pl.select(pl.when(~pl.lit(continues)).then(pl.lit(rows)).forward_fill()).to_series()
    tails = pl.DataFrame({"row": owner, "line": lines}).filter(continues)
    return tails.group_by("row", maintain_order=True).agg(pl.col("line").str.join("\n").alias("tail"))
