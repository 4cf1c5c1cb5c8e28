"""Expressions of Splunk's `eval` and `where`: texts stand in double quotes, odd field names in single ones."""

from __future__ import annotations

from heimdall.query.ast import Expression
from heimdall.query.languages.calls import EVAL
from heimdall.query.languages.cursor import Cursor
from heimdall.query.languages.expressions import Dialect, ExpressionReader
from heimdall.query.languages.spl.names import field_name
from heimdall.query.languages.translation import Gaps


def parse_expression(cursor: Cursor, gaps: Gaps) -> Expression:
    return ExpressionReader(cursor, gaps, SPL).read()


NEAREST_FUNCTION: dict[str, str] = {
    "strftime": "bin(timestamp, 1h), hour(timestamp), tostring(timestamp)",
    "strptime": "times are read when a record comes in; compare with a quoted time",
    "relative_time": "timestamp - 1h",
    "time": "now()",
    "mvcount": "lists are JSON text",
    "mvindex": "split(text, separator, place)",
    "mvjoin": "values(field)",
    "spath": "the fields of JSON are fields already: a.b.c",
}

SPL = Dialect(
    functions=EVAL,
    nearest=NEAREST_FUNCTION,
    field_name=field_name,
    text_marks='"',
    name_mark="'",
    dot_joins=True,
    sql_tests=False,
)
