"""What parsers read out of one line: (label, value) pairs, or what is wrong with it.

Called once for each distinct line of a batch. Source: Grafana Loki, "LogQL: Parser expression".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

from heimdall.query.languages.logql.ast import Json, Logfmt, PatternParser, Regexp, Unpack
from heimdall.query.languages.logql.lexer import LogqlError
from heimdall.query.logql.labels import sanitized
from heimdall.query.regex import compile_pattern

JSON_ERROR, LOGFMT_ERROR = "JSONParserErr", "LogfmtParserErr"
_DEEPEST = 64
_STEP = re.compile(r'\.?([A-Za-z_][\w-]*)|\[(\d+)\]|\["((?:\\.|[^"\\])*)"\]')


@dataclass(slots=True)
class Found:
    pairs: dict[str, str] = field(default_factory=dict)
    error: str | None = None
    details: str | None = None
    line: str | None = None
    """What the line becomes, where the parser changes it."""


Extractor = Callable[[str], Found]
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)
"""Numbers keep the digits they were written with."""


def extractor(stage: Json | Logfmt | PatternParser | Regexp | Unpack) -> Extractor:
    match stage:
        case Json(wanted=wanted):
            return _json_paths(wanted) if wanted else _json
        case Logfmt():
            return _logfmt(stage)
        case PatternParser(pattern=pattern):
            return _pattern(pattern)
        case Regexp(pattern=pattern):
            return _regexp(pattern)
        case Unpack():
            return _unpack


def _object(line: str) -> dict[str, object]:
    """
    Raises:
        ValueError: the line is no JSON object.
    """
    if not line.lstrip().startswith("{"):
        raise ValueError("Value looks like object, but can't find closing '}' symbol")
    try:
        value = _DECODER.decode(line)
    except RecursionError:
        raise ValueError("the object is nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("the line is no object")
    return value


def _json(line: str) -> Found:
    found = Found()
    try:
        _flatten(_object(line), "", found.pairs, 0)
    except ValueError as exc:
        return Found(error=JSON_ERROR, details=str(exc))
    return found


def _flatten(value: dict[str, object], prefix: str, pairs: dict[str, str], depth: int) -> None:
    if depth > _DEEPEST:
        return
    for key, inner in value.items():
        name = (
            f"{prefix}_{sanitized(key) if not key[:1].isdigit() else sanitized(key)[1:]}" if prefix else sanitized(key)
        )
        if isinstance(inner, dict):
            _flatten(inner, name, pairs, depth + 1)
        elif isinstance(inner, str):
            pairs.setdefault(name, inner)
        elif isinstance(inner, bool):
            pairs.setdefault(name, "true" if inner else "false")


@lru_cache(maxsize=256)
def path_steps(path: str) -> tuple[str | int, ...]:
    """`servers[0].name` → ("servers", 0, "name").

    Raises:
        LogqlError: it is no path.
    """
    steps: list[str | int] = []
    place = 0
    while place < len(path):
        step = _STEP.match(path, place)
        if step is None:
            raise LogqlError(f"cannot parse expression [{path}]: syntax error: unexpected {path[place]!r}")
        steps.append(int(step[2]) if step[2] is not None else step[1] if step[1] is not None else step[3])
        place = step.end()
    return tuple(steps)


def _json_paths(wanted: tuple[tuple[str, str], ...]) -> Extractor:
    paths = [(name, path_steps(path)) for name, path in wanted]

    def extract(line: str) -> Found:
        try:
            whole = _object(line)
        except ValueError as exc:
            return Found(error=JSON_ERROR, details=str(exc))
        pairs = {}
        for name, steps in paths:
            value = _at(whole, steps)
            if isinstance(value, str):
                pairs[name] = value
            elif isinstance(value, bool):
                pairs[name] = "true" if value else "false"
            elif value is not None:
                pairs[name] = json.dumps(_at(json.loads(line), steps), ensure_ascii=False, separators=(",", ":"))
        return Found(pairs)

    return extract


def _at(value: object, steps: tuple[str | int, ...]) -> object:
    for step in steps:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _logfmt(stage: Logfmt) -> Extractor:
    wanted = {path: name for name, path in stage.wanted}

    def extract(line: str) -> Found:
        pairs, error = logfmt_pairs(line, strict=stage.strict)
        found: dict[str, str] = {}
        for key, value in pairs:
            if not value and not stage.keep_empty:
                continue
            if not wanted:
                found.setdefault(sanitized(key), value)
            elif key in wanted:
                found.setdefault(wanted[key], value)
        return Found(found, LOGFMT_ERROR if error else None, error)

    return extract


def logfmt_pairs(line: str, *, strict: bool) -> tuple[list[tuple[str, str]], str | None]:
    """Pairs up to the first fault; without `strict` the faulty word is passed over and reading goes on."""
    pairs: list[tuple[str, str]] = []
    place, size = 0, len(line)
    while place < size:
        if line[place] <= " ":
            place += 1
            continue
        start = place
        while place < size and line[place] > " " and line[place] not in '="':
            place += 1
        key = line[start:place]
        if place < size and line[place] == '"' or not key:
            if strict:
                return pairs, f"logfmt syntax error at pos {place + 1} : unexpected {line[place]!r}"
            while place < size and line[place] > " ":
                place += 1
            continue
        if place >= size or line[place] != "=":
            pairs.append((key, ""))
            continue
        place += 1
        if place < size and line[place] == '"':
            end = place + 1
            while end < size and line[end] != '"':
                end += 2 if line[end] == "\\" else 1
            if end >= size:
                if strict:
                    return pairs, f"logfmt syntax error at pos {size} : unterminated quoted value"
                return pairs, None
            pairs.append((key, _unquoted(line[place : end + 1])))
            place = end + 1
            continue
        start = place
        while place < size and line[place] > " " and line[place] not in '="':
            place += 1
        if place < size and line[place] > " ":
            if strict:
                return pairs, f"logfmt syntax error at pos {place + 1} : unexpected {line[place]!r}"
            while place < size and line[place] > " ":
                place += 1
            continue
        pairs.append((key, line[start:place]))
    return pairs, None


def _unquoted(text: str) -> str:
    if "\\" not in text:
        return text[1:-1]
    try:
        return str(json.loads(text, strict=False))
    except ValueError:
        return text[1:-1]


@lru_cache(maxsize=64)
def pattern_parts(pattern: str) -> tuple[tuple[str | None, str], ...]:
    """(capture or None, literal) in turn."""
    parts: list[tuple[str | None, str]] = []
    for text in re.split(r"(<[A-Za-z_][A-Za-z0-9_]*>)", pattern):
        if re.fullmatch(r"<[A-Za-z_][A-Za-z0-9_]*>", text):
            parts.append((text[1:-1], ""))
        elif text:
            parts.append((None, text))
    return tuple(parts)


def _pattern(pattern: str) -> Extractor:
    parts = pattern_parts(pattern)

    def extract(line: str) -> Found:
        found = Found()
        rest, waiting = line, list(parts)
        if waiting and waiting[0][0] is None:
            if not rest.startswith(waiting[0][1]):
                return found
            rest = rest[len(waiting[0][1]) :]
            waiting.pop(0)
        if not line:
            return found
        for place in range(0, len(waiting), 2):
            name = waiting[place][0] or "_"
            stop = waiting[place + 1][1] if place + 1 < len(waiting) else None
            end = -1 if stop is None else rest.find(stop)
            value = rest if end < 0 else rest[:end]
            if name != "_":
                found.pairs[name] = value
            if end < 0:
                return found
            rest = rest[end + len(stop or "") :]
        return found

    return extract


def _regexp(pattern: str) -> Extractor:
    compiled = compile_pattern(f"(?-s){pattern}")
    names = tuple(compiled.groupindex)

    def extract(line: str) -> Found:
        match = compiled.search(line)
        return Found() if match is None else Found({name: match.group(name) or "" for name in names})

    return extract


def _unpack(line: str) -> Found:
    if not line.lstrip().startswith("{"):
        return Found(error=JSON_ERROR, details="expecting json object, but it is not")
    try:
        whole = json.loads(line)
    except (ValueError, RecursionError) as exc:
        return Found(error=JSON_ERROR, details=str(exc))
    found = Found()
    for key, value in whole.items():
        if key == "_entry" and isinstance(value, str):
            found.line = value
        elif isinstance(value, str):
            found.pairs[sanitized(key)] = value
    return found
