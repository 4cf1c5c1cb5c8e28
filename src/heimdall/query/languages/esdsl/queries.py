"""The query DSL's clauses, each as the predicate it means."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from heimdall.query.ast import MatchAll, Predicate
from heimdall.query.fields import parse_identity
from heimdall.query.languages.esdsl import terms, values
from heimdall.query.languages.esdsl.datemath import zone_of
from heimdall.query.languages.esdsl.faults import Fault, illegal, parsing, unsupported
from heimdall.query.languages.esdsl.names import NOTHING, Name, both, either, name_of, names_of, negated, present
from heimdall.query.languages.esdsl.terms import Bounds, combine
from heimdall.query.languages.lucene.parser import parse
from heimdall.query.languages.lucene.simple import parse_simple
from heimdall.query.words import tokens

MAX_CLAUSES = 1_024
"""Clauses of one request, Lucene's usual bound. Each is a condition of the statement."""
MAX_VALUES = 10_000
"""Values of one `terms` or `ids`."""
MAX_DEPTH = 20
"""Deepest nesting of clauses."""

Body = Mapping[str, Any]


@dataclass(slots=True)
class Reading:
    """One request while its clauses are read."""

    now_ns: int
    clauses: int = 0
    depth: int = 0

    def clause(self, body: Any) -> Predicate:
        """
        Raises:
            Fault: the clause is none, or one that has no meaning here.
        """
        if not isinstance(body, dict):
            raise parsing("[_na] query malformed, must start with start_object")
        if not body:
            raise Fault("illegal_argument_exception", "query malformed, empty clause found")
        if len(body) > 1:
            second = list(body)[1]
            raise parsing(
                f"[{next(iter(body))}] malformed query, expected [END_OBJECT] but found [FIELD_NAME] [{second}]"
            )
        ((kind, given),) = body.items()
        reader = _READERS.get(kind)
        if reader is None:
            if kind in _ELSEWHERE:
                raise unsupported(f"[{kind}] query")
            raise parsing(f"unknown query [{kind}]")
        self.clauses += 1
        if self.clauses > MAX_CLAUSES:
            raise Fault("too_many_clauses", f"maxClauseCount is set to {MAX_CLAUSES}", of_shards=True)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise illegal(
                f"The nested depth of the query exceeds the maximum nested depth for queries set in [{MAX_DEPTH}]"
            )
        found = reader(self, given)
        self.depth -= 1
        return found

    def clauses_of(self, given: Any) -> list[Predicate]:
        return [self.clause(item) for item in (given if isinstance(given, list) else [given])]


def read_query(body: Any, now_ns: int) -> Predicate:
    """A clause and everything in it."""
    return Reading(now_ns).clause(body)


# ---- compound -----------------------------------------------------------------------------------------------------


def _bool(reading: Reading, given: Any) -> Predicate:
    body = _object("bool", given)
    known = {"must", "filter", "should", "must_not", "minimum_should_match", "boost", "_name", "adjust_pure_negative"}
    for word in body:
        if word not in known:
            raise parsing(f"[bool] query does not support [{word}]")
    required = [clause for word in ("must", "filter") for clause in reading.clauses_of(body.get(word, []))]
    optional = reading.clauses_of(body.get("should", []))
    excluded = [negated(clause) for clause in reading.clauses_of(body.get("must_not", []))]
    least = body.get("minimum_should_match")
    usual = 0 if required or not optional else 1
    needed = usual if least is None else least_of(least, len(optional))
    should = combine(optional, needed) if optional or needed > 0 else MatchAll()
    return both([*required, should, *excluded])


def least_of(said: Any, clauses: int) -> int:
    """`2`, `-1`, `75%`, `-25%`, `3<90%`, several of them: how many of so many clauses have to hold."""
    needed = clauses
    parts = str(said).split()
    if any("<" in part for part in parts):
        for part in parts:
            bound, _, rest = part.partition("<")
            if not bound.lstrip("-").isdigit():
                raise illegal(f"minimum_should_match [{said}] cannot be read")
            if clauses > int(bound):
                needed = _least(rest, clauses, said)
        return max(0, needed)
    return max(0, _least(str(said), clauses, said))


def _least(text: str, clauses: int, said: Any) -> int:
    match = re.fullmatch(r"(-?)(\d{1,9})(%?)", text.strip())
    if match is None:
        raise illegal(f"minimum_should_match [{said}] cannot be read")
    amount = clauses * int(match[2]) // 100 if match[3] else int(match[2])
    return clauses - amount if match[1] else amount


def _constant_score(reading: Reading, given: Any) -> Predicate:
    return reading.clause(_needed("constant_score", given, "filter"))


def _boosting(reading: Reading, given: Any) -> Predicate:
    """What is demoted is found all the same: every score is 1."""
    reading.clause(_needed("boosting", given, "negative"))
    return reading.clause(_needed("boosting", given, "positive"))


def _dis_max(reading: Reading, given: Any) -> Predicate:
    return either(reading.clauses_of(_needed("dis_max", given, "queries")))


def _function_score(reading: Reading, given: Any) -> Predicate:
    body = _object("function_score", given)
    if "min_score" in body:
        raise unsupported("[min_score]")
    return reading.clause(body["query"]) if "query" in body else MatchAll()


def _nested(reading: Reading, given: Any) -> Predicate:
    """Paths are names with dots here, nested or not."""
    _needed("nested", given, "path")
    return reading.clause(_needed("nested", given, "query"))


# ---- terms --------------------------------------------------------------------------------------------------------


def _term(reading: Reading, given: Any) -> Predicate:
    name, body = _field("term", given, "value")
    if body.get("value") is None or isinstance(body["value"], list | dict):
        raise illegal("value cannot be null")
    return terms.equals(name, body["value"], reading.now_ns, ignore_case=bool(body.get("case_insensitive")))


def _terms(reading: Reading, given: Any) -> Predicate:
    body = {key: value for key, value in _object("terms", given).items() if key not in ("boost", "_name")}
    if len(body) != 1:
        raise parsing("[terms] query requires exactly one field name with an array of terms")
    ((field, given_values),) = body.items()
    if isinstance(given_values, dict):
        raise unsupported("[terms] lookup")
    if not isinstance(given_values, list):
        raise parsing("[terms] query does not support [" + str(field) + "]")
    _count_values(given_values)
    return either([terms.equals(name_of(field), value, reading.now_ns) for value in given_values])


def _count_values(listed: Sequence[Any]) -> None:
    if len(listed) > MAX_VALUES:
        raise illegal(
            f"The number of terms [{len(listed)}] used in the Terms Query request has exceeded [{MAX_VALUES}]"
        )
    if any(value is None or isinstance(value, list | dict) for value in listed):
        raise illegal("No value specified for terms query")


def _ids(reading: Reading, given: Any) -> Predicate:
    asked = _needed("ids", given, "values")
    ids = asked if isinstance(asked, list) else [asked]
    _count_values(ids)
    return either([with_id(str(value)) for value in ids])


def with_id(value: str) -> Predicate:
    """The record of an id: the one its sender chose, or Heimdall's own."""
    own = terms.equals(Name("_id", ("_id",)), value, 0)
    if parse_identity(value) is None:
        return own
    return terms.equals(name_of("_id"), value, 0)


def _exists(reading: Reading, given: Any) -> Predicate:
    return present(name_of(str(_needed("exists", given, "field"))))


def _prefix(reading: Reading, given: Any) -> Predicate:
    name, body = _field("prefix", given, "value")
    text = terms.text_of(body.get("value", ""))
    if name.is_analysed and text != text.lower() and not body.get("case_insensitive"):
        return NOTHING
    return terms.prefix(name, text, ignore_case=bool(body.get("case_insensitive")))


def _wildcard(reading: Reading, given: Any) -> Predicate:
    name, body = _field("wildcard", given, "value")
    pattern = terms.text_of(body.get("value", body.get("wildcard", "")))
    if name.is_analysed and pattern != pattern.lower() and not body.get("case_insensitive"):
        return NOTHING
    return terms.wildcard(name, pattern, ignore_case=bool(body.get("case_insensitive")))


def _regexp(reading: Reading, given: Any) -> Predicate:
    name, body = _field("regexp", given, "value")
    return terms.regexp(name, str(body.get("value", "")), ignore_case=bool(body.get("case_insensitive")))


_ENDS = {"gte": ("low", True), "gt": ("low", False), "lte": ("high", True), "lt": ("high", False)}


def _range(reading: Reading, given: Any) -> Predicate:
    name, body = _field("range", given, "")
    ends: dict[str, Any] = {}
    for word, value in body.items():
        if word in _ENDS:
            side, included = _ENDS[word]
            if value is not None:
                ends[side], ends[f"include_{side}"] = value, included
        elif word in ("from", "to"):
            side = "low" if word == "from" else "high"
            ends[side] = value
            ends[f"include_{side}"] = body.get("include_lower" if word == "from" else "include_upper", True)
        elif word not in ("format", "time_zone", "boost", "relation", "_name", "include_lower", "include_upper"):
            raise parsing(f"[range] query does not support [{word}]")
    bounds = Bounds(**ends, formats=body.get("format"), zone=zone_of(body.get("time_zone")))
    return terms.between(name, bounds, reading.now_ns)


# ---- text ---------------------------------------------------------------------------------------------------------


def _match(reading: Reading, given: Any) -> Predicate:
    name, body = _field("match", given, "query")
    return match_words(reading, name, body)


def match_words(reading: Reading, name: Name, body: Body) -> Predicate:
    if body.get("query") is None:
        raise parsing("No text specified for text query")
    _without_fuzziness(body)

    def wanted(words: list[Predicate]) -> Predicate:
        if str(body.get("operator", "or")).lower() == "and":
            return both(words)
        return combine(words, least_of(body.get("minimum_should_match", 1), len(words)))

    found = terms.words(name, body["query"], reading.now_ns, wanted)
    if found is None:
        return MatchAll() if body.get("zero_terms_query") == "all" else NOTHING
    return found


def _without_fuzziness(body: Body) -> None:
    if str(body.get("fuzziness", "0")) not in ("0", "0.0"):
        raise unsupported("[fuzziness]")


def _match_phrase(reading: Reading, given: Any) -> Predicate:
    name, body = _field("match_phrase", given, "query")
    _without_slop(body)
    return terms.phrase(name, body.get("query", ""), reading.now_ns)


def _without_least(body: Body) -> None:
    if body.get("minimum_should_match") is not None:
        raise unsupported("[minimum_should_match] of a query string")


def _without_slop(body: Body) -> None:
    if values.number("slop", body.get("slop", 0)):
        raise unsupported("[slop]")


def _match_phrase_prefix(reading: Reading, given: Any) -> Predicate:
    name, body = _field("match_phrase_prefix", given, "query")
    _without_slop(body)
    return terms.phrase_prefix(name, body.get("query", ""))


def _match_bool_prefix(reading: Reading, given: Any) -> Predicate:
    name, body = _field("match_bool_prefix", given, "query")
    return bool_prefix(reading, name, body)


def bool_prefix(reading: Reading, name: Name, body: Body) -> Predicate:
    found = tokens(terms.text_of(body.get("query", "")))
    if not name.is_analysed:
        return terms.prefix(name, terms.text_of(body.get("query", "")))
    if not found:
        return NOTHING
    parts = [terms.phrase(name, word, reading.now_ns) for word in found[:-1]]
    parts.append(terms.phrase_prefix(name, found[-1]))
    return both(parts) if str(body.get("operator", "or")).lower() == "and" else either(parts)


def _multi_match(reading: Reading, given: Any) -> Predicate:
    body = _object("multi_match", given)
    kind = body.get("type", "best_fields")
    names = names_of(body.get("fields"))
    _without_fuzziness(body)
    tests: Mapping[str, Callable[[Name], Predicate]] = {
        "phrase": lambda name: terms.phrase(name, body.get("query", ""), reading.now_ns),
        "phrase_prefix": lambda name: terms.phrase_prefix(name, body.get("query", "")),
        "bool_prefix": lambda name: bool_prefix(reading, name, body),
    }
    plain = {"best_fields", "most_fields", "cross_fields"}
    if kind not in plain | set(tests):
        raise parsing(f"No type found for value: {kind}")
    test = tests.get(str(kind), lambda name: match_words(reading, name, body))
    return either([terms.lenient(test, name) for name in names])


def _query_string(reading: Reading, given: Any) -> Predicate:
    body = _object("query_string", given)
    _without_least(body)
    fields = body.get("fields") or ([body["default_field"]] if body.get("default_field") not in (None, "*") else None)
    operator = str(body.get("default_operator", "or")).lower()
    text = str(_needed("query_string", given, "query"))
    zone = zone_of(body.get("time_zone"))
    return parse(text, reading.now_ns, names_of(fields), all_of=operator == "and", zone=zone)


def _simple_query_string(reading: Reading, given: Any) -> Predicate:
    body = _object("simple_query_string", given)
    _without_least(body)
    operator = str(body.get("default_operator", "or")).lower()
    text = str(_needed("simple_query_string", given, "query"))
    fields = None if body.get("fields") in (None, ["*"]) else body["fields"]
    return parse_simple(text, reading.now_ns, names_of(fields), all_of=operator == "and")


# ---- parts --------------------------------------------------------------------------------------------------------


def _object(kind: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise parsing(f"[{kind}] query malformed, no start_object after query name")
    return given


def _needed(kind: str, given: Any, word: str) -> Any:
    body = _object(kind, given)
    if body.get(word) is None:
        raise illegal(f"[{kind}] requires [{word}]")
    return body[word]


def _field(kind: str, given: Any, short: str) -> tuple[Name, dict[str, Any]]:
    """`{field: value}` and `{field: {short: value, …}}` alike."""
    body = {key: value for key, value in _object(kind, given).items() if key not in ("boost", "_name")}
    if len(body) != 1:
        raise parsing(f"[{kind}] query doesn't support multiple fields, found {list(body)[:2]}")
    ((field, value),) = body.items()
    if isinstance(value, dict):
        return name_of(field), value
    if not short:
        raise parsing(f"[{kind}] query malformed, no start_object after query name")
    return name_of(field), {short: value}


_READERS: Mapping[str, Callable[[Reading, Any], Predicate]] = {
    "match_all": lambda _, __: MatchAll(),
    "match_none": lambda _, __: NOTHING,
    "bool": _bool,
    "constant_score": _constant_score,
    "boosting": _boosting,
    "dis_max": _dis_max,
    "function_score": _function_score,
    "nested": _nested,
    "term": _term,
    "terms": _terms,
    "ids": _ids,
    "exists": _exists,
    "prefix": _prefix,
    "wildcard": _wildcard,
    "regexp": _regexp,
    "range": _range,
    "match": _match,
    "match_phrase": _match_phrase,
    "match_phrase_prefix": _match_phrase_prefix,
    "match_bool_prefix": _match_bool_prefix,
    "multi_match": _multi_match,
    "query_string": _query_string,
    "simple_query_string": _simple_query_string,
}

_ELSEWHERE = frozenset({
    "fuzzy", "geo_bounding_box", "geo_distance", "geo_shape", "has_child", "has_parent", "parent_id", "more_like_this",
    "percolate", "script", "script_score", "span_near", "span_term", "span_first", "span_or", "intervals", "knn",
    "rank_feature", "distance_feature", "terms_set", "wrapper", "pinned", "semantic", "combined_fields",
})  # fmt: skip
"""Clauses Elasticsearch has and logs have no use for."""
