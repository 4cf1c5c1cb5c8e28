"""Whatever is sent in bulk: each action has one item, each document it takes is one record, and nothing crashes."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from heimdall.errors import InvalidInput
from heimdall.ingest.decode.decoded import Together
from heimdall.ingest.decode.elasticsearch_bulk import BulkDecoded, decode_bulk, decode_bulk_together
from heimdall.ingest.decode.json_schema import SchemaMemory
from properties.together import check_together

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


MOSTLY_TAKEN = st.tuples(st.sampled_from([b'{"create":{}}', b'{"index":{"_index":"a","_id":"1"}}']), DOCUMENTS)


@given(
    st.lists(st.lists(MOSTLY_TAKEN, max_size=5) | st.just([(b'{"delete":{"_id":"1"}}', b"{")]), min_size=1, max_size=5)
)
def test_bodies_that_go_together_are_read_like_each_alone(sent: list[list[tuple[bytes, bytes]]]) -> None:
    bodies = [b"".join(action + b"\n" + document + b"\n" for action, document in items) for items in sent]

    def alone(body: bytes) -> BulkDecoded:
        return decode_bulk(body, index="i", now_ns=NOW_NS, schemas=SchemaMemory())

    def together(bodies: list[bytes]) -> Together[BulkDecoded]:
        found = decode_bulk_together(bodies, index="i", now_ns=NOW_NS, schemas=SchemaMemory())
        for body, part in zip(bodies, found.parts, strict=True):
            assert part is None or part.items == alone(body).items
        return found

    check_together(bodies, together, alone)
