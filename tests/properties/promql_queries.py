"""Series and PromQL queries by chance."""

from __future__ import annotations

from random import Random

import numpy as np

from heimdall.query.promql.source import Series

JOBS, INSTANCES = ("api", "db"), ("a", "b", "c")
BOUNDS = ("0.1", "0.5", "1", "5", "+Inf")
_OVER = ("rate", "increase", "irate", "delta", "idelta", "changes", "resets", "deriv", "avg_over_time",
         "sum_over_time", "min_over_time", "max_over_time", "count_over_time", "last_over_time", "present_over_time",
         "stddev_over_time", "stdvar_over_time")  # fmt: skip
_SIMPLE = ("abs", "ceil", "floor", "sqrt", "ln", "exp", "sgn", "sort", "sort_desc", "log2", "atan", "timestamp")
_CALENDAR = ("hour", "day_of_week", "day_of_month", "month", "year", "day_of_year", "days_in_month", "minute")
_FOLDS = ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")


def series(random: Random, start_ms: int, span_ms: int) -> list[Series]:
    """Counters with resets and gaps, gauges with odd values, and a histogram."""
    found = []
    for job in JOBS:
        for instance in INSTANCES:
            base = (("instance", instance), ("job", job))
            found.append(_made(random, "requests_total", base, start_ms, span_ms, counter=True))
            found.append(_made(random, "load", base, start_ms, span_ms, counter=False))
        counts = np.zeros(0)
        for bound in BOUNDS:
            grown = _made(
                random, "took_bucket", (("job", job), ("le", bound)), start_ms, span_ms, counter=True, even=True
            )
            counts = grown.values if not len(counts) else counts + grown.values
            found.append(Series(grown.labels, grown.times_ns, counts))
    found.append(_made(random, "limits", (("job", "api"), ("team", "x")), start_ms, span_ms, counter=False))
    found.append(_made(random, "limits", (("job", "db"), ("team", "y")), start_ms, span_ms, counter=False))
    return found


def _made(
    random: Random, name: str, labels: tuple[tuple[str, str], ...], start_ms: int, span_ms: int, *, counter: bool,
    even: bool = False,
) -> Series:  # fmt: skip
    times, values = [], []
    at, value = start_ms + (0 if even else random.randrange(15_000)), float(random.randrange(100))
    while at < start_ms + span_ms:
        times.append(at * 10**6)
        values.append(value)
        at += 15_000 if even else 15_000 + random.randrange(-2_000, 2_000)
        if not even and random.random() < 0.03:
            at += random.randrange(600_000)
        if not counter:
            value = random.choice((value, random.uniform(-50, 50), float(random.randrange(-5, 5))))
        elif not even and random.random() < 0.03:
            value = random.choice((0.0, value / 3))
        else:
            value += random.choice((0, 1, 7, 0.5))
    pairs = tuple(sorted((("__name__", name), *labels)))
    return Series(pairs, np.array(times, dtype=np.int64), np.array(values))


class Queries:
    def __init__(self, random: Random, at_s: int) -> None:
        self._random = random
        self._at_s = at_s

    def vector(self, depth: int) -> str:
        random = self._random
        ways = [self._selector, self._over_time]
        if depth > 0:
            ways += [self._over_time, lambda: self._fold(depth), lambda: self._simple(depth), lambda: self._fold(depth),
                     lambda: self._numbers(depth), lambda: self._both(depth), lambda: self._labels(depth),
                     lambda: self._subquery(depth), lambda: self._sets(depth),
                     lambda: self._special(depth)]  # fmt: skip
        return random.choice(ways)()

    def _selector(self) -> str:
        random = self._random
        name = random.choice(("requests_total", "load", "took_bucket", "limits", "nothing"))
        some = random.choice(
            ("", "", '{job="api"}', '{instance=~"a|b"}', '{instance!="a"}', '{job!~"d.*"}', '{team=""}')
        )
        if random.random() < 0.1:
            name, some = "", random.choice(('{__name__="load"}', '{__name__=~"load|limits", job="db"}', '{"load"}'))
        return f"{name}{some}{self._when()}"

    def _when(self) -> str:
        return self._random.choice(
            ("", "", "", " offset 3m", " offset -2m", f" @ {self._at_s}", " @ start()", " @ end() offset 1m")
        )

    def _range(self) -> str:
        selector = self._random.choice(("requests_total", "load", 'load{job="db"}', 'requests_total{instance=~".+"}'))
        return f"{selector}[{self._random.choice(('1m', '2m30s', '5m', '20m', '45', '1h'))}]{self._when()}"

    def _over_time(self) -> str:
        random = self._random
        chance = random.random()
        if chance < 0.08:
            return f"quantile_over_time({random.choice(('0.5', '0.9', '-1', '2'))}, {self._range()})"
        if chance < 0.16:
            return f"predict_linear({self._range()}, {random.choice(('60', '3600'))})"
        if chance < 0.2:
            return f"absent_over_time({self._range()})"
        return f"{random.choice(_OVER)}({self._range()})"

    def _subquery(self, depth: int) -> str:
        step = self._random.choice(("", "30s", "2m", "7s"))
        inner = (
            self.vector(0)
            if depth < 2
            else self._random.choice((self._selector(), f"sum by (job) ({self._selector()})"))
        )
        inner = inner.replace("stddev", "max").replace("stdvar", "min")  # noise about 0 would be taken for resets
        return f"{self._random.choice(_OVER)}(({inner})[{self._random.choice(('5m', '10m'))}:{step}]{self._when()})"

    def _clause(self) -> str:
        return self._random.choice(
            ("", "by (job) ", "by (instance) ", "without (instance) ", "by (job, le) ", "by () ")
        )

    def _fold(self, depth: int) -> str:
        random = self._random
        inner = self.vector(depth - 1)
        chance = random.random()
        if chance < 0.1:
            return f"quantile {self._clause()}({random.choice(('0', '0.3', '0.5', '1', '1.5'))}, {inner})"
        if chance < 0.2:
            return f"count_values {self._clause()}('v', floor({inner} + 0.123))"
        return f"{random.choice(_FOLDS)} {self._clause()}({inner})"

    def _simple(self, depth: int) -> str:
        function, inner = self._random.choice(_SIMPLE), self.vector(depth - 1)
        if function == "timestamp" and "@" in inner:
            function = (
                "abs"  # of a selector that is fixed in time, Prometheus gives the step's time in place of the sample's
            )
        if function in ("ceil", "floor"):
            inner = f"({inner}) + 0.123"  # sums differ in their last digit
        return f"{function}({inner})"

    def _numbers(self, depth: int) -> str:
        random = self._random
        op = random.choice(("+", "-", "*", "/", "%", "^", ">", "<", "==", ">= bool", "!=", "<= bool", "atan2"))
        number = random.choice(("0", "1", "2.5", "-3", "1e3", "Inf", "scalar(limits{job='api'})", "time()", "5m"))
        inner = self._selector() if op == "%" else f"({self.vector(depth - 1)})"
        return random.choice((f"{inner} {op} {number}", f"{number} {op} {inner}", f"-{inner}"))

    def _both(self, depth: int) -> str:
        random = self._random
        op = random.choice(("+", "-", "*", "/", ">", "< bool", "==", "!="))
        how = random.choice(("", "", "on (job) ", "on (job, instance) ", "ignoring (le) ", "on (job) group_left () ",
                             "on (job) group_left (team) ", "ignoring (instance) group_right () "))  # fmt: skip
        return f"({self.vector(depth - 1)}) {op} {how}({self.vector(depth - 1)})"

    def _sets(self, depth: int) -> str:
        random = self._random
        op = random.choice(("and", "or", "unless"))
        how = random.choice(("", "", "on (job) ", "ignoring (instance) ", "on () "))
        return f"({self.vector(depth - 1)}) {op} {how}({self.vector(depth - 1)})"

    def _labels(self, depth: int) -> str:
        inner = self.vector(depth - 1)
        return self._random.choice(
            (
                f"label_replace({inner}, 'x', '${{1}}-$2', 'instance', '(.)(.*)')",
                f"label_replace({inner}, 'job', '', 'job', 'api')",
                f"label_join({inner}, 'x', '/', 'job', 'instance')",
            )
        )

    def _special(self, depth: int) -> str:
        random = self._random
        inner = self.vector(depth - 1)
        return random.choice(
            (
                f"histogram_quantile({random.choice(('0.5', '0.9', '0', '1', '-1', '1.1'))}, rate(took_bucket[5m]))",
                "histogram_quantile(0.9, sum by (le) (increase(took_bucket[10m])))",
                f"absent({inner})",
                f"clamp({inner}, -1, 3)",
                f"clamp_min({inner}, 0)",
                f"clamp_max({inner}, 2.5)",
                f"round({inner} + 0.123, 0.5)",
                f"vector(scalar({inner}))",
                f"{random.choice(_CALENDAR)}({inner} * 1e5 > -1e9 < 1e9)",
                f"count(topk(2, {inner}))",
                f"count(bottomk by (job) (1, {inner}))",
            )
        )
