"""`matches(text, /pattern/)`: whether RE2 finds the pattern."""

from __future__ import annotations

from heimdall.query.frame.values import matching
from heimdall.query.functions.definition import Function, Kind
from heimdall.query.sql.nodes import call, string
from heimdall.query.types import Type

FUNCTION = Function(
    name="matches",
    signature="matches(text, /pattern/)",
    doc="Whether the pattern (RE2) is found anywhere in the text. `text =~ /pattern/` is the same.",
    example="* | where matches(message, /time[- ]?out/)",
    takes=(Kind.TEXT, Kind.PATTERN),
    gives=Type.BOOLEAN,
    sql=lambda a: call("match", a.text(0), string(str(a.literal(1)))),
    frame=lambda a: matching(a.text(0), str(a.literal(1))),
)
