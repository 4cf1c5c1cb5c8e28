"""What has the form of LogQL and still no meaning: refused while it is read, in Loki's words."""

from __future__ import annotations

import ipaddress
import re

from heimdall.query.languages.logql.ast import Matcher, RangeAggregation
from heimdall.query.languages.logql.lexer import LogqlError, Token
from heimdall.query.regex import compile_pattern

_GROUPED = frozenset({
    "avg_over_time", "stddev_over_time", "stdvar_over_time", "quantile_over_time", "max_over_time", "min_over_time",
    "first_over_time", "last_over_time",
})  # fmt: skip
_WITH_UNWRAP = frozenset({
    *_GROUPED, "sum_over_time", "rate", "rate_counter", "absent_over_time",
})  # fmt: skip
_WITHOUT_UNWRAP = frozenset({
    "count_over_time", "rate", "bytes_over_time", "bytes_rate", "absent_over_time",
})  # fmt: skip
_CAPTURE = re.compile(r"<([A-Za-z_][A-Za-z0-9_]*)>")


def check_regex(pattern: str, token: Token, *, captures: bool = False) -> str:
    try:
        compiled = compile_pattern(f"(?-s){pattern}")
    except ValueError as exc:
        raise LogqlError(f"error parsing regexp: {exc}", token.line, token.column) from exc
    if captures:
        if not compiled.groupindex:
            raise LogqlError("at least one named capture must be supplied", 0, 0)
        for name in compiled.groupindex:
            if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is None:
                raise LogqlError(f"invalid extracted label name '{name}'", 0, 0)
    return pattern


def check_selector(matchers: tuple[Matcher, ...]) -> tuple[Matcher, ...]:
    """A selector has to rule something out: one matcher that an absent label does not fulfil."""
    if not any(not matches(each, "") for each in matchers):
        raise LogqlError(
            "queries require at least one regexp or equality matcher that does not have an empty-compatible value. "
            'For instance, app=~".*" does not meet this requirement, but app=~".+" will',
        )
    return matchers


def matches(matcher: Matcher, value: str) -> bool:
    if matcher.op in ("=", "!="):
        return (value == matcher.value) == (matcher.op == "=")
    return bool(whole(matcher.value).fullmatch(value)) == (matcher.op == "=~")


def whole(pattern: str):  # type: ignore[no-untyped-def]  # noqa: ANN201 (re2 has no public name for it)
    """A compiled pattern of a label's whole value; `.` matches line breaks there."""
    return compile_pattern(f"(?s:{pattern})")


def check_ip(text: str, token: Token) -> str:
    """An address, a range `a-b` or a CIDR block."""
    try:
        ip_range(text)
    except ValueError as exc:
        raise LogqlError(f"invalid ip matcher pattern: {text!r}", token.line, token.column) from exc
    return text


def ip_range(text: str) -> tuple[int, int, int]:
    """Version, first and last address, as numbers."""
    if "/" in text:
        network = ipaddress.ip_network(text, strict=False)
        return network.version, int(network.network_address), int(network.broadcast_address)
    first, _, last = text.partition("-")
    low = ipaddress.ip_address(first.strip())
    high = ipaddress.ip_address((last or first).strip())
    if low.version != high.version or low > high:  # type: ignore[operator]
        raise ValueError("the range has no addresses")
    return low.version, int(low), int(high)


def check_pattern(text: str, token: Token) -> str:
    names: list[str] = []
    end_of_capture = -1
    for found in _CAPTURE.finditer(text):
        if found.start() == end_of_capture:
            raise LogqlError(f"found consecutive capture '{found[0]}': literals are needed between captures", 0, 0)
        end_of_capture = found.end()
        if found[1] != "_":
            if found[1] in names:
                raise LogqlError(f"duplicate capture name ({found[1]}): invalid expression", 0, 0)
            names.append(found[1])
    if not names:
        raise LogqlError("at least one capture is required", 0, 0)
    return text


def check_range(metric: RangeAggregation, token: Token) -> RangeAggregation:
    if metric.grouping is not None and metric.op not in _GROUPED:
        raise LogqlError(f"grouping not allowed for {metric.op} aggregation", 0, 0)
    if metric.unwrap is not None and metric.op not in _WITH_UNWRAP:
        raise LogqlError(f"invalid aggregation {metric.op} with unwrap", 0, 0)
    if metric.unwrap is None and metric.op not in _WITHOUT_UNWRAP:
        raise LogqlError(f"invalid aggregation {metric.op} without unwrap", 0, 0)
    return metric
