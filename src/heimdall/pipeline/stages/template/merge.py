"""Which words are parameters? Evidence gathered over keys that differ in exactly one cell.

A *slot* is a key with one cell left out. The words that were seen in a slot are its values: many of them, or values
that are known as parameters from elsewhere, make the cell a parameter. Two templates that differ in one word stay
two templates as long as nothing else speaks against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from heimdall.pipeline.stages.template.mask import WILD
from heimdall.pipeline.stages.template.tokens import is_word

MANY_VALUES: Final = 8
"""More distinct words than this in one slot make it a parameter, whatever they are."""

MIN_CONTEXT_WORDS: Final = 2
"""Constant words the rest of the message must have: `active`, `closing` and `normal` are three messages."""

SHARED_VALUES: Final = 3
"""Words that two slots must share for both to be parameters: the same names turn up in both."""

DOMINANT_SHARE: Final = 0.99
"""A word with more than this share of a slot's records keeps a template of its own."""

DOMINANT_RECORDS: Final = 1_000
"""Records a slot must have for a share to mean anything."""

MAX_POSITIONS: Final = 64
"""Cells of a key that are looked at as slots. Larger: more memory per template."""


@dataclass(slots=True, eq=False)
class Entry:
    """A live template as the miner holds it."""

    number: int
    """Order of creation; the smaller of two survives a merge."""
    id: int
    key: tuple[str, ...]
    text: list[str]
    count: int
    first_ns: int
    last_ns: int
    example: str
    parameters: frozenset[int] = frozenset()
    """Cells that were words and have become parameters."""
    alive: bool = True
    touched: int = 0
    """Number of the batch that last had this template."""


@dataclass(slots=True)
class Slots:
    """Index from slots to the live templates in them. Derived from the templates: never saved."""

    _entries: dict[int, Entry | list[Entry]] = field(default_factory=dict)
    """One template is most slots' whole content: a list for each would double the memory."""

    def add(self, entry: Entry) -> None:
        for _, slot in slots_of(entry.key):
            present = self._entries.get(slot)
            if present is None:
                self._entries[slot] = entry
            elif isinstance(present, list):
                present.append(entry)
            else:
                self._entries[slot] = [present, entry]

    def remove(self, entry: Entry) -> None:
        """To be called before the entry's key changes."""
        for _, slot in slots_of(entry.key):
            present = self._entries[slot]
            if isinstance(present, list):
                present.remove(entry)
            if present is entry or not present:
                del self._entries[slot]

    def members(self, slot: int) -> list[Entry]:
        """Templates of a slot in order of creation."""
        present = self._entries.get(slot)
        if isinstance(present, list):
            return sorted(present, key=lambda e: e.number)
        return [present] if present else []


def slots_of(key: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """(position, slot) of every cell that is a word or a variable."""
    hashes = [hash((i, cell)) for i, cell in enumerate(key)]
    total = sum(hashes)
    for i, cell in enumerate(key[:MAX_POSITIONS]):
        word = is_word(cell)
        if word or cell in (WILD, " " + WILD):
            yield i, hash((total - hashes[i], i, cell[:1] == " "))


def parameter_members(slots: Slots, slot: int, position: int, known: dict[str, None]) -> list[Entry]:
    """The templates of a slot that are one template with a parameter at `position`, or none."""
    members = slots.members(slot)
    if len(members) < 2:
        return []
    words = [e for e in members if is_word(e.key[position])]
    variables = [e for e in members if e not in words]
    context = sum(map(is_word, members[0].key)) - (members[0] in words)
    if context < MIN_CONTEXT_WORDS:
        return []
    total = sum(e.count for e in members)
    if total >= DOMINANT_RECORDS:
        words = [e for e in words if e.count <= DOMINANT_SHARE * total]
    if words and variables:  # a variable stands here already
        return variables + words
    if len(words) > MANY_VALUES * (2 if position == 0 else 1):
        return words
    if len(words) >= 2 and 2 * sum(e.key[position].lstrip() in known for e in words) >= len(words):
        return words
    return []
