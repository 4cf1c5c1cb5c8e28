"""However envelopes are set one after the other, each is one record; whatever bytes come, decoding holds."""

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from heimdall.errors import InvalidInput
from heimdall.ingest.decode.json_schema import SchemaMemory
from heimdall.ingest.decode.splunk_events import decode_splunk_events

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
