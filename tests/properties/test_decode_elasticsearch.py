"""Whatever is sent in bulk: each action has one item, each document it takes is one record, and nothing crashes."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from heimdall.errors import InvalidInput
from heimdall.ingest.decode.decoded import Decoded, Together
from heimdall.ingest.decode.elasticsearch_bulk import (
    Action,
    decode_bulk,
    decode_bulk_together,
    decode_document,
    decode_documents_together,
)
from heimdall.ingest.decode.json_schema import SchemaMemory
from properties.together import check_together, rows

NOW_NS = 1_795_348_800_000_000_000
ACTIONS = st.sampled_from(
    [
        {"index": {"_index": "a"}},
        {"create": {}},
        {"create": {"_index": "b", "_id": "1"}},
        {"update": {"_id": "1"}},
        {"delete": {"_id": "1"}},
    ]
)
GOOD = st.dictionaries(st.sampled_from(["n", "x", "_index", "tags"]), st.integers() | st.text(max_size=5), max_size=3)
DOCUMENTS = GOOD.filter(
    lambda document: all(not isinstance(value, int) or -(2**63) <= value < 2**64 for value in document.values())
).map(orjson.dumps)
BAD = st.sampled_from([b"{", b"", b"5", b"{}{}", b'{"a":1', b'"n":1}', b"\xff", b'{"a":}', b" "])
SENT = st.lists(st.tuples(ACTIONS, DOCUMENTS | BAD), min_size=1, max_size=12)


@given(SENT)
def test_every_action_has_an_item_and_good_documents_are_records(sent: list[tuple[dict, bytes]]) -> None:
    lines = []
    for action, document in sent:
        lines.append(orjson.dumps(action))
        if "delete" not in action:
            lines.append(document)
    found = decode_bulk(b"\n".join(lines) + b"\n", index="i", now_ns=NOW_NS, schemas=SchemaMemory())
    assert [item.kind for item in found.items] == [next(iter(action)) for action, _ in sent]
    kept = [place for place in range(len(sent)) if place not in (found.refused or {})]
    assert found.num_rows == len(kept)
    good = [place for place, (action, document) in enumerate(sent) if _is_good(action, document)]
    assert kept == good
    stored = [orjson.loads(text) for text in found.table["attributes"].to_pylist()] if kept else []
    assert [row["_index"] for row in stored] == [
        orjson.loads(sent[place][1]).get("_index", found.items[place].index_name) for place in kept
    ]


def _is_good(action: dict, document: bytes) -> bool:
    if "index" not in action and "create" not in action:
        return False
    try:
        return isinstance(orjson.loads(document), dict)
    except orjson.JSONDecodeError:
        return False


@given(
    st.binary(max_size=300)
    | st.lists(st.sampled_from([b'{"index":{}}', b"{", b"\n", b'{"a":1}', b"\r"])).map(b"\n".join)
)
def test_whatever_bytes_come_decoding_holds(body: bytes) -> None:
    try:
        found = decode_bulk(body, index="i", now_ns=NOW_NS, schemas=SchemaMemory())
    except InvalidInput:
        return
    assert found.num_rows + len(found.refused or {}) == len(found.items)


ANY_ITEM = st.tuples(
    st.sampled_from([b'{"create":{}}', b'{"index":{"_index":"a","_id":"1"}}', b'{"update":{"_id":"1"}}']),
    DOCUMENTS | BAD.filter(lambda text: b"\n" not in text),
)


@given(
    st.lists(
        st.lists(ANY_ITEM, max_size=5) | st.sampled_from([[(b'{"delete":{"_id":"1"}}', b"{")], [(b"{", b"{}")]]),
        min_size=1,
        max_size=5,
    )
)
def test_bodies_that_go_together_are_read_like_each_alone(sent: list[list[tuple[bytes, bytes]]]) -> None:
    bodies = [b"".join(action + b"\n" + document + b"\n" for action, document in items) for items in sent]
    found = decode_bulk_together(bodies, index="i", now_ns=NOW_NS, schemas=SchemaMemory())
    first = 0
    for body, part in zip(bodies, found.parts, strict=True):
        try:
            alone = decode_bulk(body, index="i", now_ns=NOW_NS, schemas=SchemaMemory())
        except InvalidInput:
            assert part is None
            continue
        assert (part is None) == (alone.num_rows == 0)
        if part is not None:
            assert (part.items, part.refused or {}) == (alone.items, alone.refused or {})
            assert part.rejected_count == alone.rejected_count
            assert rows(part.table) == rows(found.table.slice(first, part.num_rows)) == rows(alone.table)
            first += part.num_rows
    assert first == found.table.num_rows


@given(st.lists(DOCUMENTS | BAD | DOCUMENTS.map(lambda text: b"{\n" + text[1:]), min_size=1, max_size=6))
def test_documents_that_go_together_are_read_like_each_alone(bodies: list[bytes]) -> None:
    action = Action("create", "i")

    def alone(body: bytes) -> Decoded:
        return decode_document(body, action, now_ns=NOW_NS, schemas=SchemaMemory())

    def together(bodies: list[bytes]) -> Together[Decoded]:
        return decode_documents_together(bodies, action, now_ns=NOW_NS, schemas=SchemaMemory())

    check_together(bodies, together, alone, every=not any(b"\n" in body for body in bodies))
