"""A masked message as a `Shape`: the key that decides its template, and the texts that make the template readable.

A shape is read cell by cell. `key[i]` says what the cell must be to belong together: a word, a delimiter, or a class
of values. `text[i]` is what stood there. Two messages with equal keys are one template; a cell whose texts differ
between them is a parameter, a cell whose texts agree is shown as it is. So `tty=ssh` stays readable as long as
nobody logs in from anywhere else, and no decision of this module has to be undone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from heimdall.pipeline.stages.template.mask import WILD

MAX_CELLS: Final = 160
"""Cells read of one message; what follows is one parameter. Larger: more time on dumps and minified payloads."""

MAX_UNIT: Final = 8
"""Longest repeated unit, in cells, that is recognised as a list."""

DIGITS: Final = "\x02"
"""Stands for the digits of a word in a key: `eth0` and `eth1` belong together, `eth0` and `lo0` do not."""

OPTIONAL: Final = "\x06"
"""In a text: a parameter that some messages do not have."""

LIST: Final = "\x03"
"""Begins the key of a repeated unit."""

_REMEMBERED_WORDS: Final = 16_384  # words repeat; a few megabytes when all are long

_DATE: Final = re.compile(
    r"(?:\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},?\s+)?"
    r"\b(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?\s+\x01(?:,?\s+\x01)*(?:\s+[A-Z]{3,4}\s+\x01)?"
)
_PIECE: Final = re.compile(
    r"(\s*)("
    r"\x01 [KMGTPkmgt]?i?B(?:/s)?(?![\w])"  # a size with its unit
    r"|(?<==)(?<!msg=)(?<!message=)\"[^\"\n]{0,200}\"|\"[^\"\s]{0,200}\""
    r"|(?<![^\s=:,(\[{|])\"[^\"\s]+(?: [^\"\s]+){3,60}\""  # a text inside the text; a request line has three words
    r"|(?<==)'[^'\n]{1,200}'(?![\w'])|(?<![\w'])'[^'\s]{1,200}'(?![\w'])"
    r"|[=:,;()\[\]{}|<>\"]|#+"
    r"|\.+(?=[\s=:,;()\[\]{}|<>\"#]|$)|\.{2,}"
    r"|(?:[^\s=:,;()\[\]{}|<>\"#.]|\.(?![\s=:,;()\[\]{}|<>\"#.]|$))+"
    r"|.)",
    re.DOTALL,
)
_DELIMITERS: Final = frozenset('=:,;()[]{}|<>"#')
_OPENING: Final = {"(": ")", "[": "]", "{": "}"}
_AFTER_VALUE: Final = " ,;)"
_LITERALS: Final = frozenset({"true", "false", "null", "nil", "nan"})
_PREFIXED: Final = re.compile(r"[A-Za-z]+[-#.]\x01")
_AT: Final = re.compile(r"([\w.$-]+)@\x01")
_SIGNED: Final = re.compile(r"[^\w\s]{0,3}\x01[^\w\s]{0,3}")
_DIGITS: Final = re.compile(r"\d+")
_SPACE_WILD: Final = " " + WILD
_REMARK: Final = re.compile(r"(.+?)( \([^()]*\)|\x06)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Shape:
    """`key` and `text` have the same length; `"".join(text)` is the masked message."""

    key: tuple[str, ...]
    text: tuple[str, ...]


def shape(masked: str) -> Shape:
    """Read one masked message."""
    keys, texts = _cells(_DATE.sub(WILD, masked))
    keys, texts = _join_runs(keys, texts)
    keys, texts = _fold_remarks(keys, texts)
    keys, texts = _join_lists(keys, texts)
    return Shape(tuple(keys), tuple(texts))


@lru_cache(maxsize=_REMEMBERED_WORDS)
def is_word(key: str) -> bool:
    """Whether the cell is a constant word: the only kind of cell that statistics may turn into a parameter."""
    word = key.lstrip(" ")
    return bool(word) and word[0] not in _DELIMITERS and not any(c in word for c in (WILD, LIST)) and word[0] != "."


def common_text(key: str, one: str, other: str) -> str:
    """How a cell reads that has both texts: `<*>` where they differ, with the space and quotes that both have."""
    if one == other or one.lstrip() == other.lstrip():
        return one
    if key.lstrip(" ").startswith(LIST):
        return _common_list(one, other)
    base, remark = _split_remark(one)
    other_base, other_remark = _split_remark(other)
    if base.lstrip() != other_base.lstrip():
        space = base[: len(base) - len(base.lstrip())]
        body = key.lstrip(" ")
        base = space + (body if body[:1] in ('"', "'") else WILD)
    if remark != other_remark:
        remark = f" ({WILD})" if remark[-1:] == ")" and other_remark[-1:] == ")" else OPTIONAL
    return base + remark


def _common_list(one: str, other: str) -> str:
    """Lists of the same length piece by piece; lists of different lengths are one parameter."""
    pieces, others = _PIECE.findall(one), _PIECE.findall(other)
    if len(pieces) != len(others):
        return one[: len(one) - len(one.lstrip())] + WILD
    return "".join(
        space + (piece if piece == other_piece else WILD)
        for (space, piece), (_, other_piece) in zip(pieces, others, strict=True)
    )


def _split_remark(text: str) -> tuple[str, str]:
    """A cell's own text and the remark that `_fold_remarks` hung on it, or what became of that."""
    match = _REMARK.fullmatch(text)
    return (match.group(1), match.group(2)) if match else (text, "")


def _cells(masked: str) -> tuple[list[str], list[str]]:
    keys: list[str] = []
    texts: list[str] = []
    previous = ""
    end = 0
    for match in _PIECE.finditer(masked):
        space, piece = match.groups()
        if len(keys) >= MAX_CELLS:
            keys.append(_SPACE_WILD)
            texts.append(_SPACE_WILD)
            return keys, texts
        flag = " " if space else ""
        at = _AT.fullmatch(piece) if "@" in piece else None
        by_equals = previous == "="
        if at:
            keys += [flag + _class_of(at.group(1), by_equals), "@", WILD]
            texts += [space + at.group(1), "@", WILD]
        else:
            key = _class_of(piece, by_equals)
            keys.append(flag + key)
            texts.append(space + (_shown(piece, key, by_equals) if WILD in key else piece))
        if previous in _OPENING and piece == _OPENING[previous] and not space and keys[-2] != previous:
            keys.insert(-1, WILD)  # ` ()` or `=[]`: nothing stands where another message has something
            texts.insert(-1, "")
        following = masked[match.end() : match.end() + 1]
        if piece == "=" and (following == "" if flag else following in _AFTER_VALUE and following):
            keys.append(flag + WILD)  # `user=` without a value
            texts.append("")
        elif piece == ":" and not flag and following == WILD and keys[-2:-1] in ([WILD], [_SPACE_WILD]):
            texts[-2] = texts[-2][: len(texts[-2]) - len(texts[-2].lstrip())] + WILD  # host.example.net:443
        previous = piece
        end = match.end()
    if end < len(masked):  # trailing white space
        keys.append(" ")
        texts.append(masked[end:])
    return keys, texts


@lru_cache(maxsize=_REMEMBERED_WORDS)
def _class_of(piece: str, by_equals: bool) -> str:
    """What must be equal for two cells to belong together. `by_equals`: an equals sign stands right before it."""
    first = piece[0]
    if first in "\"'" and len(piece) > 1 and piece[-1] == first:
        return first + WILD + first
    if first in _DELIMITERS or first == ".":
        return WILD if WILD in piece else piece
    if by_equals:
        return WILD
    if WILD in piece:
        return piece if _SIGNED.fullmatch(piece) else WILD
    if piece.lower() in _LITERALS or _is_path(piece) or piece.count(".") >= 2 or ("@" in piece and "." in piece):
        return WILD
    without_digits = _DIGITS.sub(DIGITS, piece)
    return WILD if "_" in piece and DIGITS in without_digits else without_digits


def _shown(piece: str, key: str, by_equals: bool) -> str:
    """`WILD` where nobody would call the piece part of the message's text, even if it never changed; else the piece."""
    if key != WILD:  # quoted, or a sign before a variable
        inside = piece[1:-1]
        return key if WILD in inside and " " not in inside and not _PREFIXED.fullmatch(inside) else piece
    if WILD in piece:
        variable = " " not in piece and not _PREFIXED.fullmatch(piece)
    else:
        dotted = "." in piece and (by_equals or (piece.islower() and piece.count(".") >= 2))  # a host, a package
        variable = dotted or piece.lower() in _LITERALS or _is_path(piece)
    return WILD if variable else piece


def _is_path(piece: str) -> bool:
    slashes = piece.count("/") + piece.count("\\")
    return slashes >= 2 or (slashes == 1 and any(c in "._0123456789" for c in piece))


def _join_runs(keys: list[str], texts: list[str]) -> tuple[list[str], list[str]]:
    """Neighbouring variables are one cell, with the commas between them: lists differ in length, not in kind."""
    out_keys: list[str] = []
    out_texts: list[str] = []
    i = 0
    while i < len(keys):
        key, text = keys[i], texts[i]
        i += 1
        if key in (WILD, _SPACE_WILD):
            while i < len(keys):
                if keys[i] in (WILD, _SPACE_WILD):
                    step = 1
                elif keys[i] == "," and i + 1 < len(keys) and keys[i + 1] in (WILD, _SPACE_WILD):
                    step = 2
                else:
                    break
                text += "".join(texts[i : i + step])
                i += step
        out_keys.append(key)
        out_texts.append(text)
    return out_keys, out_texts


def _fold_remarks(keys: list[str], texts: list[str]) -> tuple[list[str], list[str]]:
    """`1190 bytes (1.2 KB) sent` and `90 bytes sent` say the same: such a remark belongs to what it follows."""
    out_keys: list[str] = []
    out_texts: list[str] = []
    i = 0
    while i < len(keys):
        if keys[i] == " (" and keys[i + 1 : i + 3] == [WILD, ")"] and out_keys and " (" not in texts[i + 1]:
            out_texts[-1] += "".join(texts[i : i + 3])
            i += 3
        else:
            out_keys.append(keys[i])
            out_texts.append(texts[i])
            i += 1
    return out_keys, out_texts


def _join_lists(keys: list[str], texts: list[str]) -> tuple[list[str], list[str]]:
    """A unit that repeats (`node <*> ok node <*> ok`) is one cell, however often it repeats."""
    following = _next_equal(keys)
    if not any(following):
        return keys, texts
    out_keys: list[str] = []
    out_texts: list[str] = []
    i = 0
    while i < len(keys):
        end = _end_of_list(keys, i, following)
        key, text = keys[i], "".join(texts[i:end])
        if end > i + 1:
            unit = keys[i : following[i]]
            if unit[0][0] != " " and out_keys and out_keys[-1] in (WILD, _SPACE_WILD):
                unit.insert(0, out_keys.pop())  # `<*>:<*> <*>:<*>` repeats `:<*> <*>`, but it begins with `<*>`
                text = out_texts.pop() + text
            key = (" " if unit[0][0] == " " else "") + LIST + "".join(unit)
        out_keys.append(key)
        out_texts.append(text)
        i = end
    return out_keys, out_texts


def _next_equal(keys: list[str]) -> list[int]:
    """For each cell the index of the next equal one, if a unit may reach there; else 0."""
    following = [0] * len(keys)
    last: dict[str, int] = {}
    for i in range(len(keys) - 1, -1, -1):
        j = last.get(keys[i], 0)
        if j and j - i <= MAX_UNIT:
            following[i] = j
        last[keys[i]] = i
    return following


def _end_of_list(keys: list[str], start: int, following: list[int]) -> int:
    """Behind the repetitions of the unit that begins at `start`; `start` + 1 if none does."""
    second = following[start]
    if not second:
        return start + 1
    size = second - start
    unit = keys[start:second]
    end = second
    while keys[end : end + size] == unit:
        end += size
    return end if end > second and any(WILD in key for key in unit) else start + 1
