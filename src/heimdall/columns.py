"""Columns of Polars frames whose names are those of senders and questions."""

from __future__ import annotations

import polars as pl
import polars.selectors as cs


def named(name: str) -> pl.Expr:
    """As `pl.col`, for which a name such as `^a.*$` is a pattern of names."""
    return cs.by_name(name).as_expr()
