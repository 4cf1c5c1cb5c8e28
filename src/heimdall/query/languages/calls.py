"""Functions that SPL, SQL and PPL have under their own names, as HQL's.

Each takes the arguments of a call and gives the expression it stands for, or raises `Unfit` with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_network

from heimdall.query.ast import Call, Expression, Literal, Negate, Pattern
from heimdall.query.regex import compile_pattern
from heimdall.query.words import literal_pattern


class Unfit(Exception):  # noqa: N818  # no failure: a reader turns it into a gap
    """HQL has no place for this call."""

    def __init__(self, why: str, nearest: str | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.nearest = nearest


Meaning = Callable[[Sequence[Expression]], Expression]


def plain(name: str, least: int = 1, most: int | None = None) -> Meaning:
    """HQL's function of that name, with the same arguments."""

    def call(arguments: Sequence[Expression]) -> Expression:
        _count(arguments, least, least if most is None else most)
        return Call(name, tuple(arguments))

    return call


def _count(arguments: Sequence[Expression], least: int, most: int) -> None:
    if not least <= len(arguments) <= most:
        raise Unfit(f"it takes {least if least == most else f'{least} to {most}'} arguments, not {len(arguments)}")


def _text(argument: Expression) -> str:
    if isinstance(argument, Literal) and isinstance(argument.value, str):
        return argument.value
    raise Unfit("only a text that is written out can stand here")


def _whole(argument: Expression) -> int:
    if isinstance(argument, Literal) and type(argument.value) is int:
        return argument.value
    raise Unfit("only a whole number that is written out can stand here")


def pattern_of(pattern: str) -> Pattern:
    """An RE2 pattern; named groups may be written as PCRE does."""
    rewritten = pattern.replace("(?P<", "(?<").replace("(?<", "(?P<").replace("(?P<=", "(?<=").replace("(?P<!", "(?<!")
    try:
        compile_pattern(rewritten)
    except ValueError as exc:
        raise Unfit(f"bad regular expression: {exc}", "RE2: no look-around, no back-references") from None
    if not rewritten:
        raise Unfit("an empty pattern finds everything", "leave it out")
    return Pattern(rewritten)


def like_pattern(pattern: str, *, escape: str = "\\", ignore_case: bool = False) -> Pattern:
    """`%` is any run of characters, `_` one."""
    parts: list[str] = []
    place = 0
    while place < len(pattern):
        char = pattern[place]
        if char == escape and place + 1 < len(pattern):
            place += 1
            parts.append(literal_pattern(pattern[place], ignore_case=ignore_case))
        elif char in "%_":
            parts.append(".*" if char == "%" else ".")
        else:
            parts.append(literal_pattern(char, ignore_case=ignore_case))
        place += 1
    return Pattern(f"(?s)^{''.join(parts)}$")


def like(arguments: Sequence[Expression]) -> Expression:
    _count(arguments, 2, 2)
    return Call("matches", (arguments[0], like_pattern(_text(arguments[1]))))


def match(arguments: Sequence[Expression]) -> Expression:
    _count(arguments, 2, 2)
    return Call("matches", (arguments[0], pattern_of(_text(arguments[1]))))


def is_missing(arguments: Sequence[Expression]) -> Expression:
    _count(arguments, 1, 1)
    return Negate(Call("exists", tuple(arguments)))


def case(arguments: Sequence[Expression]) -> Expression:
    """`case(condition, value, …)`: the value of the first that holds."""
    if len(arguments) < 2 or len(arguments) % 2:
        raise Unfit("it takes pairs of a condition and a value")
    if len(arguments) > 40:
        raise Unfit("more than 20 cases nest too deep", "several extend pipes")
    found: Expression = Literal(None)
    for place in range(len(arguments) - 2, -1, -2):
        condition, value = arguments[place], arguments[place + 1]
        found = value if condition == Literal(value=True) else Call("if", (condition, value, found))
    return found


def cidr(arguments: Sequence[Expression]) -> Expression:
    """`cidrmatch(network, address)`."""
    _count(arguments, 2, 2)
    try:
        ip_network(_text(arguments[0]), strict=False)
    except ValueError:
        raise Unfit("it is no network", 'cidr_match(address, "10.0.0.0/8")') from None
    return Call("cidr_match", (arguments[1], arguments[0]))


def substring(arguments: Sequence[Expression]) -> Expression:
    _count(arguments, 2, 3)
    if _whole(arguments[1]) < 1 or (len(arguments) == 3 and _whole(arguments[2]) < 0):
        raise Unfit("places count from 1, from the front", "substring(text, 1, 5)")
    return Call("substring", tuple(arguments))


def replace_pattern(arguments: Sequence[Expression]) -> Expression:
    _count(arguments, 3, 3)
    _text(arguments[2])
    return Call("replace", (arguments[0], pattern_of(_text(arguments[1])), arguments[2]))


def constant(value: bool | None) -> Meaning:
    def call(arguments: Sequence[Expression]) -> Expression:
        _count(arguments, 0, 0)
        return Literal(value)

    return call


def identity(arguments: Sequence[Expression]) -> Expression:
    _count(arguments, 1, 1)
    return arguments[0]


SHARED: Mapping[str, Meaning] = {
    "abs": plain("abs"),
    "ceil": plain("ceil"),
    "ceiling": plain("ceil"),
    "coalesce": plain("coalesce", 1, 50),
    "concat": plain("concat", 1, 50),
    "floor": plain("floor"),
    "if": plain("if", 3),
    "ln": plain("log"),
    "lower": plain("lower"),
    "now": plain("now", 0),
    "round": plain("round", 1, 2),
    "sqrt": plain("sqrt"),
    "substr": substring,
    "substring": substring,
    "trim": plain("trim"),
    "upper": plain("upper"),
}
"""Those with one name and one meaning in all of them."""

EVAL: Mapping[str, Meaning] = {
    **{name: meaning for name, meaning in SHARED.items() if name not in ("concat", "substring")},
    "case": case,
    "cidrmatch": cidr,
    "exact": identity,
    "false": constant(value=False),
    "isnotnull": plain("exists"),
    "isnull": is_missing,
    "len": plain("length"),
    "like": like,
    "match": match,
    "null": constant(value=None),
    "replace": replace_pattern,
    "tonumber": plain("tonumber"),
    "tostring": plain("tostring"),
    "true": constant(value=True),
}
"""What Splunk's `eval` and `where` know."""
