"""When the first and the last record of some templates came, each looked for in one minute of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from heimdall.query.sql.nodes import binary, both, call, column, number
from heimdall.storage.rollups import MINUTE_NS, minute_of

HOUR_NS = 3600 * 10**9


def moments_statement(
    table: exp.Expression, conditions: Sequence[exp.Expression], minutes: Mapping[int, int], *, message: bool
) -> exp.Select:
    """`template_id`, `first` and `last` of the records that fulfil `conditions` in the minute (its number since 1970,
    by template id) of their template; with `message` the one of the last of them, too.

    The hours say what the minutes say in the words of the table's key, which finds them.
    """
    hour = call("intDiv", call("toUnixTimestamp64Nano", column("timestamp")), number(HOUR_NS))
    start = binary("*", minute_of(column("timestamp")), number(MINUTE_NS))
    hours = {
        (template, _hour(at)) for template, minute in minutes.items()
        for at in (minute * MINUTE_NS, (minute + 1) * MINUTE_NS - 1)
    }  # fmt: skip
    wanted = both(
        _among(hour, sorted(hours)),
        _among(start, sorted((template, minute * MINUTE_NS) for template, minute in minutes.items())),
    )
    found = {"first": call("min", column("timestamp")), "last": call("max", column("timestamp"))}
    if message:
        order = exp.Tuple(expressions=[column("timestamp"), column("position")])
        found["message"] = call("argMax", column("message"), order)
    values = [exp.alias_(value, name, quoted=True) for name, value in found.items()]
    statement = exp.select(exp.alias_(column("template_id"), "template_id"), *values).from_(table, copy=False)
    return statement.where(*conditions, wanted, copy=False).group_by(column("template_id"), copy=False)


def _hour(ns: int) -> int:
    """As the key has it, towards zero: before 1970 a minute may begin in another hour than it ends."""
    return ns // HOUR_NS if ns >= 0 else -(-ns // HOUR_NS)


def _among(place: exp.Expression, pairs: Sequence[tuple[int, int]]) -> exp.Expression:
    values = [exp.Tuple(expressions=[number(template), number(at)]) for template, at in pairs]
    return exp.In(this=exp.Tuple(expressions=[column("template_id"), place]), expressions=values)
