"""However envelopes are set one after the other, each is one record; whatever bytes come, decoding holds."""

import contextlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from heimdall.errors import InvalidInput
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.splunk_events import decode_splunk_events, decode_splunk_together
from properties.together import check_together

NOW_NS = 1_795_348_800_000_000_000
TEXT = st.text(st.sampled_from('a}{"\\\n, é:['), min_size=1, max_size=8).filter(lambda text: not text.startswith("{"))
EVENTS = st.lists(st.tuples(TEXT, st.sampled_from([None, "h1", "h2"])), min_size=1, max_size=6)


@given(EVENTS, st.sampled_from(["", "\n", " ", "\r\n\r\n"]), st.sampled_from([None, 1]))
def test_every_envelope_is_one_record(events: list[tuple[str, str | None]], between: str, indent: int | None) -> None:
    sent = [{"event": event} | ({"host": host} if host else {}) for event, host in events]
    body = between.join(json.dumps(each, indent=indent) for each in sent).encode()
    decoded = decode_splunk_events(body, now_ns=NOW_NS, schemas=SchemaMemory(), defaults={})
    assert decoded.table["message"].to_pylist() == [event for event, _ in events]
    sticky, expected = None, []
    for _, host in events:
        sticky = host or sticky
        expected.append(sticky)
    stored = decoded.table.to_pylist()
    found = [json.loads(row.get("attributes") or "{}").get("host") for row in stored]
    assert found == expected


@given(st.binary(max_size=120) | st.text('{}[]":,event time0', max_size=80).map(str.encode))
def test_any_bytes_are_refused_or_read(body: bytes) -> None:
    with contextlib.suppress(InvalidInput):
        decode_splunk_events(body, now_ns=NOW_NS, schemas=SchemaMemory(), defaults={})


@given(st.lists(EVENTS | st.none(), min_size=1, max_size=6))
def test_requests_that_go_together_are_read_like_each_alone(
    requests: list[list[tuple[str, str | None]] | None],
) -> None:
    bodies = [
        b'{"time":1}'
        if events is None
        else b"".join(json.dumps({"event": text, "host": host}).encode() for text, host in events)
        for events in requests
    ]
    given: dict[str, Any] = {"now_ns": NOW_NS, "schemas": SchemaMemory(), "defaults": {"source": "s"}}
    check_together(
        bodies,
        lambda bodies: decode_splunk_together(bodies, **given),
        lambda body: decode_splunk_events(body, **given),
    )
