"""LogQL as HQL, for a person who changes over: readable rather than exact to the last corner.

Fields of JSON and `key=value` lines are read when they come in, so `| json` and `| logfmt` have nothing left to do, and
a label is the field of that name. Filters of lines look into `message`. A metric is a `timechart` whose step is its
range: windows that follow each other, where Loki's slide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from heimdall.query.ast import (
    AllOf,
    And,
    AnyOf,
    Arithmetic,
    Call,
    Compare,
    Exists,
    Expression,
    Field,
    Literal,
    MatchAll,
    Negate,
    Not,
    Operator,
    Or,
    Pattern,
    Pipe,
    Predicate,
    Regex,
)
from heimdall.query.ast import Comparison as ExpressionComparison
from heimdall.query.functions import function_named
from heimdall.query.languages.calls import Unfit, pattern_of
from heimdall.query.languages.logql import parse
from heimdall.query.languages.logql.ast import (
    Binary,
    Both,
    Comparison,
    Condition,
    Decolorize,
    Drop,
    Either,
    Grouping,
    Json,
    Keep,
    Kind,
    LabelFilter,
    LabelFormat,
    LabelReplace,
    LineFilter,
    LineFormat,
    Logfmt,
    LogQuery,
    Matcher,
    Metric,
    Number,
    PatternParser,
    RangeAggregation,
    Regexp,
    Stage,
    Unpack,
    VectorAggregation,
)
from heimdall.query.languages.translation import Gaps, Translation, both, check_size, translation
from heimdall.query.logql.labels import fields_of
from heimdall.query.logql.push import all_of, any_of, selected
from heimdall.query.pipes.aggregation import Column
from heimdall.query.pipes.extend import Extend
from heimdall.query.pipes.fields import Fields
from heimdall.query.pipes.parse import Parse
from heimdall.query.pipes.timechart import Timechart
from heimdall.query.pipes.where import Where
from heimdall.query.words import literal_pattern

_VALUE = "value"
_LENGTH = Call("byte_length", (Field("message"),))
_OPERATORS = {"==": Operator.EQ, "=": Operator.EQ} | {each.value: each for each in Operator}

UNWRAPPED: Mapping[str, str] = {
    "sum_over_time": "sum",
    "avg_over_time": "avg",
    "min_over_time": "min",
    "max_over_time": "max",
    "first_over_time": "first",
    "last_over_time": "last",
    "rate": "rate",
}
"""Range aggregation over an unwrapped label → the aggregate of its field."""

COUNTED: Mapping[str, Expression] = {
    "count_over_time": Call("count"),
    "rate": Call("rate"),
    "bytes_over_time": Call("sum", (_LENGTH,)),
    "bytes_rate": Call("rate", (_LENGTH,)),
}
"""Range aggregation over lines → aggregate."""

ADDITIVE = frozenset({*COUNTED, "sum_over_time"})
"""`sum` of their series is the same over all their records."""

NEAREST: Mapping[str, str] = {
    "absent_over_time": "an alert rule for what is missing",
    "bottomk": "stats count() as n by service | sort n | head 5",
    "decolorize": "colours of terminals are gone when lines come in",
    "ip": 'where cidr_match(instance, "10.0.0.0/8")',
    "label_format": "extend a = concat(b, c)",
    "label_replace": 'extend a = replace(b, /x/, "y")',
    "line_format": "extend message = concat(a, b)",
    "offset": "from and to of the request",
    "topk": "stats count() as n by service | sort -n | head 5",
    "unpack": "the fields of JSON are fields already",
}
"""What comes nearest to words that cannot be translated."""


def translate(text: str) -> Translation:
    """LogQL → tree.

    Raises:
        QuerySyntaxError: the text is no LogQL, or asks for something that cannot be.
    """
    check_size(text)
    reader = _Reader(text)
    query = parse(text)
    if isinstance(query, LogQuery):
        reader.log_query(query)
    else:
        reader.metric(query)
    return translation("logql", text, reader.search, reader.pipes, reader.gaps)


@dataclass(slots=True)
class _Reader:
    text: str
    gaps: Gaps = field(init=False)
    search: Predicate = MatchAll()
    pipes: list[Pipe] = field(default_factory=list)
    _place: int = 0
    _captured: set[str] = field(default_factory=set)
    """Columns that a pipe has made."""

    def __post_init__(self) -> None:
        self.gaps = Gaps(self.text)

    def _gap(self, word: str, why: str, nearest: str | None = None) -> None:
        """Names a word where it stands, the next of its kind where there are several."""
        start = self.text.find(word, self._place)
        start = self.text.find(word) if start < 0 else start
        if start < 0:
            self.gaps.add(0, len(self.text), why, nearest or NEAREST.get(word))
            return
        self._place = start + len(word)
        self.gaps.add(start, self._place, why, nearest or NEAREST.get(word))

    # ---- lines ----

    def log_query(self, query: LogQuery) -> None:
        self.search = all_of([selected(matcher) for matcher in query.matchers])
        for stage in query.stages:
            self._stage(stage)

    def _stage(self, stage: Stage) -> None:
        match stage:
            case LineFilter():
                self._line_filter(stage)
            case LabelFilter(condition=condition):
                self._label_filter(condition)
            case Json(wanted=wanted) | Logfmt(wanted=wanted):
                self._copied([(label, path) for label, path in wanted if label != path])
            case PatternParser(pattern=pattern):
                self._captures(Parse(pattern))
            case Regexp(pattern=pattern):
                self._regexp(pattern)
            case LabelFormat(renamings=renamings):
                for each in renamings:
                    if each.is_template:
                        self._gap("label_format", "HQL has no templates")
                self._copied([(each.label, each.value) for each in renamings if not each.is_template])
            case Drop(items=items) | Keep(items=items):
                self._chosen(stage, [item for item in items if isinstance(item, str)], len(items))
            case LineFormat():
                self._gap("line_format", "HQL has no templates")
            case Unpack():
                self._gap("unpack", "there is no such stage")
            case Decolorize():
                self._gap("decolorize", "there is no such stage")

    def _line_filter(self, stage: LineFilter) -> None:
        if any(choice.ip for choice in stage.choices):
            self._gap("ip", "addresses are not looked for in lines")
            return
        found: list[Predicate] = []
        for choice in stage.choices:
            if not choice.text:
                continue
            pattern = choice.text if stage.op.endswith("~") else literal_pattern(choice.text, ignore_case=False)
            try:
                found.append(Regex(pattern_of(pattern).pattern))
            except Unfit as unfit:
                self._gap(choice.text, unfit.why, unfit.nearest)
        if len(found) == len(stage.choices):
            matching = any_of(found)
            self._narrow(Not(matching) if stage.negative else matching)

    def _narrow(self, predicate: Predicate) -> None:
        if not self.pipes:
            self.search = both(self.search, predicate)
            return
        expression = _as_expression(predicate)
        if expression is None:
            self._gap("|", "this filter stands in front of parsers in HQL", "put the filter first")
        else:
            self.pipes.append(Where(expression))

    def _label_filter(self, condition: Condition) -> None:
        if not self.pipes:
            predicate = self._predicate(condition)
            if predicate is not None:
                self.search = both(self.search, predicate)
            return
        expression = self._expression(condition)
        if expression is not None:
            self.pipes.append(Where(expression))

    def _predicate(self, condition: Condition) -> Predicate | None:
        if isinstance(condition, Both | Either):
            parts = [self._predicate(condition.left), self._predicate(condition.right)]
            known = [part for part in parts if part is not None]
            if len(known) < len(parts):
                return known[0] if known else None
            return And(tuple(known)) if isinstance(condition, Both) else Or(tuple(known))
        if condition.kind is Kind.TEXT:
            return selected(Matcher(condition.label, condition.op, condition.value))
        value = self._amount(condition)
        if value is None:
            return None
        operator = _OPERATORS[condition.op]
        ways: list[Predicate] = []
        for name in fields_of(condition.label):
            if operator is Operator.NE:
                ways.append(And((Exists(name), Not(Compare(name, Operator.EQ, value)))))
            else:
                ways.append(Compare(name, operator, value))
        return any_of(ways)

    def _expression(self, condition: Condition) -> Expression | None:
        if isinstance(condition, Both | Either):
            parts = [self._expression(condition.left), self._expression(condition.right)]
            known = tuple(part for part in parts if part is not None)
            if len(known) < len(parts):
                return known[0] if known else None
            return AllOf(known) if isinstance(condition, Both) else AnyOf(known)
        label = self._label(condition.label)
        if condition.kind is Kind.TEXT:
            negative = condition.op.startswith("!")
            test: Expression
            if condition.op.endswith("~"):
                test = Call("matches", (label, Pattern(f"^(?s:{condition.value})$")))
            else:
                test = ExpressionComparison(Operator.EQ, label, Literal(condition.value))
            return Negate(test) if negative else test
        value = self._amount(condition)
        if value is None:
            return None
        number = float(value)
        literal = Literal(int(number) if number.is_integer() else number)
        left = Call("tonumber", (label,)) if condition.label in self._captured else label
        return ExpressionComparison(_OPERATORS[condition.op], left, literal)

    def _amount(self, condition: Comparison) -> str | None:
        """What a number is compared with; durations count in a field of milliseconds alone."""
        if condition.kind is Kind.NUMBER:
            return condition.value
        if condition.kind is Kind.DURATION and condition.label == "duration_ms":
            return f"{condition.amount / 1e6:g}"
        why = {
            Kind.DURATION: "texts are no durations here",
            Kind.BYTES: "texts are no sizes here",
            Kind.IP: "there is no such filter of labels",
        }[condition.kind]
        nearest = NEAREST["ip"] if condition.kind is Kind.IP else "duration_ms>250"
        self._gap(condition.label, why, nearest if condition.kind is not Kind.BYTES else "bytes>1024")
        return None

    def _label(self, name: str) -> Expression:
        if name in self._captured:
            return Field(name)
        fields = tuple(Field(each) for each in fields_of(name))
        return fields[0] if len(fields) == 1 else Call("coalesce", fields)

    # ---- columns ----

    def _copied(self, pairs: list[tuple[str, str]]) -> None:
        columns = []
        for label, path in pairs:
            if any(char in path for char in '[]"'):
                self._gap(path, "elements of lists have no names here", "values of a list are one field")
                continue
            columns.append((label, self._label(path)))
            self._captured.add(label)
        if columns:
            self.pipes.append(Extend(tuple(columns)))

    def _captures(self, pipe: Parse) -> None:
        self.pipes.append(pipe)
        self._captured |= pipe.compiled()[1].keys()

    def _regexp(self, pattern: str) -> None:
        try:
            self._captures(Parse(pattern_of(pattern).pattern, regex=True))
        except Unfit as unfit:
            self._gap(pattern, unfit.why, unfit.nearest)

    def _chosen(self, stage: Drop | Keep, names: list[str], count: int) -> None:
        word = "drop" if isinstance(stage, Drop) else "keep"
        if len(names) < count:
            self._gap(word, "a field goes from every row or from none", f"fields {'- ' if word == 'drop' else ''}a, b")
        fields = [field for name in names for field in ((name,) if name in self._captured else fields_of(name))]
        if isinstance(stage, Keep):
            fields = ["timestamp", "message", *fields]
        if names:
            self.pipes.append(Fields(tuple(dict.fromkeys(fields)), isinstance(stage, Drop)))

    # ---- metrics ----

    def metric(self, query: Metric) -> None:
        match query:
            case RangeAggregation():
                if query.grouping is None:
                    self._gap(query.op, "a series for each set of labels", f"sum by (service) ({query.op}(…))")
                self._range(query, query.grouping)
            case VectorAggregation(inner=RangeAggregation() as inner, grouping=grouping):
                self._vector(query, inner, grouping)
            case VectorAggregation(op=op):
                nearest = NEAREST.get(op, "timechart … | stats …")
                self._gap(op, "series of series are not put together", nearest)
            case Binary(left=left, right=Number(value=value)) if not isinstance(left, Number):
                self.metric(left)
                self._with_number(query, value)
            case Binary(op=op):
                self._gap(op, "two metrics are not put together", "two questions")
            case LabelReplace():
                self._gap("label_replace", "there is no such function")
            case _:
                self.gaps.add(0, len(self.text), "a number reads no logs", "* | stats count()")

    def _vector(self, query: VectorAggregation, inner: RangeAggregation, grouping: Grouping | None) -> None:
        if query.op != "sum" or inner.op not in ADDITIVE:
            alone = inner.grouping is None and inner.unwrap is not None
            if not (alone and query.op == UNWRAPPED.get(inner.op) and query.op in ("min", "max")):
                self._gap(query.op, "series are not put together another way than their records", None)
        self._range(inner, grouping)

    def _range(self, query: RangeAggregation, grouping: Grouping | None) -> None:
        self.log_query(query.query)
        if query.offset_ns:
            self._gap("offset", "times are those of the request")
        keys: tuple[str, ...] = ()
        if grouping is not None:
            if grouping.without:
                self._gap("without", "groups are named", "by (a, b)")
            else:
                keys = grouping.labels
        value = self._value(query)
        if value is None:
            return
        by = tuple(Column(self._label(name), None if fields_of(name) == (name,) else name) for name in keys)
        self.pipes.append(Timechart((Column(value, _VALUE),), by, query.range_ns))

    def _value(self, query: RangeAggregation) -> Expression | None:
        if query.unwrap is None:
            found = COUNTED.get(query.op)
            if found is None:
                self._gap(query.op, "there is no such aggregate")
            return found
        for condition in query.unwrap.filters:
            self._label_filter(condition.condition)
        label = query.unwrap.label
        if query.unwrap.conversion is not None and label != "duration_ms":
            self._gap(query.unwrap.conversion, "texts are no durations or sizes here", "unwrap duration_ms")
        value = self._label(label)
        if label in self._captured:
            value = Call("tonumber", (value,))
        if query.op == "quantile_over_time":
            name = f"p{f'{(query.parameter or 0) * 100:.6f}'.rstrip('0').rstrip('.')}"
            if function_named(name) is not None:
                return Call(name, (value,))
        elif query.op in UNWRAPPED:
            return Call(UNWRAPPED[query.op], (value,))
        self._gap(query.op, "there is no such aggregate")
        return None

    def _with_number(self, query: Binary, value: float) -> None:
        literal = Literal(int(value) if value.is_integer() else value)
        if query.op in _OPERATORS and not query.returns_bool:
            self.pipes.append(Where(ExpressionComparison(_OPERATORS[query.op], Field(_VALUE), literal)))
        elif query.op in ("+", "-", "*", "/"):
            self.pipes.append(Extend(((_VALUE, Arithmetic(query.op, Field(_VALUE), literal)),)))
        else:
            self._gap(query.op, "HQL has no such operator", "+, -, *, /")


def _as_expression(predicate: Predicate) -> Expression | None:
    """A filter of messages behind a pipe."""
    match predicate:
        case Regex(pattern=pattern):
            return Call("matches", (Field("message"), Pattern(pattern)))
        case Not(item=item):
            inner = _as_expression(item)
            return None if inner is None else Negate(inner)
        case Or(items=items):
            parts = [part for item in items if (part := _as_expression(item)) is not None]
            return AnyOf(tuple(parts)) if len(parts) == len(items) else None
        case MatchAll():
            return Literal(True)
    return None
