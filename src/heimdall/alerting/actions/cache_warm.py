"""Ask ahead: queries that people will have when they look, into Heimdall's own cache, and addresses that fill others'.

Doing it twice does no harm, so an unknown outcome is answered by doing it again; there is nothing to take back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from heimdall.alerting.keys import duration_of, only
from heimdall.alerting.mitigation.action import Call, Outcome, Plan, Target
from heimdall.alerting.notifiers.outbound import Outbound
from heimdall.clock import Clock
from heimdall.errors import Misconfigured, Refused
from heimdall.query.languages.hql import parse
from heimdall.query.literals import print_duration
from heimdall.query.request import SearchRequest
from heimdall.query.service import QueryService

MAX_QUERIES = 50
MAX_URLS = 200
_TIMEOUT_S = 60.0
_LONGEST_NS = 31 * 86_400 * 10**9


class CacheWarm:
    """Satisfies `Action`."""

    def __init__(
        self,
        name: str,
        queries: QueryService,
        clock: Clock,
        *,
        asked: Sequence[str],
        span_ns: int,
        fetched: Sequence[Outbound],
    ) -> None:
        self._name = name
        self._queries = queries
        self._clock = clock
        self._asked = asked
        self._span_ns = span_ns
        self._fetched = fetched

    def target(self, labels: Mapping[str, str]) -> Target:
        return Target("cache", self._name)

    def plan(self, call: Call) -> Plan:
        span = print_duration(self._span_ns)
        parts = [f"ask {len(self._asked)} queries over {span}"] if self._asked else []
        parts += [f"fetch {len(self._fetched)} addresses"] if self._fetched else []
        return Plan(does=" and ".join(parts), undoes="")

    def apply(self, call: Call, plan: Plan) -> None:
        """Whole minutes, as pages ask them. Raises as the first that failed, after all were tried."""
        end_ns = self._clock.time_ns() // (60 * 10**9) * (60 * 10**9)
        failures: list[Exception] = []
        for query in self._asked:
            request = SearchRequest(
                q=query, start_ns=end_ns - self._span_ns, end_ns=end_ns, timeout_s=_TIMEOUT_S, background=True
            )
            try:
                self._queries.search(request)
            except Exception as exc:
                failures.append(exc)
        for outbound in self._fetched:
            try:
                outbound.get({})
            except Exception as exc:
                failures.append(exc)
        if failures:
            total = len(self._asked) + len(self._fetched)
            raise Refused(f"{len(failures)} of {total} could not be warmed: {failures[0]}") from failures[0]

    def check(self, call: Call, plan: Plan) -> Outcome:
        return Outcome.NOT_DONE

    def undo(self, call: Call, plan: Plan) -> None:
        raise Refused("a warm cache cannot be taken back")

    def check_undo(self, call: Call, plan: Plan) -> Outcome:
        return Outcome.NOT_DONE

    def close(self) -> None:
        for outbound in self._fetched:
            outbound.close()


def open_cache_warm(
    settings: Mapping[str, Any], name: str, queries: QueryService, clock: Clock, what: str
) -> CacheWarm:
    """Raises Misconfigured, QuerySyntaxError."""
    only(settings, {"queries", "span", "urls", "allow_private"}, what)
    asked, urls = (settings.get(key, []) for key in ("queries", "urls"))
    for key, given, most in (("queries", asked, MAX_QUERIES), ("urls", urls, MAX_URLS)):
        if not isinstance(given, list) or not all(isinstance(each, str) for each in given) or len(given) > most:
            raise Misconfigured(f"{what}: {key} must be a list of at most {most} texts")
    if not asked and not urls:
        raise Misconfigured(f"{what}: needs queries or urls")
    for query in asked:
        parse(query)
    span_ns = duration_of(settings, "span", "1h", what)
    if not 0 < span_ns <= _LONGEST_NS:
        raise Misconfigured(f"{what}: span must be longer than 0s, at most 31d")
    private = settings.get("allow_private", False)
    if not isinstance(private, bool):
        raise Misconfigured(f"{what}: allow_private must be true or false")
    fetched = [Outbound(url, what, allow_private=private) for url in urls]
    return CacheWarm(name, queries, clock, asked=asked, span_ns=span_ns, fetched=fetched)
