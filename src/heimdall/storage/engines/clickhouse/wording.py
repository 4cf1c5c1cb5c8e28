"""What a table knows of the messages in it, and a statement that makes use of it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlglot import exp, parse_one

from heimdall.storage.engines.clickhouse import layout
from heimdall.storage.engines.clickhouse.connection import Driver
from heimdall.storage.engines.clickhouse.indexes import use_indexes
from heimdall.storage.engines.clickhouse.phrases import by_forms


@dataclass(frozen=True, slots=True)
class Wording:
    """Of `layout.DATABASE`.`table`. A table keeps what it was made with, so one of an earlier version knows less."""

    table: str
    forms: bool
    """Whether it has a column of forms."""
    exact: bool
    """Whether its index holds the words of `layout.WORDS`, all and no others."""

    @classmethod
    def of(cls, driver: Driver, table: str) -> Wording:
        statement = (
            exp.select("default_expression")
            .from_(exp.table_("columns", db="system"))
            .where(*(exp.EQ(this=exp.column(name), expression=exp.Literal.string(value)) for name, value in (
                ("database", layout.DATABASE), ("table", table), ("name", "message_words"),
            )))
        )  # fmt: skip
        (row,) = driver.fetch(statement.sql("clickhouse"), {}).table.to_pylist()
        words = parse_one(row["default_expression"], dialect="clickhouse")
        forms = words == parse_one(layout.WORDS_OF_FORMS, dialect="clickhouse")
        return cls(table, forms, exact=forms or words == parse_one(layout.WORDS, dialect="clickhouse"))

    def indexed(self, statement: exp.Query) -> exp.Query:
        """The same statement, answered by indexes and forms where it can be. The argument stays as it is."""
        if self.forms:
            statement = by_forms(statement, self.table)
        return use_indexes(statement, exact_words=self.exact)

    def as_read(self, statement: exp.Query) -> exp.Query:
        """`indexed` for a judgement of its cost: without what only the few records that have no form need."""
        if self.forms:
            statement = by_forms(statement, self.table, all_formed=True)
        return use_indexes(statement, exact_words=self.exact)
