"""Random queries: trees for print∘parse, and trees that make sense over the shop's records for the engines."""

from __future__ import annotations

from hypothesis import strategies as st

from heimdall.query import ast
from heimdall.query.ast import Operator
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.dedup import Dedup
from heimdall.query.pipes.extend import Extend
from heimdall.query.pipes.fields import Fields
from heimdall.query.pipes.head import Head
from heimdall.query.pipes.parse import Parse
from heimdall.query.pipes.patterns import Patterns
from heimdall.query.pipes.rare import Rare
from heimdall.query.pipes.sort import Sort
from heimdall.query.pipes.stats import Stats
from heimdall.query.pipes.timechart import Timechart
from heimdall.query.pipes.top import Top
from heimdall.query.pipes.where import Where

# ---- anything that can be written down, for print∘parse -----------------------------------------------------------

TEXTS = st.text(
    alphabet=st.one_of(
        st.sampled_from("ab0 :=<>!()|\"\\*?/-[]{},'`~\n.and or not to"), st.characters(exclude_categories=["Cs"])
    ),
    max_size=8,
)
WORDS = TEXTS.filter(bool)
SENDERS = WORDS.filter(lambda name: name not in ast_names())
OPERATORS = st.sampled_from(list(Operator))


def ast_names() -> frozenset[str]:
    """Names whose values are checked when they are parsed, or that mean something else: `message:x`."""
    return frozenset({"id", "timestamp", "observed_timestamp", "level", "message", "_timestamp", "_position"})


def _escape(text: str) -> str:
    return "".join(f"\\{char}" if char in "\\*?" else char for char in text)


GLOBS = st.tuples(TEXTS.map(_escape), st.sampled_from("*?"), TEXTS.map(_escape)).map("".join).filter(lambda p: p != "*")
REGEXES = st.sampled_from(["a", "a/b", r"\d+", "(x|y)?", r"[/\]]", "a b", r"\\", "é"])

LEAVES = st.one_of(
    st.just(ast.MatchAll()),
    WORDS.map(ast.Word),
    TEXTS.map(ast.Phrase),
    st.builds(ast.Glob, GLOBS, st.none() | SENDERS | st.just("message")),
    st.builds(ast.Regex, REGEXES, st.none() | SENDERS),
    st.builds(ast.Compare, SENDERS | st.just("message"), OPERATORS, TEXTS),
    st.builds(
        ast.Range, SENDERS, st.none() | TEXTS, st.none() | TEXTS, include_low=st.booleans(), include_high=st.booleans()
    ),
    st.builds(ast.Exists, SENDERS | st.just("message")),
)


def _groups(inner: st.SearchStrategy[ast.Predicate]) -> st.SearchStrategy[ast.Predicate]:
    items = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(items.map(ast.And), items.map(ast.Or), inner.map(ast.Not))


PREDICATES = st.recursive(LEAVES, _groups, max_leaves=6)

NUMBERS = st.one_of(
    st.integers(-(2**53), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)
ATOMS = st.one_of(
    st.one_of(TEXTS, NUMBERS, st.booleans()).map(ast.Literal),
    st.integers(1, 10**15).map(ast.Duration),
    SENDERS.map(ast.Field),
)


def _compound(inner: st.SearchStrategy[ast.Expression]) -> st.SearchStrategy[ast.Expression]:
    conditions = st.one_of(
        st.builds(ast.Comparison, OPERATORS, inner, inner),
        st.builds(ast.Within, inner, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    )
    several = st.lists(conditions, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(ast.Arithmetic, st.sampled_from("+-*/%"), inner, inner),
        inner.map(ast.Minus),
        conditions,
        several.map(ast.AllOf),
        several.map(ast.AnyOf),
        conditions.map(ast.Negate),
        inner.map(lambda item: ast.Call("lower", (item,))),
        st.tuples(inner, inner).map(lambda items: ast.Call("coalesce", items)),
    )


EXPRESSIONS = st.recursive(ATOMS, _compound, max_leaves=6)

# ---- what makes sense over the records of test_engines_agree ------------------------------------------------------

FIELDS = st.sampled_from(
    ["service", "user_id", "s", "n", "http.status_code", "t", "level", "template_id", "duration_ms"]
)
_VALUES = st.sampled_from(["cart", "5", "5.0", "x", "u1", "200", "true", "payment", "1500", "p", ""])
_TYPED = st.one_of(
    st.builds(
        ast.Compare,
        st.sampled_from(["service", "user_id", "s", "n", "http.status_code", "t", "region"]),
        OPERATORS,
        _VALUES,
    ),
    st.builds(ast.Compare, st.just("level"), OPERATORS, st.sampled_from(["error", "warn", "unset", "info"])),
    st.builds(ast.Compare, st.just("duration_ms"), OPERATORS, st.sampled_from(["1", "2.5", "1s", "20ms"])),
    st.builds(ast.Compare, st.just("template_id"), OPERATORS, st.sampled_from(["0", "2", "2.5"])),
    st.builds(ast.Compare, st.just("timestamp"), OPERATORS, st.sampled_from(["now-5m", "2023-11-14T22:18:00Z"])),
    st.builds(
        ast.Range,
        st.sampled_from(["s", "n", "duration_ms"]),
        st.sampled_from(["1", "4", None]),
        st.sampled_from(["5", "100", None]),
    ),
    st.builds(ast.Exists, FIELDS),
    st.builds(
        ast.Glob,
        st.sampled_from(["c*", "*a*", "?", "u?", "5*", "*5", "p*t"]),
        st.sampled_from(["service", "s", "n", "user_id", None]),
    ),
    st.builds(
        ast.Regex,
        st.sampled_from(["^c", "a", r"\d", "took .* ms", "second.line"]),
        st.sampled_from(["service", "s", None]),
    ),
    st.sampled_from(["refused", "CONNECTION", "code=5", "host-1", "took", "x", "É", "é", "--", "0001"]).map(ast.Word),
    st.sampled_from(["connection refused", "took 7", "ms took", "declined: code", "naïve ümlaut second"]).map(
        ast.Phrase
    ),
    st.just(ast.MatchAll()),
)
SEARCHES = st.recursive(_TYPED, _groups, max_leaves=4)

_NUMERIC = st.one_of(
    st.sampled_from(["duration_ms", "n", "s", "template_id"]).map(ast.Field),
    st.sampled_from([0, 2, 7, -3, 2.5]).map(ast.Literal),
)
_AMOUNTS = st.recursive(
    _NUMERIC,
    lambda inner: st.one_of(
        st.builds(ast.Arithmetic, st.sampled_from("+-*/%"), inner, inner),
        inner.map(ast.Minus),
        st.tuples(st.sampled_from(["abs", "floor", "ceil", "round", "sqrt"]), inner).map(
            lambda p: ast.Call(p[0], (p[1],))
        ),
    ),
    max_leaves=3,
)
_STRINGS = st.recursive(
    st.one_of(
        st.sampled_from(["service", "s", "message", "user_id", "level"]).map(ast.Field),
        st.sampled_from(["cart", "5", "", "ms"]).map(ast.Literal),
    ),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["lower", "upper", "trim", "tostring"]), inner).map(
            lambda p: ast.Call(p[0], (p[1],))
        ),
        st.tuples(inner, inner).map(lambda items: ast.Call("concat", items)),
        st.tuples(inner, inner).map(lambda items: ast.Call("coalesce", items)),
        inner.map(lambda item: ast.Call("substring", (item, ast.Literal(2), ast.Literal(3)))),
        inner.map(lambda item: ast.Call("split", (item, ast.Literal(" "), ast.Literal(2)))),
        inner.map(lambda item: ast.Call("extract", (item, ast.Pattern(r"([a-z]+) \d")))),
    ),
    max_leaves=3,
)
_CONDITIONS = st.recursive(
    st.one_of(
        st.builds(ast.Comparison, OPERATORS, _AMOUNTS, _AMOUNTS),
        st.builds(ast.Comparison, OPERATORS, _STRINGS, _STRINGS),
        st.builds(ast.Comparison, OPERATORS, _AMOUNTS, _STRINGS),
        st.builds(
            ast.Comparison,
            OPERATORS,
            st.just(ast.Field("level")),
            st.sampled_from([ast.Literal("warn"), ast.Literal("zz")]),
        ),
        st.builds(ast.Within, _STRINGS, st.lists(_STRINGS, min_size=1, max_size=2).map(tuple)),
        st.tuples(_STRINGS, _STRINGS).map(lambda items: ast.Call("contains", items)),
        FIELDS.map(lambda name: ast.Call("exists", (ast.Field(name),))),
        st.just(ast.Field("t")),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=2).map(tuple).map(ast.AllOf),
        st.lists(inner, min_size=2, max_size=2).map(tuple).map(ast.AnyOf),
        inner.map(ast.Negate),
    ),
    max_leaves=3,
)
_VALUE = st.one_of(_AMOUNTS, _STRINGS, FIELDS.map(ast.Field), _CONDITIONS)
_CHOICES = st.tuples(_CONDITIONS, _VALUE, _VALUE).map(lambda items: ast.Call("if", items))

_AGGREGATES = st.one_of(
    st.just(ast.Call("count")),
    st.tuples(st.sampled_from(["sum", "avg", "median", "p90", "min", "max"]), _AMOUNTS).map(
        lambda p: ast.Call(p[0], (p[1],))
    ),
    st.tuples(
        st.sampled_from(["min", "max", "first", "last", "values", "count", "count_distinct"]), FIELDS.map(ast.Field)
    ).map(lambda p: ast.Call(p[0], (p[1],))),
    _CONDITIONS.map(lambda item: ast.Call("count_if", (item,))),
    st.just(ast.Call("rate")),
)
_KEYS = st.one_of(
    FIELDS.map(ast.Field),
    st.just(ast.Call("bin", (ast.Duration(60 * 10**9),))),
    st.just(ast.Call("bin", (ast.Field("duration_ms"), ast.Literal(10)))),
    st.sampled_from([("week", "UTC"), ("month", "Europe/Berlin"), ("day", "Asia/Kathmandu")]).map(
        lambda place: ast.Call("calendar", (ast.Field("timestamp"), *map(ast.Literal, place)))
    ),
    _STRINGS,
)


def _columns(
    values: st.SearchStrategy[ast.Expression], prefix: str, least: int
) -> st.SearchStrategy[tuple[Column, ...]]:
    several = st.lists(values, min_size=least, max_size=2)
    return several.map(lambda items: tuple(Column(item, f"{prefix}{place}") for place, item in enumerate(items)))


_ROW_PIPES = st.one_of(
    _CONDITIONS.map(Where),
    st.one_of(_VALUE, _CHOICES).map(lambda value: Extend((("made", value),))),
    st.lists(
        st.tuples(st.one_of(_AMOUNTS, _STRINGS, FIELDS.map(ast.Field)), st.booleans()), min_size=1, max_size=2
    ).map(lambda keys: Sort(tuple(keys))),
    st.integers(0, 30).map(Head),
    st.lists(FIELDS, min_size=1, max_size=2, unique=True).flatmap(
        lambda names: st.integers(1, 3).map(lambda rows: Dedup(tuple(names), rows))
    ),
    st.sampled_from(
        [
            Parse("user <who> took <ms> ms"),
            Parse(r"(?P<word>\w+) (?P<next>\w*)", True),
            Parse("<a>-<b>", False, "service"),
        ]
    ),
)
_LAST_PIPES = st.one_of(
    st.builds(Stats, _columns(_AGGREGATES, "a", 1), _columns(_KEYS, "k", 0)),
    st.builds(Timechart, _columns(_AGGREGATES, "a", 1), _columns(_KEYS, "k", 0), st.sampled_from([None, 30 * 10**9])),
    st.lists(FIELDS, min_size=1, max_size=2, unique=True).map(lambda names: Top(tuple(names), 3)),
    FIELDS.map(lambda name: Rare((name,), 3)),
    st.integers(1, 5).map(Patterns),
    st.lists(FIELDS, min_size=1, max_size=3, unique=True).map(lambda names: Fields(tuple(names))),
    st.just(Fields(("message", "s"), True)),
)
_AFTER = st.sampled_from(
    [(), (Head(2),), (Sort(((ast.Call("count"), True),)),), (Stats((Column(ast.Call("count"), "rows"),)),)]
)

QUERIES = st.builds(
    lambda search, rows, last, after: ast.Query(search, (*rows, *last, *(after if last else ()))),
    SEARCHES,
    st.lists(_ROW_PIPES, max_size=3).map(tuple),
    st.lists(_LAST_PIPES, max_size=1).map(tuple),
    _AFTER,
)
