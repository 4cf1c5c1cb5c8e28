import orjson
import pytest

from heimdall.errors import InvalidInput
from heimdall.ingest.decode.elasticsearch_bulk import Action, BulkDecoded, decode_bulk
from heimdall.ingest.decode.json_schema import SchemaMemory

NOW_NS = 1_795_348_800_000_000_000


def decoded(body: bytes, index: str | None = None) -> BulkDecoded:
    return decode_bulk(body, index=index, now_ns=NOW_NS, schemas=SchemaMemory())


def stored(found: BulkDecoded) -> list[tuple[str, dict[str, object]]]:
    rows = found.table.to_pylist()
    return [(row["message"], orjson.loads(row.get("attributes") or "{}")) for row in rows]


def test_documents_become_records_with_the_index_they_were_sent_to() -> None:
    found = decoded(b'{"index":{"_index":"a"}}\n{"message":"x","n":1}\n{"create":{}}\n{"message":"y"}\n', "b")
    assert stored(found) == [("x", {"_index": "a", "n": 1}), ("y", {"_index": "b"})]
    assert found.items == (Action("index", "a"), Action("create", "b"))
    assert (found.refused, found.rejected_count) == (None, 0)


@pytest.mark.parametrize(
    "documents",
    [
        [b'{"message":"x","n":1}', b'{"message":"y"}'],
        [b'{"message":"x"}\r', b'{"message":"y"}\r'],
        [b'{"n":1,"why":"no \\"message\\""}', b'{"n":2,"why":"none"}'],
        [b'{"message":"{\\"_index\\":\\"inside\\"}"}', b'{"message":"{\\"n\\":2}"}'],
        [b'{"message":"x","_index":"mine"}', b'{"message":"y"}'],
        [b'{"timestamp":5,"message":"x"}', b'{"message":"y"}'],
        [b'{"message":"x"}', b'{"message":', b'{"message":"z"}'],
        [b'{"message":"x"}', b'{"n":', b'{"message":"z"}}'],
        [b'{"message":"x"}', b"", b'{"message":"y"}'],
        [b'{"message":"x"}', b' {"message":"y"}'],
    ],
)
@pytest.mark.parametrize("end", [b"\n", b""])
def test_one_action_line_again_and_again_means_what_different_ones_mean(documents: list[bytes], end: bytes) -> None:
    alike = b"\n".join(b'{"index":{}}\n' + document for document in documents) + end
    different = alike.replace(b'{"index":{}}', b'{"index": {}}', 1)
    one, other = decoded(alike, 'a"b'), decoded(different, 'a"b')
    assert one.table.to_pylist() == other.table.to_pylist()
    assert (one.items, one.refused, one.rejected_count) == (other.items, other.refused, other.rejected_count)


def test_ids_the_sender_chose_are_kept() -> None:
    found = decoded(
        b'{"create":{"_index":"a","_id":"i1"}}\n{"message":"x"}\n{"create":{"_index":"a","_id":7}}\n{"message":"y"}'
    )
    assert stored(found) == [("x", {"_index": "a", "_id": "i1"}), ("y", {"_index": "a", "_id": "7"})]


def test_a_broken_document_fails_alone_and_the_others_keep_their_places() -> None:
    head = b'{"index":{"_index":"a"}}\n'
    documents = [b'{"message":"x"}', b'{"message":', b"", b"5", b'{"message":"y"}{"message":"z"}', b'{"message":"w"}']
    found = decoded(b"".join(head + document + b"\n" for document in documents))
    assert [message for message, _ in stored(found)] == ["x", "w"]
    assert sorted(found.refused or {}) == [1, 2, 3, 4]
    assert found.rejected_count == 4


def test_a_document_that_begins_another_does_not_swallow_it() -> None:
    head = b'{"index":{"_index":"a"}}\n'
    found = decoded(head + b'{"message":"x",\n' + head + b'"n":1}\n')
    assert (found.num_rows, sorted(found.refused or {})) == (0, [0, 1])


def test_updates_and_deletes_are_refused_one_by_one() -> None:
    body = (
        b'{"delete":{"_index":"a","_id":"1"}}\n{"index":{"_index":"a"}}\n{"message":"x"}\n'
        b'{"update":{"_index":"a","_id":"1"}}\n{"doc":{}}\n'
    )
    found = decoded(body)
    assert [message for message, _ in stored(found)] == ["x"]
    assert [item.kind for item in found.items] == ["delete", "index", "update"]
    assert sorted(found.refused or {}) == [0, 2]


def test_more_failures_than_are_listed_are_all_told() -> None:
    body = b'{"index":{"_index":"a"}}\nnope\n' * 300 + b'{"index":{"_index":"a"}}\n{"message":"x"}\n'
    found = decoded(body)
    assert (len(found.refused or {}), found.rejected_count) == (300, 300)
    assert stored(found) == [("x", {"_index": "a"})]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"index":{}}\n{"a":1}\n', "index is missing"),
        (b'{"index":{"_index":"a"}}\n', "no document"),
        (b'["index"]\n{"a":1}\n', r"line \[1\]"),
        (b'{"index":{"_index":"a"}}\n{"a":1}\n{"put":{"_index":"a"}}\n{}\n', r"line \[3\].*put"),
        (b'{"index":5}\n{"a":1}\n', "object after index"),
        (b"nonsense\nmore\n", "no JSON"),
    ],
)
def test_an_action_that_is_none_is_named_with_its_line(body: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        decoded(body)


def test_windows_line_ends_and_blank_lines_do_not_matter() -> None:
    found = decoded(b'\r\n{"index":{"_index":"a"}}\r\n{"message":"x"}\r\n\r\n')
    assert stored(found) == [("x", {"_index": "a"})]
