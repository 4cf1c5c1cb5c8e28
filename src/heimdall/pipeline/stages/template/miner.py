"""The miner of one tenant: from masked messages to template ids that stay.

Every answer is a function of the templates alone: the cache only remembers it, and forgets everything as soon as a
word becomes a parameter. That is why the cache needs no place in the saved state, and why a replay gives the same ids.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from heimdall.model.template import CATCH_ALL, PARAMETER, Template, TemplateId, TemplateNames
from heimdall.pipeline.stages.template.cache import FormCache
from heimdall.pipeline.stages.template.mask import WILD
from heimdall.pipeline.stages.template.merge import Entry, Evidence
from heimdall.pipeline.stages.template.tokens import OPTIONAL, Shape, common_text, is_word, shape
from heimdall.pipeline.stages.template.tree import ANY, Tree

MAX_ALIASES: Final = 16
"""Keys a template is found by besides its own; the oldest are forgotten."""

EXAMPLE_CHARS: Final = 400
"""Beginning of the first message of a template that is kept to show what it looks like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MinerLimits:
    """What bounds time and memory, whatever is sent."""

    cached_bytes: int = 32 * 1024 * 1024
    """Memory for masked messages whose template is remembered: some 150,000 of a usual length. Larger: fewer searches
    where a tenant's messages have more forms than that."""
    new_forms_per_batch: int = 4_096
    """Unseen masked messages that are thought about per batch, at 40 to 150 µs each; the rest go to the catch-all."""
    new_templates_per_batch: int = 1_000
    """Templates one batch may create; what is new beyond them goes to the catch-all."""
    templates: int = 10_000
    """Live templates. When they are full, those that were seen once, longest ago, go to the catch-all."""
    merged_ids: int = 100_000
    """Ids of merged templates that are remembered. Beyond it the oldest are forgotten: their records show no text."""


class Miner:
    """Not safe for several threads: the stage holds a lock."""

    def __init__(self, tenant: str, limits: MinerLimits) -> None:
        self._tenant = tenant
        self._limits = limits
        self._entries: dict[int, Entry] = {}  # by number, in order of creation
        self._by_id: dict[int, Entry] = {}
        self._by_key: dict[tuple[str, ...], Entry] = {}
        self._ids: set[int] = {CATCH_ALL}
        self._merged: dict[int, int] = {}
        self._tree = Tree()
        self._evidence = Evidence()
        self._cache = FormCache(limits.cached_bytes)
        self._next = 0
        self._batch = 0
        self._catch_all = Entry(-1, CATCH_ALL, (WILD,), [WILD], 0, 0, 0, "")

    def assign(
        self,
        forms: Sequence[str],
        counts: Sequence[int],
        first_ns: Sequence[int],
        last_ns: Sequence[int],
        example: Callable[[int], str],
    ) -> list[int]:
        """Template ids of the distinct masked messages of one batch, in order of their first appearance.

        `example(i)` gives a message of form i. What the batch taught changes later batches, never this one.
        """
        self._batch += 1
        new: list[Entry] = []
        searches = 0
        ids = []
        for i, form in enumerate(forms):
            entry = self._cache.get(form)
            if entry is None:
                searches += 1
                if searches <= self._limits.new_forms_per_batch:
                    entry = self._search(form, new, lambda i=i: example(i))  # type: ignore[misc]
                if entry is None:
                    entry = self._catch_all
                else:
                    self._cache.put(form, entry)
            if entry.count == 0:
                entry.first_ns, entry.last_ns = first_ns[i], last_ns[i]
                if entry is self._catch_all:
                    entry.example = example(i)[:EXAMPLE_CHARS]
            entry.count += counts[i]
            entry.first_ns = min(entry.first_ns, first_ns[i])
            entry.last_ns = max(entry.last_ns, last_ns[i])
            entry.touched = self._batch
            ids.append(entry.id)
        self._learn(new)
        return ids

    def templates(self) -> list[Template]:
        """The catalogue: live templates in order of creation, then the merged ones."""
        rows = [_template(e) for e in (self._catch_all, *self._entries.values()) if e.count]
        by_id = {row.id: row for row in rows}
        for old in self._merged:
            final = self.resolve(old)
            text = by_id[final].text if final in by_id else PARAMETER
            rows.append(Template(TemplateId(old), text, final, 0, 0, 0, ""))
        return rows

    def names(self, ids: Iterable[int]) -> TemplateNames:
        """What `templates` says of these ids, without going through all of them."""
        final: dict[int, int] = {}
        texts: dict[int, str] = {}
        for one in ids:
            own = self.resolve(one)
            if own != one:
                final[one] = own
            entry = self._catch_all if own == CATCH_ALL else self._by_id.get(own)
            if own != one or (entry is not None and entry.count):
                texts[one] = texts[own] = PARAMETER if entry is None else _text(entry)
        return TemplateNames(final, texts)

    def resolve(self, template_id: int) -> TemplateId:
        """The template that stands for this id today."""
        while template_id in self._merged:
            template_id = self._merged[template_id]
        return TemplateId(template_id)

    # -- one form --------------------------------------------------------------------------------------------------

    def _search(self, form: str, new: list[Entry], example: Callable[[], str]) -> Entry | None:
        read = shape(form)
        entry = self._by_key.get(read.key)
        if entry is None:
            number = self._tree.find(read.key)
            entry = None if number is None else self._entries[number]
        if entry is not None:
            self._widen(entry, read)
            return entry
        if len(new) >= self._limits.new_templates_per_batch:
            return None
        return self._create(read, new, example()[:EXAMPLE_CHARS])

    def _create(self, read: Shape, new: list[Entry], example: str) -> Entry:
        entry = Entry(self._next, self._fresh_id(read.key), read.key, list(read.text), 0, 0, 0, example)
        self._next += 1
        self._entries[entry.number] = self._by_id[entry.id] = entry
        self._by_key[read.key] = entry
        new.append(entry)
        return entry

    def _fresh_id(self, key: tuple[str, ...]) -> int:
        """A hash of what the template is, so that nodes which never met give the same template the same id."""
        for attempt in range(1_000):
            digest = hashlib.blake2b(
                "\x1f".join((self._tenant, str(attempt), *key)).encode("utf-8", "surrogatepass"), digest_size=8
            ).digest()
            candidate = int.from_bytes(digest, "big") >> 11
            if candidate not in self._ids and candidate != 0:
                self._ids.add(candidate)
                return candidate
        raise AssertionError("a thousand hashes in a row were taken")

    def _widen(self, entry: Entry, read: Shape) -> None:
        """Cells whose text differs from what the template shows become parameters of its text."""
        if len(entry.key) != len(read.key) or read.key in entry.aliases:
            return
        entry.text = self._common(entry.key, entry.text, read.text)

    def _common(self, key: Sequence[str], one: Sequence[str], other: Sequence[str]) -> list[str]:
        """Both texts as one. What differs is known as a value from now on."""
        text = list(one)
        for i, (mine, theirs) in enumerate(zip(one, other, strict=True)):
            if mine.lstrip() != theirs.lstrip():
                self._know(mine)
                self._know(theirs)
                text[i] = common_text(key[i], mine, theirs)
        return text

    def _know(self, text: str) -> None:
        word = text.strip(" \"'")
        if WILD not in word and word.isidentifier() and len(self._evidence.known) < 10_000:
            self._evidence.known[word] = None

    # -- between batches -------------------------------------------------------------------------------------------

    def _learn(self, new: list[Entry]) -> None:
        if not new:
            return
        for entry in new:
            self._evidence.add(entry)
        pending = deque(new)
        changed = False
        while pending:
            entry = pending.popleft()
            if not entry.alive:
                continue
            found = self._evidence.one_parameter(entry)
            if found:
                position, members, related = found
                pending.append(self._promote(members, position))
                pending.extend(related)
                changed = True
                continue
            other = self._evidence.same_but_for_a_gap(entry)
            if other:
                pending.append(self._bridge(entry, other))
                changed = True
        if len(self._entries) > self._limits.templates:
            self._retire()
            changed = True
        if changed:
            self._cache.clear()

    def _promote(self, members: list[Entry], position: int) -> Entry:
        """Make the cell at `position` a parameter: the oldest of `members` takes the others in."""
        key = list(members[0].key)
        key[position] = (" " if key[position][:1] == " " else "") + WILD
        text = list(members[0].text)
        for entry in members:
            if is_word(entry.key[position]):
                self._know(entry.text[position])
            text = self._common(key, text, entry.text)
        text[position] = common_text(key[position], text[position], key[position])
        parameters = frozenset({position}).union(*(e.parameters for e in members))
        other = self._by_key.get(tuple(key))
        if other is not None and other not in members:  # it led here by an alias
            members = [*members, other]
        return self._unite(members, tuple(key), text, parameters)

    def _bridge(self, one: Entry, other: Entry) -> Entry:
        """Make one of two templates that differ in a gap: the shorter key is shown, the longer one leads to it."""
        short, long = (one, other) if len(one.key) < len(other.key) else (other, one)
        start = next(i for i, cell in enumerate(short.key) if cell != long.key[i])
        tail = len(long.key) - len(short.key)
        aligned = [*long.text[:start], *long.text[start + tail :]]
        text = self._common(short.key, short.text, aligned)
        text[start] = common_text(short.key[start], short.text[start], "")
        return self._unite([one, other], short.key, text, short.parameters)

    def _unite(self, members: list[Entry], key: tuple[str, ...], text: list[str], parameters: frozenset[int]) -> Entry:
        """The oldest of `members` stands for all from now on; keys that are not `key` lead to it as aliases."""
        survivor, *gone = sorted(members, key=lambda e: e.number)
        aliases = dict.fromkeys(alias for e in members for alias in e.aliases)
        aliases.update(dict.fromkeys(e.key for e in members if len(e.key) != len(key)))
        aliases.pop(key, None)
        for entry in members:
            self._forget(entry)
        for entry in gone:
            self._absorb(survivor, entry)
        survivor.key, survivor.text, survivor.parameters = key, text, parameters
        survivor.aliases = tuple(aliases)[-MAX_ALIASES:]
        self._remember(survivor)
        return survivor

    def _absorb(self, survivor: Entry, entry: Entry) -> None:
        survivor.count += entry.count
        survivor.first_ns = min(survivor.first_ns, entry.first_ns)
        survivor.last_ns = max(survivor.last_ns, entry.last_ns)
        survivor.touched = max(survivor.touched, entry.touched)
        self._bury(entry, survivor.id)

    def _bury(self, entry: Entry, into: int) -> None:
        entry.alive = False
        del self._entries[entry.number], self._by_id[entry.id]
        self._merged[entry.id] = into
        if len(self._merged) > self._limits.merged_ids:
            oldest = next(iter(self._merged))
            del self._merged[oldest]
            self._ids.discard(oldest)

    def _remember(self, entry: Entry) -> None:
        for key in (*entry.aliases, entry.key):
            self._by_key[key] = entry
        self._evidence.add(entry)
        if entry.parameters:
            self._tree.insert(_pattern(entry), entry.number)

    def _forget(self, entry: Entry) -> None:
        self._evidence.remove(entry)
        for key in (*entry.aliases, entry.key):
            if self._by_key.get(key) is entry:
                del self._by_key[key]
        if entry.parameters:
            self._tree.remove(_pattern(entry))

    def _retire(self) -> None:
        """Make room: templates of few records that were not seen for longest go to the catch-all."""
        excess = len(self._entries) - self._limits.templates * 3 // 4
        victims = sorted(self._entries.values(), key=lambda e: (e.count > 1, e.touched, e.count, e.number))[:excess]
        for entry in victims:
            self._forget(entry)
            self._catch_all.count += entry.count
            self._bury(entry, CATCH_ALL)

    # -- state -----------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything the answers depend on, as JSON types."""
        return {
            "next": self._next,
            "batch": self._batch,
            "known": list(self._evidence.known),
            "merged": list(self._merged.items()),
            "catch_all": _row(self._catch_all),
            "entries": [_row(e) for e in self._entries.values()],
        }

    @classmethod
    def from_state(cls, tenant: str, limits: MinerLimits, state: dict[str, Any]) -> Miner:
        miner = cls(tenant, limits)
        miner._next, miner._batch = state["next"], state["batch"]
        miner._evidence.known = dict.fromkeys(state["known"])
        miner._merged = {int(old): int(into) for old, into in state["merged"]}
        miner._catch_all = _entry(state["catch_all"])
        for row in state["entries"]:
            entry = _entry(row)
            miner._entries[entry.number] = miner._by_id[entry.id] = entry
            miner._remember(entry)
        miner._ids = {CATCH_ALL, *miner._merged, *(e.id for e in miner._entries.values())}
        return miner


def _pattern(entry: Entry) -> tuple[str, ...]:
    return tuple(
        (cell[:-1] + ANY) if i in entry.parameters else cell  # the cell is WILD, with or without a space
        for i, cell in enumerate(entry.key)
    )


def _text(entry: Entry) -> str:
    return "".join(entry.text).replace(OPTIONAL, " " + PARAMETER).replace(WILD, PARAMETER)


def _template(entry: Entry) -> Template:
    return Template(
        TemplateId(entry.id), _text(entry), TemplateId(0), entry.count, entry.first_ns, entry.last_ns, entry.example
    )


def _row(entry: Entry) -> list[Any]:
    return [
        entry.number,
        entry.id,
        entry.key,
        entry.text,
        entry.count,
        entry.first_ns,
        entry.last_ns,
        entry.example,
        sorted(entry.parameters),
        entry.aliases,
        entry.touched,
    ]


def _entry(row: list[Any]) -> Entry:
    number, template_id, key, text, count, first_ns, last_ns, example, parameters, aliases, touched = row
    return Entry(
        number=number,
        id=template_id,
        key=tuple(key),
        text=list(text),
        count=count,
        first_ns=first_ns,
        last_ns=last_ns,
        example=example,
        parameters=frozenset(parameters),
        aliases=tuple(tuple(alias) for alias in aliases),
        touched=touched,
    )
