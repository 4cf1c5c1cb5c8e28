"""Pieces that several formats spell alike: times, levels, optional members, stack traces."""

from __future__ import annotations

import polars as pl


def stamp(pattern: str) -> pl.Expr:
    """The record's time in UTC by a strftime pattern (`%3f`: milliseconds)."""
    return pl.from_epoch(pl.col("time_ns"), time_unit="ns").dt.strftime(pattern)


def iso_ms() -> pl.Expr:
    return stamp("%Y-%m-%dT%H:%M:%S.%3fZ")


def spelled(names: dict[str, str]) -> pl.Expr:
    """The level in the format's own words."""
    return pl.col("level").replace_strict(names, return_dtype=pl.String)


def optional(template: str, column: str) -> pl.Expr:
    """`template` filled with the column, or nothing where the column is empty."""
    value = pl.col(column)
    return pl.when(value != "").then(pl.format(template, value)).otherwise(pl.lit(""))


def optional_number(template: str, column: str) -> pl.Expr:
    return pl.format(template, pl.col(column)).fill_null("")


def json_ids(trace: str = "trace_id", span: str = "span_id", parent: str = "parent_span_id") -> pl.Expr:
    """Members of a JSON object for the ids the record has, each with its comma before it."""
    return pl.concat_str(
        optional(f',"{trace}":"{{}}"', "trace_id"),
        optional(f',"{span}":"{{}}"', "span_id"),
        optional(f',"{parent}":"{{}}"', "parent_span_id"),
        optional(',"user_id":"{}"', "user_id"),
        optional(',"session_id":"{}"', "session_id"),
        optional(',"request_id":"{}"', "request_id"),
    )


def text_ids(separator: str = " ") -> pl.Expr:
    """`trace_id=… span_id=…` for the ids the record has, each with the separator before it."""
    return pl.concat_str(
        *[
            optional(f"{separator}{name}={{}}", name)
            for name in ("trace_id", "span_id", "parent_span_id", "user_id", "session_id", "request_id")
        ]
    )


def context(opening: str, closing: str) -> pl.Expr:
    """The ids in brackets, or nothing when the record has none."""
    ids = text_ids().str.strip_prefix(" ")
    return pl.when(pl.col("trace_id") != "").then(pl.format(f"{opening}{{}}{closing}", ids)).otherwise(pl.lit(""))


def following_stack() -> pl.Expr:
    return optional("\n{}", "stack")


def json_stack(name: str) -> pl.Expr:
    """The stack trace as a JSON member; quotes, tabs and line feeds escaped."""
    escaped = (
        pl.col("stack")
        .str.replace_all("\\", "\\\\", literal=True)
        .str.replace_all('"', '\\"', literal=True)
        .str.replace_all("\n", "\\n", literal=True)
        .str.replace_all("\t", "\\t", literal=True)
    )
    return pl.when(pl.col("stack") != "").then(pl.format(f',"{name}":"{{}}"', escaped)).otherwise(pl.lit(""))


UPPER = {"trace": "TRACE", "debug": "DEBUG", "info": "INFO", "warn": "WARN", "error": "ERROR", "fatal": "FATAL"}
PYTHON = {
    "trace": "DEBUG", "debug": "DEBUG", "info": "INFO", "warn": "WARNING", "error": "ERROR", "fatal": "CRITICAL",
}  # fmt: skip
