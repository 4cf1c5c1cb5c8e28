"""The part of Go's templates that `line_format` and `label_format` take: fields, literals, pipelines, calls, `if`.

Source: Grafana Loki, "Template functions". Variables, `range` and `with` are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from heimdall.query.languages.logql.lexer import LogqlError, Token
from heimdall.query.languages.logql.templatefunctions import FUNCTIONS, TemplateFailure, truth

LINE, TIME = "__line__", "__timestamp__"
_ACTION = re.compile(r"\{\{(- )?\s*(.*?)\s*( -)?\}\}", re.DOTALL)
_WORD = re.compile(r'\s*("(?:\\.|[^"\\])*"|`[^`]*`|\.[A-Za-z_]\w*|\.|-?\d+(?:\.\d+)?|[A-Za-z_]\w*|[()|])')
_MAX_OUTPUT = 256 * 1024
"""Longest text a template may make of a line, as Loki's `max_line_size`; the rest is cut."""

Scope = Mapping[str, Any]
Evaluate = Callable[[Scope], Any]


@dataclass(frozen=True, slots=True)
class Template:
    parts: tuple[Evaluate, ...]
    names: frozenset[str]
    """Labels it reads; `__line__` and `__timestamp__` among them where it asks for those."""

    def render(self, scope: Scope) -> str:
        """
        Raises:
            TemplateFailure: a function cannot take what it was given.
        """
        return "".join(shown(part(scope)) for part in self.parts)[:_MAX_OUTPUT]


def shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value == int(value):
        return str(int(value))
    return str(value)


@lru_cache(maxsize=256)
def _compiled(text: str) -> Template:
    return _Compiler(text).compile()


def compile_template(text: str, token: Token | None = None) -> Template:
    """
    Raises:
        LogqlError: it is none, or uses what is not known.
    """
    try:
        return _compiled(text)
    except _Broken as exc:
        raise LogqlError(f"invalid line template: template: line:1: {exc}", 0, 0) from exc


class _Broken(Exception):
    pass


def _constant(text: str) -> Evaluate:
    return lambda scope: text


class _Compiler:
    def __init__(self, text: str) -> None:
        self._pieces = self._split(text)
        self._place = 0
        self._names: set[str] = set()

    def compile(self) -> Template:
        parts, end = self._block()
        if end is not None:
            raise _Broken(f"unexpected {{{{{end}}}}}")
        return Template(tuple(parts), frozenset(self._names))

    @staticmethod
    def _split(text: str) -> list[tuple[bool, str]]:
        """(is an action, text) in turn, with the white space that `{{-` and `-}}` take away gone."""
        found: list[tuple[bool, str]] = []
        place, trim = 0, False
        for action in _ACTION.finditer(text):
            literal = text[place : action.start()]
            literal = literal.lstrip() if trim else literal
            found.append((False, literal.rstrip() if action[1] else literal))
            found.append((True, action[2]))
            place, trim = action.end(), bool(action[3])
        rest = text[place:]
        if "{{" in rest:
            raise _Broken("unclosed action")
        found.append((False, rest.lstrip() if trim else rest))
        return found

    def _block(self) -> tuple[list[Evaluate], str | None]:
        parts: list[Evaluate] = []
        while self._place < len(self._pieces):
            is_action, text = self._pieces[self._place]
            self._place += 1
            if not is_action:
                if text:
                    parts.append(_constant(text))
                continue
            if text.startswith("/*"):
                continue
            word = text.split(None, 1)[0] if text else ""
            if word in ("end", "else"):
                return parts, text
            if word == "if":
                parts.append(self._branches(text.removeprefix("if")))
            elif word in ("range", "with", "define", "template", "block", "break", "continue"):
                raise _Broken(f"{word!r} is not supported here")
            else:
                parts.append(self._pipeline(text))
        return parts, None

    def _branches(self, condition: str) -> Evaluate:
        test = self._pipeline(condition)
        yes, end = self._block()
        no: list[Evaluate] = []
        if end is not None and end.startswith("else if"):
            no = [self._branches(end.removeprefix("else if"))]
            end = "end"
        elif end == "else":
            no, end = self._block()
        if end != "end":
            raise _Broken("unexpected EOF")
        return lambda scope: "".join(shown(part(scope)) for part in (yes if truth(test(scope)) else no))

    def _pipeline(self, text: str) -> Evaluate:
        words: list[str] = []
        place = 0
        text = text.rstrip()
        while place < len(text):
            found = _WORD.match(text, place)
            if found is None:
                raise _Broken(f"unexpected {text[place:].strip()[:20]!r} in operand")
            words.append(found[1])
            place = found.end()
        evaluate, rest = self._piped(words, 0)
        if rest:
            raise _Broken(f"unexpected {rest[0]!r} in operand")
        return evaluate

    def _piped(self, words: list[str], depth: int) -> tuple[Evaluate, list[str]]:
        if depth > 32:
            raise _Broken("nested too deeply")
        evaluate, words = self._call(words, None, depth)
        while words and words[0] == "|":
            evaluate, words = self._call(words[1:], evaluate, depth)
        return evaluate, words

    def _call(self, words: list[str], before: Evaluate | None, depth: int) -> tuple[Evaluate, list[str]]:
        if not words:
            raise _Broken("missing value for command")
        if words[0] not in FUNCTIONS and re.fullmatch(r"[A-Za-z_]\w*", words[0]) and words[0] not in _BUILT_IN:
            raise _Broken(f'function "{words[0]}" not defined')
        if words[0] not in FUNCTIONS:
            if before is not None:
                raise _Broken("non executable command in pipeline stage 2")
            return self._operand(words, depth)
        name, words = words[0], words[1:]
        arguments: list[Evaluate] = []
        while words and words[0] not in (")", "|"):
            argument, words = self._operand(words, depth)
            arguments.append(argument)
        if before is not None:
            arguments.append(before)
        function, least, most = FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            raise _Broken(f"wrong number of args for {name}: want {least} got {len(arguments)}")

        def evaluate(scope: Scope) -> Any:
            try:
                return function(*(argument(scope) for argument in arguments))
            except (ValueError, TypeError, OverflowError, ArithmeticError) as exc:
                raise TemplateFailure(f"error calling {name}: {exc}") from exc

        return evaluate, words

    def _operand(self, words: list[str], depth: int) -> tuple[Evaluate, list[str]]:
        word, rest = words[0], words[1:]
        if word == "(":
            inner, rest = self._piped(rest, depth + 1)
            if not rest or rest[0] != ")":
                raise _Broken("unclosed left paren")
            return inner, rest[1:]
        if word in ("true", "false"):
            return (lambda scope: word == "true"), rest
        if word in (LINE, TIME):
            self._names.add(word)
            return (lambda scope: scope.get(word)), rest
        if word == "now" or word in FUNCTIONS:
            return self._call([word, ")"], None, depth)[0], rest
        if word.startswith(".") and len(word) > 1 and not word[1].isdigit():
            name = word[1:]
            self._names.add(name)
            return (lambda scope: scope.get(name) or ""), rest
        if word[0] in '"`':
            text = _literal(word)
            return (lambda scope: text), rest
        if re.fullmatch(r"-?\d+(?:\.\d+)?", word):
            value = float(word) if "." in word else int(word)
            return (lambda scope: value), rest
        raise _Broken(f"unexpected {word!r} in operand")


_BUILT_IN = frozenset({"true", "false", LINE, TIME})


def _literal(word: str) -> str:
    if word[0] == "`":
        return word[1:-1]
    escapes = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"'}
    return re.sub(r"\\(.)", lambda found: escapes.get(found[1], found[0]), word[1:-1], flags=re.DOTALL)
