"""GraphQL on a real node, asked by a real client (gql) and by HTTP as it is."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from gql import Client, gql
from gql.transport.exceptions import TransportQueryError
from gql.transport.httpx import HTTPXTransport
from gql.transport.websockets import WebsocketsTransport
from node_process import NodeProcess

FROM, TO = "2026-11-22T10:00:00Z", "2026-11-22T11:00:00Z"
SPAN = f'from: "{FROM}", to: "{TO}"'


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    with NodeProcess(Path(tmp_path_factory.mktemp("graphql")) / "data") as process:
        records = [
            {
                "timestamp": f"2026-11-22T10:{minute:02d}:{second:02d}Z",
                "service": "pay" if second % 20 == 0 else "web",
                "level": "error" if second == 0 else "info",
                "message": f"served order {minute} in {second} ms",
                "http": {"status": 500 if second == 0 else 200},
                "duration_ms": second,
            }
            for minute in range(10)
            for second in range(0, 60, 10)
        ]
        assert httpx.post(f"{process.url}/api/v1/logs", json=records).status_code == 200
        process.wait_for_count(len(records), "*")
        yield process


@pytest.fixture
def client(node: NodeProcess) -> Client:
    """It reads the schema by introspection and checks its documents against it."""
    return Client(transport=HTTPXTransport(url=f"{node.url}/graphql", timeout=30), fetch_schema_from_transport=True)


def post(node: NodeProcess, **body: Any) -> httpx.Response:
    return httpx.post(f"{node.url}/graphql", json=body, timeout=30)


def test_one_document_asks_several_things(client: Client) -> None:
    asked = gql(
        """
            query Overview($span: String!, $to: String!) {
              logs(q: "level:error", from: $span, to: $to, first: 2) {
                nodes {
                  id timestamp service level message durationMs template { id text } status: field(name: "http.status")
                }
                pageInfo { hasNextPage endCursor }
                facts { exact partial }
              }
              histogram(from: $span, to: $to, buckets: 10) { total buckets { total counts } }
              facets(from: $span, to: $to, fields: ["service"]) { field data }
              patterns(from: $span, to: $to) { count template { text } }
              services(from: $span, to: $to) {
                name count errors
                logs(first: 1) { nodes { service } }
                histogram { total }
                patterns { count }
              }
            }
            """
    )
    asked.variable_values = {"span": FROM, "to": TO}
    found = client.execute(asked)
    logs = found["logs"]
    assert [log["timestamp"] for log in logs["nodes"]] == [
        "2026-11-22T10:09:00.000000000Z", "2026-11-22T10:08:00.000000000Z",
    ]  # fmt: skip
    assert logs["nodes"][0] | {"id": "", "template": ""} == {
        "id": "", "timestamp": "2026-11-22T10:09:00.000000000Z", "service": "pay", "level": "error",
        "message": "served order 9 in 0 ms", "durationMs": 0, "template": "", "status": 500,
    }  # fmt: skip
    assert logs["nodes"][0]["template"]["text"] == found["patterns"][0]["template"]["text"]
    assert logs["pageInfo"]["hasNextPage"] is True
    assert logs["facts"] == {"exact": True, "partial": False}
    assert found["histogram"]["total"] == 60
    assert sum(bucket["counts"].get("error", 0) for bucket in found["histogram"]["buckets"]) == 10
    assert found["facets"][0]["field"] == "service"
    assert found["patterns"][0]["count"] == 60
    shown = [(each["name"], each["count"], each["errors"], each["histogram"]["total"]) for each in found["services"]]
    assert sorted(shown) == [("pay", 30, 10, 30), ("web", 30, 0, 30)]
    assert all(each["logs"]["nodes"][0]["service"] == each["name"] for each in found["services"])


def test_pages_follow_each_other(client: Client) -> None:
    document = gql(
        f"query ($after: String) {{ logs({SPAN}, first: 25, after: $after) "
        "{ nodes { id } pageInfo { endCursor hasNextPage } } }"
    )
    ids: list[str] = []
    after = None
    for _ in range(3):
        document.variable_values = {"after": after}
        page = client.execute(document)["logs"]
        ids += [each["id"] for each in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
    assert page["pageInfo"]["hasNextPage"] is False
    assert len(set(ids)) == len(ids) == 60


def test_pipes_make_rows_with_fields_of_their_own(node: NodeProcess) -> None:
    answer = post(node, query=f'{{ logs(q: "* | stats count() as n by level", {SPAN}) {{ nodes {{ fields }} }} }}')
    rows = [each["fields"] for each in answer.json()["data"]["logs"]["nodes"]]
    assert sorted((row["level"], row["n"]) for row in rows) == [("error", 10), ("info", 50)]


def test_templates_by_id(node: NodeProcess) -> None:
    known = post(node, query=f"{{ patterns({SPAN}) {{ template {{ id text }} }} }}").json()["data"]["patterns"][0][
        "template"
    ]
    answer = post(node, query=f'{{ templates(ids: ["1", "x", "{known["id"]}"]) {{ id text }} }}')
    assert answer.json()["data"]["templates"] == [None, None, known]


def test_errors_of_fields_stand_beside_the_data(node: NodeProcess, client: Client) -> None:
    body = post(node, query='{ good: histogram { total } logs(q: "(") { nodes { id } } }').json()
    assert body["data"] is None
    assert body["errors"][0]["path"] == ["logs"]
    assert body["errors"][0]["extensions"]["code"]
    with pytest.raises(TransportQueryError, match="first must be 1 to"):
        client.execute(gql("{ logs(first: 0) { nodes { id } } }"))
    with pytest.raises(TransportQueryError, match="only logs takes a query with pipes"):
        client.execute(gql('{ services(q: "* | head 1") { name } }'))


def test_a_costly_document_is_refused_with_its_price(node: NodeProcess) -> None:
    answer = post(node, query="{ services(first: 1000) { histogram { total } } }")
    assert answer.status_code == 400
    (error,) = answer.json()["errors"]
    assert error["extensions"]["code"] == "too_expensive"
    assert error["extensions"]["cost"] > 200_000
    cheap = post(node, query="{ services(first: 2) { name } }").json()
    assert cheap["extensions"]["cost"] == 1_002


@pytest.mark.parametrize(
    "body",
    [
        {}, {"query": ""}, {"query": "{"}, {"query": 5}, {"query": "{ nothing }"}, {"query": "{ logs { nodes } }"},
        {"query": "{ logs(first: 1) { nodes { id } } }", "variables": []}, {"query": "{" * 20_000},
        {"query": "fragment F on Query { services { name } }"}, {"query": "{" + "a" * 70_000 + "}"},
        {"query": "{ services { name } }", "extensions": {"persistedQuery": {"sha256Hash": "0"}}},
        {"query": "mutation { x }"}, {"query": "{ " + "services { name } " * 3_000 + "}"},
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(node: NodeProcess, body: dict[str, Any]) -> None:
    answer = post(node, **body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["message"]
    assert "data" not in answer.json()


def test_what_is_no_question_is_refused(node: NodeProcess) -> None:
    for content in (b"[]", b"{", b"\xff"):
        assert httpx.post(f"{node.url}/graphql", content=content).status_code == 400
    assert httpx.get(f"{node.url}/graphql", params={"query": "{ __typename }", "variables": "{"}).status_code == 400


def test_a_document_is_sent_once_and_named_after_that(node: NodeProcess) -> None:
    text = f"{{ histogram({SPAN}) {{ total }} }}"
    named = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(text.encode()).hexdigest()}}
    missing = post(node, extensions=named)
    assert missing.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    assert post(node, query=text, extensions=named).json()["data"]["histogram"]["total"] == 60
    assert post(node, extensions=named).json()["data"]["histogram"]["total"] == 60


def test_by_get(node: NodeProcess) -> None:
    parameters = {"query": "query ($n: Int!) { services(first: $n) { name } }", "variables": '{"n": 1}'}
    answer = httpx.get(f"{node.url}/graphql", params=parameters)
    assert len(answer.json()["data"]["services"]) == 1


def socket_of(node: NodeProcess) -> WebsocketsTransport:
    return WebsocketsTransport(
        url=f"{node.url.replace('http', 'ws')}/graphql",
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
    )


async def test_a_subscription_gives_records_as_they_are_stored(node: NodeProcess) -> None:
    async def send() -> None:
        await asyncio.sleep(0.3)
        async with httpx.AsyncClient() as http:
            for level in ("info", "error"):
                await http.post(f"{node.url}/api/v1/logs", json=[{"service": "live", "level": level, "message": "now"}])

    document = gql('subscription { tail(q: "service:live level:error") { nodes { message level } dropped } }')
    async with Client(transport=socket_of(node)) as session, asyncio.timeout(20):
        sending = asyncio.create_task(send())
        async for event in session.subscribe(document):
            assert event["tail"] == {"nodes": [{"message": "now", "level": "error"}], "dropped": 0}
            break
        await sending


async def test_other_documents_are_answered_over_the_websocket_too(node: NodeProcess) -> None:
    async with Client(transport=socket_of(node)) as session, asyncio.timeout(20):
        found = await session.execute(gql(f"{{ histogram({SPAN}) {{ total }} }}"))
        assert found["histogram"]["total"] == 60
        with pytest.raises(TransportQueryError, match="costs more than"):
            await session.execute(gql("{ services(first: 1000) { histogram { total } } }"))
        with pytest.raises(TransportQueryError, match="cannot use the pipe stats"):
            async for _ in session.subscribe(gql('subscription { tail(q: "* | stats count()") { dropped } }')):
                pass


def test_a_subscription_needs_a_websocket(node: NodeProcess) -> None:
    answer = post(node, query="subscription { tail { dropped } }")
    assert answer.status_code == 400
    assert "graphql-transport-ws" in answer.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (['{"type": "subscribe"}'], 4401), (['{"type": "connection_init"}'] * 2, 4429), (["{"], 4401),
        (['{"type": "connection_init"}', "5"], 4400), (['{"type": "connection_init"}', '{"type": "what"}'], 4400),
    ],
)  # fmt: skip
async def test_who_breaks_the_protocol_is_told_so(node: NodeProcess, messages: list[str], code: int) -> None:
    address = f"{node.url.replace('http', 'ws')}/graphql"
    async with websockets.connect(address, subprotocols=[websockets.Subprotocol("graphql-transport-ws")]) as socket:
        for message in messages:
            await socket.send(message)
        async with asyncio.timeout(10):
            await socket.wait_closed()
        assert socket.close_code == code
