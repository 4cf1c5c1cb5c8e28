"""Elasticsearch's bulk form: lines of an action and, for most actions, its document → records, and each item's fate.

The index a document was sent to stays with it as the attribute `_index`, an id its sender chose as `_id`.
Source: Elasticsearch reference, "Bulk API".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import orjson
import polars as pl
import pyarrow as pa

from heimdall.errors import InvalidInput, TooLarge
from heimdall.ingest.decode.decoded import MAX_REJECTED_LISTED, Decoded, Together, split, split_singles
from heimdall.ingest.decode.json import MAX_RECORDS, decode_json_objects, decode_json_texts
from heimdall.ingest.decode.json_merge import with_members
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.recognise import levelled

_WITH_DOCUMENT = frozenset({"index", "create", "update"})
_ACTIONS = _WITH_DOCUMENT | {"delete"}

_MAX_ACTION_BYTES = 512
"""Of an action line that is compared with all others at once; longer ones are rare, and looked at one by one."""

_NOT_TAKEN = "{} is not taken: logs are kept as they came; send index or create"

UNTOLD = "the document could not be read"
"""Reason of rejections beyond those that are listed."""


class Action(NamedTuple):
    """What an action line says. `index_name` is filled in from the address where the line names none."""

    kind: str
    index_name: str
    id: str | None = None

    @property
    def is_taken(self) -> bool:
        """Whether it adds a document: logs are never changed or deleted by their sender."""
        return self.kind in ("index", "create")


@dataclass(frozen=True, slots=True)
class BulkDecoded(Decoded):
    """Item i of the request is `actions[codes[i]]`; `refused` says, in place of `rejected`, why items were not done,
    by their place from 0."""

    actions: tuple[Action, ...] = ()
    codes: tuple[int, ...] = ()
    refused: Mapping[int, str] | None = None

    @property
    def items(self) -> tuple[Action, ...]:
        return tuple(self.actions[code] for code in self.codes)


@dataclass(slots=True)
class _Items:
    """Grows while the lines are read: many lines say the same."""

    index: str | None
    codes: list[int] = field(default_factory=list)
    documents: list[bytes] = field(default_factory=list)
    """Empty for an action without one."""
    actions: list[Action] = field(default_factory=list)
    _known: dict[bytes, int] = field(default_factory=dict)

    def code_of(self, line: bytes) -> int:
        """Raises ValueError when the line is no action."""
        code = self._known.get(line)
        if code is None:
            self.actions.append(_action(line, self.index))
            code = self._known[line] = len(self.actions) - 1
        return code

    def codes_of(self, lines: list[bytes]) -> list[int]:
        """The same for many lines; different ones are looked at once."""
        codes = {line: self.code_of(line) for line in dict.fromkeys(lines)}
        return list(map(codes.__getitem__, lines))


def decode_bulk(body: bytes, *, index: str | None, now_ns: int, schemas: SchemaMemory) -> BulkDecoded:
    """Records of a bulk body. A document that cannot be read, and an action that is not taken, fail alone.

    `index`: the one in the address, for actions that name none.

    Raises:
        InvalidInput: an action line is none, or names no index: the items after it cannot be told apart.
        TooLarge: more than `MAX_RECORDS` items.
    """
    alike = _alike(body, index, now_ns, schemas)
    if alike is not None:
        return alike
    _, (found,) = _read([_items(body, index)], now_ns, schemas)
    return found


def decode_bulk_together(
    bodies: list[bytes], *, index: str | None, now_ns: int, schemas: SchemaMemory
) -> Together[BulkDecoded]:
    """Records of several small bodies in one go. Left for `decode_bulk`: one it refuses, and one without any record.

    Raises:
        InvalidInput: more documents fail than are told apart.
    """
    lines = [body.count(b"\n") if body.endswith(b"\n") else 1 for body in bodies]
    if not any(count % 2 for count in lines):
        alike = _alike(b"".join(bodies), index, now_ns, schemas)
        if alike is not None:
            return _split(alike, [count // 2 for count in lines])
    own: list[_Items] = []
    for body in bodies:
        try:
            own.append(_items(body, index))
        except (InvalidInput, TooLarge):
            own.append(_Items(index))
    table, parts = _read(own, now_ns, schemas)
    if sum(part.rejected_count for part in parts) > MAX_REJECTED_LISTED:
        raise InvalidInput("too many items fail to say why each does")
    return Together(table, [part if part.num_rows else None for part in parts])


def _split(alike: BulkDecoded, counts: list[int]) -> Together[BulkDecoded]:
    parts = split(alike.table, counts).parts
    told = [None if part is None else replace(alike, table=part.table, codes=(0,) * part.num_rows) for part in parts]
    return Together(alike.table, told)


def _read(bodies: list[_Items], now_ns: int, schemas: SchemaMemory) -> tuple[pa.Table, list[BulkDecoded]]:
    """What each body comes to: rows of the table, one body's after the other's."""
    actions = [action for items in bodies for action in items.actions]
    documents = [document for items in bodies for document in items.documents]
    before = accumulate((len(items.actions) for items in bodies), initial=0)
    codes = [code + own for items, own in zip(bodies, before, strict=False) for code in items.codes]
    taken: Sequence[int] = range(len(codes))
    if not all(action.is_taken for action in actions):
        taken = [place for place in taken if actions[codes[place]].is_taken]
        documents = [documents[place] for place in taken]
    decoded = decode_json_texts(documents, now_ns=now_ns, schemas=schemas)
    kept = decoded.kept(taken)
    refused: dict[int, str] = {}
    if len(kept) < len(codes):
        reasons = {taken[each.line - 1]: each.reason for each in decoded.rejected}
        for place in sorted(set(range(len(codes))).difference(kept)):
            action = actions[codes[place]]
            refused[place] = reasons.get(place, UNTOLD) if action.is_taken else _NOT_TAKEN.format(action.kind)
    table = levelled(_with_names(decoded.table, actions, [codes[place] for place in kept]))
    parts, first, row = [], 0, 0
    for items in bodies:
        end = first + len(items.codes)
        own = {place - first: refused[place] for place in range(first, end) if place in refused} if refused else {}
        rows = end - first - len(own)
        told = (len(own), tuple(items.actions), tuple(items.codes), own or None)
        parts.append(BulkDecoded(table.slice(row, rows), (), *told))
        first, row = end, row + rows
    return table, parts


def decode_document(body: bytes, action: Action, *, now_ns: int, schemas: SchemaMemory) -> Decoded:
    """The one document of a request that names its index in the address.

    Raises:
        InvalidInput: it is no JSON object.
    """
    decoded = decode_json_texts([body], now_ns=now_ns, schemas=schemas)
    if not decoded.num_rows:
        raise InvalidInput(f"the document could not be read: {decoded.rejected[0].reason}")
    return Decoded(levelled(_with_names(decoded.table, [action], [0])))


def decode_documents_together(
    bodies: list[bytes], action: Action, *, now_ns: int, schemas: SchemaMemory
) -> Together[Decoded]:
    """A document each. Left for `decode_document`: one over several lines, and one that cannot be read."""
    in_line = [place for place, body in enumerate(bodies) if b"\n" not in body and b"\r" not in body]
    decoded = decode_json_texts([bodies[place] for place in in_line], now_ns=now_ns, schemas=schemas)
    kept = decoded.kept(in_line)
    return split_singles(levelled(_with_names(decoded.table, [action], [0] * len(kept))), kept, len(bodies))


def _alike(body: bytes, index: str | None, now_ns: int, schemas: SchemaMemory) -> BulkDecoded | None:
    """What most senders send: one action line, again and again, and a document after each. None for other bodies."""
    width = body.find(b"\n")
    if not 0 < width <= _MAX_ACTION_BYTES:
        return None
    try:
        action = _action(body[:width], index)
    except ValueError:
        return None
    data = np.frombuffer(body, np.uint8)
    ends = np.flatnonzero(data == ord("\n"))
    if ends[-1] + 1 < len(body):
        ends = np.append(ends, len(body))
    if not action.is_taken or action.id or len(ends) % 2:
        return None
    starts, ends, lines = ends[0::2] + 1, ends[1::2], np.concatenate(([0], ends[1:-1:2] + 1))
    if not ((starts - lines == width + 1).all() and (starts < ends).all() and (data[starts] == ord("{")).all()):
        return None
    if not (np.lib.stride_tricks.sliding_window_view(data, width)[lines] == data[:width]).all():
        return None
    count = len(starts)
    bounds = np.stack((starts, np.minimum(ends + 1, len(body))), axis=1).ravel()  # every other text is an action line
    texts = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), 2 * count - 1, [None, pa.py_buffer(bounds), pa.py_buffer(body)]
    )
    documents = texts.take(pa.array(np.arange(0, 2 * count, 2))).buffers()[2].to_pybytes()
    found = decode_json_objects(documents, count, {"_index": action.index_name}, now_ns=now_ns, schemas=schemas)
    return None if found is None else BulkDecoded(levelled(found.table), actions=(action,), codes=(0,) * count)


def _items(body: bytes, index: str | None) -> _Items:
    lines = body.split(b"\n")
    if not lines[-1]:
        lines.pop()
    if len(lines) > 2 * MAX_RECORDS:
        raise TooLarge(f"more than {MAX_RECORDS} items in one body; send smaller batches")
    if len(lines) % 2 == 0:
        items = _Items(index, documents=lines[1::2])
        try:
            items.codes = items.codes_of(lines[0::2])
        except ValueError:
            return _walked(lines, index)
        if all(action.kind in _WITH_DOCUMENT for action in items.actions):
            return items
    return _walked(lines, index)


def _walked(lines: list[bytes], index: str | None) -> _Items:
    """For bodies in which not every other line is an action with a document."""
    items = _Items(index)
    place = 0
    while place < len(lines):
        line = lines[place]
        place += 1
        if not line.strip():
            continue
        try:
            code = items.code_of(line)
        except ValueError as exc:
            raise InvalidInput(f"malformed action/metadata line [{place}]: {exc}") from exc
        items.codes.append(code)
        if items.actions[code].kind not in _WITH_DOCUMENT:
            items.documents.append(b"")
            continue
        if place == len(lines):
            raise InvalidInput(f"the action in line [{place}] has no document after it")
        items.documents.append(lines[place])
        place += 1
    if len(items.codes) > MAX_RECORDS:
        raise TooLarge(f"more than {MAX_RECORDS} items in one body; send smaller batches")
    return items


def _action(line: bytes, index: str | None) -> Action:
    """Raises ValueError with the reason."""
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise ValueError("it is no JSON") from None
    if type(said) is not dict or len(said) != 1:
        raise ValueError("expected an object with one action")
    ((kind, names),) = said.items()
    if kind not in _ACTIONS:
        raise ValueError(f"unknown action {kind[:40]!r}, expected one of create, delete, index, update")
    if type(names) is not dict:
        raise ValueError(f"expected an object after {kind}")
    named = _text(names.get("_index")) or index
    if not named:
        raise ValueError("index is missing")
    return Action(kind, named, _text(names.get("_id")))


def _text(value: Any) -> str | None:
    return None if value is None or value == "" else str(value)


def _with_names(table: pa.Table, actions: Sequence[Action], codes: Sequence[int]) -> pa.Table:
    """`_index` and `_id` as attributes of each record."""
    members = [orjson.dumps({"_index": index} | ({"_id": id_} if id_ else {})).decode() for _, index, id_ in actions]
    names = ("_index", "_id") if any(action.id for action in actions) else ("_index",)
    return with_members(table, pl.Series(members, dtype=pl.String).gather(pl.Series(codes, dtype=pl.UInt32)), names)
