"""Entries and LogQL queries made up from a seed."""

from __future__ import annotations

import json
from random import Random

from properties.logql_reference import Entry

APPS = ["pay", "web", "cart"]
NAMES = [
    "app",
    "env",
    "level",
    "pod",
    "detected_level",
    "service_name",
    "trace_k",
    "st",
    "tk",
    "pth",
    "sz",
    "ip",
    "in_x",
    "nope",
]
VALUES = ["pay", "web", "cart", "prod", "dev", "error", "warn", "p-1", "t1", "200", "404", "/a", "/b c", "unknown", ""]
PATTERNS = ["pa.*", ".+", "[pw].*", "(prod|dev)", "4..", ".*", "p-[12]"]
WORDS = ["GET", "POST", "/a", "st=2", "error", "e", "took", '"st"', "zzz", "é"]


def entries(random: Random, count: int, first_ns: int, span_ns: int) -> list[Entry]:
    """In order of time; no two at the same moment."""
    times = sorted(random.sample(range(span_ns // 1_000_000), count))
    streams = [
        {"app": app, "env": random.choice(["prod", "dev"]), **level, **pod}
        for app in APPS
        for level in ({}, {"level": "error"}, {"level": "warn"})
        for pod in ({}, {"pod": "p-1"}, {"pod": "p-2"})
    ]
    return [_entry(random, first_ns + time * 1_000_000, random.choice(streams)) for time in times]


def _entry(random: Random, time_ns: int, stream: dict[str, str]) -> Entry:
    metadata = {"trace.k": random.choice(["t1", "t2"])} if random.random() < 0.4 else {}
    st, tk, sz = (
        random.choice([200, 201, 404, 500]),
        random.choice(["15ms", "2s", "250ms"]),
        random.choice(["5KB", "10B"]),
    )
    pth, ip = random.choice(["/a", "/b c", "/é"]), random.choice(["10.0.0.1", "192.168.1.7"])
    match random.randrange(5):
        case 0:
            fields = {"st": st, "tk": tk, "pth": pth, "in": {"x": random.randrange(3)}, "ok": random.random() < 0.5}
            hidden = {
                "st": str(st),
                "tk": tk,
                "pth": pth,
                "in_x": str(fields["in"]["x"]),
                "ok": str(fields["ok"]).lower(),
            }  # type: ignore[index]
            return Entry(time_ns, json.dumps(fields, ensure_ascii=False), stream, metadata, hidden)
        case 1 | 2:
            line = f'st={st} tk={tk} sz={sz} pth="{pth}" ip={ip} app=inner'
        case 3:
            line = f"{random.choice(['GET', 'POST'])} {pth.replace(' ', '')} took {random.randrange(100)} ms"
        case _:
            line = random.choice(['{"st": 2', "st=abc tk=x", "plain text", "st=300"])
    return Entry(time_ns, line, stream, metadata)


class Queries:
    def __init__(self, random: Random) -> None:
        self._random = random

    def _one(self, items: list[str]) -> str:
        return self._random.choice(items)

    def _chance(self, share: float) -> bool:
        return self._random.random() < share

    def selector(self) -> str:
        first = self._random.choice(['app=~".+"', 'app="pay"', 'app=~"(web|cart)"', 'env="prod"', 'service_name=~".+"'])
        more = [self._matcher() for _ in range(self._random.randrange(3))]
        return "{" + ", ".join([first, *more]) + "}"

    def _matcher(self) -> str:
        name, op = self._one(NAMES), self._one(["=", "!=", "=~", "!~"])
        return f"{name}{op}{json.dumps(self._one(PATTERNS if '~' in op else VALUES))}"

    def _line_filter(self) -> str:
        op = self._one(["|=", "!=", "|~", "!~"])
        more = f" or {json.dumps(self._one(WORDS), ensure_ascii=False)}" if self._chance(0.2) else ""
        return f"{op} {json.dumps(self._one(WORDS), ensure_ascii=False)}{more}"

    def _label_filter(self) -> str:
        kind = self._random.randrange(6)
        if kind == 0:
            return f"st {self._one(['>', '>=', '<', '==', '!='])} {self._one(['200', '300', '404'])}"
        if kind == 1:
            return f"tk {self._one(['>', '<=', '=='])} {self._one(['20ms', '1s', '250ms'])}"
        if kind == 2:
            return f"sz {self._one(['>', '<='])} {self._one(['100B', '5KB'])}"
        if kind == 3:
            return f'ip {self._one(["=", "!="])} ip("10.0.0.0/8")'
        return self._matcher()

    def _condition(self) -> str:
        if self._chance(0.3):
            return f"{self._label_filter()} {self._one(['or', 'and'])} {self._label_filter()}"
        return self._label_filter()

    def _stage(self) -> str:
        kind = self._random.randrange(14)
        fixed = {
            0: "| json",
            1: "| logfmt",
            2: "| logfmt",
            3: '| pattern "<verb> <pth> took <_> ms"',
            4: '| regexp "took (?P<ms>[0-9]+)"',
            5: '| json a="in.x", b="st"',
            6: '| line_format "{{.app}} {{.st | ToUpper}}"',
            7: '| label_format st=tk, both="{{.app}}-{{.env}}"',
            8: f'| {self._one(["drop", "keep"])} app, env, st=~".*"',
            9: '| drop pod, level="error"',
        }  # fmt: skip  (a bare name at their end would take the operator and text of a line filter that follows)
        if kind in fixed:
            return fixed[kind]
        return self._line_filter() if kind < 12 else f"| {self._condition()}"

    def log(self, stages: int = 4) -> str:
        return " ".join([self.selector(), *(self._stage() for _ in range(self._random.randrange(stages + 1)))])

    def _range(self) -> str:
        offset = f" offset {self._one(['1m', '-30s'])}" if self._chance(0.15) else ""
        return f"[{self._one(['30s', '1m', '5m', '7m'])}]{offset}"

    def _simple(self) -> str:
        """Only what is stored: the part engines count by themselves."""
        stages = [
            self._line_filter() if self._chance(0.5) else f"| {self._matcher()}"
            for _ in range(self._random.randrange(3))
        ]
        return " ".join([self.selector(), *stages])

    def range_metric(self) -> str:
        kind = self._random.randrange(3)
        skip = ' | __error__=""' if self._chance(0.85) else ""
        if kind == 0:
            op = self._one(["count_over_time", "rate", "bytes_over_time", "bytes_rate"])
            return f"{op}({self._simple()}{self._range()})"
        if kind == 1:
            op = self._one(["count_over_time", "rate", "bytes_over_time", "bytes_rate"])
            return f"{op}({self.log()}{skip}{self._range()})"
        op = self._one(["sum", "avg", "min", "max", "stddev", "stdvar", "first", "last", "quantile", "rate"])
        name = "rate" if op == "rate" else f"{op}_over_time"
        first = "0.9, " if op == "quantile" else ""
        label = self._one(["st", "duration(tk)", "bytes(sz)"])
        group = (
            f" {self._one(['by', 'without'])} ({self._names()})"
            if op not in ("rate", "sum") and self._chance(0.5)
            else ""
        )
        parser = self._one(["| logfmt", "| json", '| logfmt | __error__=""'])
        return f"{name}({first}{self.selector()} {parser} | unwrap {label}{skip}{self._range()}){group}"

    def _names(self) -> str:
        return ", ".join(dict.fromkeys(self._one(NAMES) for _ in range(1 + self._random.randrange(2))))

    def metric(self, depth: int = 2) -> str:
        kind = self._random.randrange(8) if depth else 0
        if kind < 3:
            return self.range_metric()
        if kind < 6:
            op = self._one(["sum", "sum", "sum", "avg", "min", "max", "count", "stddev", "topk", "bottomk", "sort"])
            group = (
                f" {self._one(['by', 'by', 'without'])} ({self._names()}) "
                if op != "sort" and self._chance(0.8)
                else ""
            )
            first = "2, " if op in ("topk", "bottomk") else ""
            return f"{op}{group}({first}{self.metric(depth - 1)})"
        op = self._one(["+", "-", "*", "/", "%", ">", "<=", "==", "and", "or", "unless"])
        returns_bool = " bool" if op in (">", "<=", "==") and self._chance(0.5) else ""
        if kind == 6 and op not in ("and", "or", "unless"):
            sides = [f"({self.metric(depth - 1)})", self._one(["2", "0", "1.5"])]
            self._random.shuffle(sides)
            return f"{sides[0]} {op}{returns_bool} {sides[1]}"
        matching = f" {self._one(['on', 'ignoring'])} ({self._names()})" if self._chance(0.4) else ""
        return f"({self.metric(depth - 1)}) {op}{returns_bool}{matching} ({self.metric(depth - 1)})"
