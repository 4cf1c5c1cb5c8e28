"""Which words are parameters, and which templates say the same? Evidence gathered over all templates of a tenant.

A *slot* is a key with one cell left out. The words that were seen in a slot are its values: many of them, or values
that are known as parameters from elsewhere, make the cell a parameter. Two templates that differ in one word stay
two templates as long as nothing else speaks against it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from heimdall.pipeline.stages.template.mask import WILD
from heimdall.pipeline.stages.template.tokens import is_word

MANY_VALUES: Final = 8
"""More distinct words than this in one slot make it a parameter, whatever they are."""

MIN_VALUES: Final = 4
"""What MANY_VALUES sinks to, by one for each constant word beyond MIN_CONTEXT_WORDS: two long messages that agree in
all words but one are hardly two statements of a program."""

MIN_CONTEXT_WORDS: Final = 2
"""Constant words the rest of the message must have: `active`, `closing` and `normal` are three messages."""

SHARED_VALUES: Final = 3
"""Words that two slots must share for both to be parameters: the same names turn up in both."""

COMMON_WORD_SLOTS: Final = 100
"""A word in more slots than this is no name, and no evidence."""

DOMINANT_SHARE: Final = 0.99
"""A word with more than this share of a slot's records keeps a template of its own."""

DOMINANT_RECORDS: Final = 1_000
"""Records a slot must have for a share to mean anything."""

MAX_POSITIONS: Final = 40
"""Cells of a key that are looked at as slots. Larger: more memory per template."""

FAMILY_SCAN: Final = 64
"""Templates with the same first word that a new one is compared with."""

MAX_GAP: Final = 5
"""Cells that may stand in one template where another has a single parameter."""

COMMON_SHARE: Final = 0.8
"""Share of constant words two templates must have in common to be one in spite of a gap."""


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
    aliases: tuple[tuple[str, ...], ...] = ()
    """Other keys of this template, with a gap filled differently."""
    touched: int = 0
    """Number of the batch that last had this template."""
    alive: bool = True


@dataclass(slots=True)
class Evidence:
    """Indexes over the live templates. Derived from them: never saved."""

    known: dict[str, None] = field(default_factory=dict)
    """Words that were seen as values of a parameter. The miner fills and saves it."""
    _slots: dict[int, Entry | list[Entry]] = field(default_factory=dict)
    """One template is most slots' whole content: a list for each would double the memory."""
    _slots_of_word: dict[str, dict[int, int]] = field(default_factory=dict)
    """For words of slots with SHARED_VALUES or more templates: their slots and the position in each."""
    _families: dict[str, dict[int, Entry]] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        for position, slot in _slots_of(entry.key):
            present = self._slots.get(slot)
            if present is None:
                self._slots[slot] = entry
            elif isinstance(present, list):
                present.append(entry)
                for other in present if len(present) == SHARED_VALUES else (entry,):
                    self._slots_of_word.setdefault(other.key[position], {})[slot] = position
            else:
                self._slots[slot] = [present, entry]
        self._families.setdefault(_family(entry.key), {})[entry.number] = entry

    def remove(self, entry: Entry) -> None:
        """To be called before the entry's key changes."""
        for position, slot in _slots_of(entry.key):
            present = self._slots[slot]
            if present is entry:
                del self._slots[slot]
            elif isinstance(present, list):
                for other in present if len(present) == SHARED_VALUES else (entry,):
                    self._drop_word(other.key[position], slot)
                present.remove(entry)
                if not present:
                    del self._slots[slot]
        family = self._families[_family(entry.key)]
        del family[entry.number]
        if not family:
            del self._families[_family(entry.key)]

    def _drop_word(self, word: str, slot: int) -> None:
        slots = self._slots_of_word.get(word)
        if slots is not None:
            slots.pop(slot, None)
            if not slots:
                del self._slots_of_word[word]

    def one_parameter(self, entry: Entry) -> tuple[int, list[Entry], list[Entry]] | None:
        """A position of `entry` that is a parameter, the templates it makes one, and others that deserve a new look."""
        for position, slot in _slots_of(entry.key):
            members = self._members(slot)
            if len(members) < 2:
                continue
            agreed, related = self._parameter(members, slot, position)
            if len(agreed) >= 2 and entry in agreed:
                return position, agreed, related
        return None

    def _members(self, slot: int) -> list[Entry]:
        present = self._slots.get(slot)
        if isinstance(present, list):
            return sorted(present, key=lambda e: e.number)
        return [present] if present else []

    def _parameter(self, members: list[Entry], slot: int, position: int) -> tuple[list[Entry], list[Entry]]:
        words = [e for e in members if is_word(e.key[position])]
        variables = [e for e in members if e not in words]
        context = sum(map(is_word, members[0].key)) - (members[0] in words)
        if context < MIN_CONTEXT_WORDS:
            return [], []
        total = sum(e.count for e in members)
        if total >= DOMINANT_RECORDS:
            words = [e for e in words if e.count <= DOMINANT_SHARE * total]
        if words and variables:  # a variable stands here already
            return variables + words, []
        many = max(MANY_VALUES - (context - MIN_CONTEXT_WORDS), MIN_VALUES) * (2 if position == 0 else 1)
        if len(words) > many:
            return words, []
        if len(words) >= 2 and 2 * sum(e.key[position].lstrip() in self.known for e in words) >= len(words):
            return words, []
        related = self._sharing(words, slot, position)
        return (words, related) if related else ([], [])

    def _sharing(self, words: list[Entry], slot: int, position: int) -> list[Entry]:
        """Templates of other slots that have SHARED_VALUES words of this one."""
        if len(words) < SHARED_VALUES:
            return []
        shared: Counter[int] = Counter()
        for entry in words:
            slots = self._slots_of_word.get(entry.key[position], {})
            if len(slots) <= COMMON_WORD_SLOTS:
                shared.update(slots.keys())
        related = [
            e for other, n in shared.items() if n >= SHARED_VALUES and other != slot for e in self._members(other)
        ]
        return sorted(related, key=lambda e: e.number)

    def same_but_for_a_gap(self, entry: Entry) -> Entry | None:
        """A template that has one parameter where this one has a few cells around one, or the other way round."""
        family = self._families[_family(entry.key)]
        for number in sorted(family)[-FAMILY_SCAN:]:
            other = family[number]
            if other is not entry and (_bridges(entry.key, other.key) or _bridges(other.key, entry.key)):
                return other
        return None


def _slots_of(key: tuple[str, ...]) -> Iterator[tuple[int, int]]:
    """(position, slot) of every cell that is a word or a variable."""
    hashes = [hash((i, cell)) for i, cell in enumerate(key)]
    total = sum(hashes)
    for i, cell in enumerate(key[:MAX_POSITIONS]):
        if cell in (WILD, " " + WILD) or is_word(cell):
            yield i, hash((total - hashes[i], i, len(key), cell[:1] == " "))


def _family(key: tuple[str, ...]) -> str:
    return next(filter(is_word, key), "")


def _bridges(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """Whether `long` is `short` with a few more cells around one of its parameters."""
    extra = len(long) - len(short)
    if not 1 <= extra < MAX_GAP:
        return False
    start = 0
    while start < len(short) and short[start] == long[start]:
        start += 1
    if start == len(short) or short[start].lstrip() != WILD or short[start + 1 :] != long[start + 1 + extra :]:
        return False
    gap = long[start : start + 1 + extra]
    common = sum(map(is_word, short))
    return (
        any(cell.lstrip() == WILD for cell in gap)
        and common > MIN_CONTEXT_WORDS
        and common >= COMMON_SHARE * (common + sum(map(is_word, gap)))
    )
