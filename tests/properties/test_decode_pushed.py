"""Whatever Firehose or Pub/Sub might deliver: nothing crashes, and each event that was readable is a record."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from heimdall.errors import InvalidInput
from heimdall.ingest.decode.decoded import Decoded, Together
from heimdall.ingest.decode.firehose import decode_delivery, read_delivery
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.pubsub import decode_pushed, decode_pushes_together, read_push
from properties.together import check_together

NOW_NS = 1_795_348_800_000_000_000
SCHEMAS = SchemaMemory()
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=12)
EVENT = st.builds(
    lambda id_, time_ms, message: {"id": id_, "timestamp": time_ms, "message": message},
    st.text(max_size=3),
    st.integers(0, 2**45),
    TEXT | st.just('{"message":"json","n":1}') | st.just("level=warn msg=slow n=3"),
)
ENVELOPE = st.builds(
    lambda group, events: {"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": group, "logStream": "s",
                           "logEvents": events},
    st.text(max_size=6), st.lists(EVENT, max_size=4),
)  # fmt: skip
ODD = st.builds(lambda envelope, name, value: envelope | {name: value}, ENVELOPE,
                st.sampled_from(["messageType", "logGroup", "logEvents", "owner"]), ANY_JSON)  # fmt: skip


def packed(data: bytes, *, folded: bool) -> dict[str, str]:
    return {"data": base64.b64encode(gzip.compress(data, 1) if folded else data).decode()}


def pushed(data: bytes, attributes: dict[str, str], published: str | None = None, id_: str | None = "7") -> bytes:
    said = {"attributes": attributes, "messageId": id_, "publishTime": published}
    message = {"data": base64.b64encode(data).decode()} | {name: value for name, value in said.items() if value}
    return json.dumps({"message": message}).encode()


ENTRY = st.builds(
    lambda payload, severity: json.dumps(
        {"logName": "l", "resource": {"labels": {"pod_name": "p"}}} | payload | severity
    ),
    st.fixed_dictionaries(
        {}, optional={"textPayload": TEXT, "jsonPayload": st.dictionaries(TEXT, ANY_JSON, max_size=2)}
    ),
    st.fixed_dictionaries({}, optional={"severity": st.sampled_from(["ERROR", "DEFAULT", 7])}),
)
ANY_TEXT = ANY_JSON.map(lambda value: json.dumps(value).encode())
PUSHES = st.builds(
    pushed,
    ENTRY.map(str.encode)
    | st.dictionaries(TEXT, ANY_JSON, max_size=3).map(lambda value: json.dumps(value).encode())
    | st.binary(max_size=20)
    | TEXT.map(str.encode),
    st.dictionaries(TEXT, TEXT, max_size=2),
    st.sampled_from([None, "", "2026-11-22T10:00:00Z", "2026-11-22T10:00:00.123456Z", "x"]),
    st.sampled_from(["7", None]),
)


def delivered(*records: Any) -> list[dict[str, Any]]:
    body = json.dumps({"requestId": "r", "timestamp": 1, "records": records}).encode()
    found = decode_delivery(read_delivery(body), attributes={"a": "b"}, now_ns=NOW_NS, schemas=SCHEMAS)
    return list(found.table.to_pylist())


@given(st.lists(ENVELOPE, max_size=4), st.booleans())
def test_every_event_is_a_record_of_its_group(envelopes: list[dict[str, Any]], folded: bool) -> None:
    rows = delivered(*[packed(json.dumps(each).encode(), folded=folded) for each in envelopes])
    groups = [json.loads(row["attributes"])["aws.log.group.names"][0] for row in rows]
    assert sorted(groups) == sorted(each["logGroup"] for each in envelopes for _ in each["logEvents"])


@given(st.lists(ENVELOPE | ODD | ANY_JSON, max_size=3), st.lists(st.binary(max_size=30), max_size=3), ANY_JSON)
def test_whatever_comes_beside_it_a_good_record_is_kept(envelopes: list[Any], raw: list[bytes], odd: Any) -> None:
    good = packed(b"the good one", folded=False)
    others = [packed(json.dumps(each).encode(), folded=False) for each in envelopes]
    rows = delivered(*others, *[packed(each, folded=False) for each in raw], odd, good)
    assert "the good one" in [row["message"] for row in rows]
    assert all(json.loads(row["attributes"])["a"] for row in rows)


@given(st.binary(max_size=60) | ANY_JSON.map(lambda value: json.dumps(value).encode()))
def test_what_is_no_delivery_is_refused(body: bytes) -> None:
    for decode in (
        lambda: decode_delivery(read_delivery(body), attributes={}, now_ns=NOW_NS, schemas=SCHEMAS),
        lambda: decode_pushed(read_push(body), now_ns=NOW_NS, schemas=SCHEMAS),
    ):
        with contextlib.suppress(InvalidInput):
            decode()


@given(
    st.dictionaries(
        st.sampled_from(["textPayload", "jsonPayload", "protoPayload", "severity", "timestamp", "trace", "spanId",
                         "labels", "logName", "resource", "httpRequest"]),
        ANY_JSON | st.dictionaries(st.sampled_from(["labels", "message", "type"]), ANY_JSON), max_size=6,
    ),
    st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
)  # fmt: skip
def test_whatever_an_entry_holds_it_is_one_record(odd: dict[str, Any], attributes: dict[str, str]) -> None:
    entry = {"logName": "projects/p/logs/l", "resource": {"labels": {}}} | odd
    data = base64.b64encode(json.dumps(entry).encode()).decode()
    body = json.dumps({"message": {"data": data, "attributes": attributes, "messageId": "7"}}).encode()
    found = decode_pushed(read_push(body), now_ns=NOW_NS, schemas=SCHEMAS)
    assert found.num_rows == 1
    assert json.loads(found.table["attributes"][0].as_py())["messaging.message.id"] == "7"


@given(st.lists(PUSHES | st.binary(max_size=20) | ANY_TEXT, min_size=1, max_size=6))
def test_messages_that_go_together_are_read_like_each_alone(bodies: list[bytes]) -> None:
    def alone(body: bytes) -> Decoded:
        return decode_pushed(read_push(body), now_ns=NOW_NS, schemas=SchemaMemory())

    def together(bodies: list[bytes]) -> Together[Decoded]:
        return decode_pushes_together(bodies, now_ns=NOW_NS, schemas=SchemaMemory())

    check_together(bodies, together, alone, every=False)


def test_one_object_each_goes_together() -> None:
    bodies = [pushed(b'{"message":"a"}', {"x": "1"}), pushed(b'{"message":"b","x":2}\n', {"x": "1"})]
    found = decode_pushes_together(bodies, now_ns=NOW_NS, schemas=SchemaMemory())
    assert [part and part.num_rows for part in found.parts] == [1, 1]
    assert [json.loads(text)["x"] for text in found.table["attributes"].to_pylist()] == ["1", 2]


def test_messages_that_say_nothing_beside_their_data_go_together_too() -> None:
    found = decode_pushes_together(
        [pushed(b'{"message":"a"}', {}, None, None)] * 2, now_ns=NOW_NS, schemas=SchemaMemory()
    )
    assert [part and part.num_rows for part in found.parts] == [1, 1]
    assert found.table["message"].to_pylist() == ["a", "a"]
