"""`Result`: rows of an answer, and how sure they are."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import polars as pl
import pyarrow as pa

from heimdall.app.library.backend import Facts
from heimdall.query.columns import typed_columns
from heimdall.query.rows import plain_rows


class Result:
    """Immutable. Iterating gives rows as dictionaries; tables have one typed column a field."""

    def __init__(self, rows: pa.Table, facts: Facts) -> None:
        self._rows = rows
        self._facts = facts

    def to_arrow(self) -> pa.Table:
        """One typed column a field, absent values null; times are `timestamp[ns, UTC]`."""
        return self._typed

    def to_polars(self) -> pl.DataFrame:
        frame = pl.from_arrow(self._typed)
        assert isinstance(frame, pl.DataFrame)
        return frame

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame`. Whole numbers that are absent somewhere become floats, as pandas has it."""
        return self._typed.to_pandas()

    def rows(self) -> list[dict[str, Any]]:
        """As the HTTP API writes them: times are RFC 3339 text, absent values are left out."""
        return list(self)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return plain_rows(self._rows)

    def __len__(self) -> int:
        return int(self._rows.num_rows)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """The Arrow PyCapsule protocol: Polars, DuckDB and others take a result as it is."""
        return self._typed.__arrow_c_stream__(requested_schema)

    @cached_property
    def _typed(self) -> pa.Table:
        return typed_columns(self._rows)

    # ---- the envelope

    @property
    def columns(self) -> list[str]:
        return list(self._typed.column_names)

    @property
    def exact(self) -> bool:
        """True when nothing was estimated."""
        return self._facts.exact

    @property
    def error(self) -> float | None:
        """± bound of an estimate; None when exact."""
        return self._facts.error

    @property
    def partial(self) -> bool:
        """True when a limit or a deadline cut the answer short."""
        return self._facts.partial

    @property
    def more(self) -> bool:
        """True when there are further rows: ask with a larger limit, or use `stream`."""
        return self._facts.next is not None or self._facts.partial

    @property
    def scanned_rows(self) -> int:
        """Records the engines read to answer."""
        return self._facts.scanned_rows

    @property
    def tiers(self) -> tuple[str, ...]:
        return self._facts.tiers

    @property
    def took_ms(self) -> float:
        """From question to answer, all pages together, without the way to this process."""
        return self._facts.took_ms

    @property
    def query_id(self) -> str:
        return self._facts.query_id

    @property
    def extra(self) -> dict[str, object]:
        """What some answers say beside their rows: a histogram's `interval_ms`, `from`, `to` and `total`."""
        return dict(self._facts.extra)

    # ---- for people

    def __repr__(self) -> str:
        from heimdall.app.library.show import TERMINAL_ROWS, as_text

        return as_text(self._first(TERMINAL_ROWS), self._status(TERMINAL_ROWS))

    def _repr_html_(self) -> str:
        from heimdall.app.library.show import NOTEBOOK_ROWS, as_html

        return as_html(self._first(NOTEBOOK_ROWS), self._status(NOTEBOOK_ROWS))

    def _first(self, count: int) -> list[dict[str, Any]]:
        return list(plain_rows(self._rows.slice(0, count)))

    def _status(self, shown: int) -> str:
        count = "1 row" if len(self) == 1 else f"{len(self):,} rows"
        first = f", the first {shown} shown" if len(self) > shown else ""
        more = ", there are more" if self.more else ""
        sure = "exact" if self.exact else f"± {self.error}"
        return f"{count}{first}{more} · {sure} · {self.scanned_rows:,} scanned · {self.took_ms:.0f} ms"
