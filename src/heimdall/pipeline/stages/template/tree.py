"""A prefix tree over keys with parameters: which template takes a message whose key was never seen?"""

from __future__ import annotations

from typing import Final

from heimdall.pipeline.stages.template.mask import WILD
from heimdall.pipeline.stages.template.tokens import is_word

ANY: Final = "\x04"
"""A cell of a pattern that any word or variable may stand in. The space before it, if any, must match."""

MAX_STEPS: Final = 2_000
"""Nodes visited in one search before it gives up. Bounds the search when many patterns begin alike."""

_LEAF: Final = "\x05"


class Tree:
    """Patterns and the numbers they lead to. A constant cell wins over ANY, so the answer does not depend on the
    order of insertion."""

    def __init__(self) -> None:
        self._root: dict[str, object] = {}

    def insert(self, pattern: tuple[str, ...], number: int) -> None:
        node = self._root
        for cell in pattern:
            node = node.setdefault(cell, {})  # type: ignore[assignment]  # nodes are dicts, leaves are numbers
        node[_LEAF] = number

    def remove(self, pattern: tuple[str, ...]) -> None:
        """Forget a pattern; branches that lead nowhere go with it."""
        path = []
        node = self._root
        for cell in pattern:
            child = node.get(cell)
            if not isinstance(child, dict):
                return
            path.append((node, cell))
            node = child
        node.pop(_LEAF, None)
        while path and not node:
            node, cell = path.pop()
            del node[cell]

    def find(self, key: tuple[str, ...]) -> int | None:
        """The number of the pattern that takes `key`, constants first; None when there is none."""
        if not self._root:
            return None
        stack: list[tuple[dict[str, object], int]] = [(self._root, 0)]
        for _ in range(MAX_STEPS):
            if not stack:
                return None
            node, depth = stack.pop()
            if depth == len(key):
                number = node.get(_LEAF)
                if isinstance(number, int):
                    return number
                continue
            cell = key[depth]
            if is_word(cell) or cell in (WILD, " " + WILD):
                either = node.get(" " + ANY if cell[0] == " " else ANY)
                if isinstance(either, dict):
                    stack.append((either, depth + 1))
            same = node.get(cell)
            if isinstance(same, dict):
                stack.append((same, depth + 1))
        return None
