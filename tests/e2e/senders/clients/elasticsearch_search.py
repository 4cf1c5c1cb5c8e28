"""elasticsearch-py 8 and 9, opensearch-py: everything a program asks, over documents it wrote itself."""

import importlib
import sys
import time
from collections.abc import Callable
from typing import Any

RECORDS = 2_500
SERVICES = ("cart", "payment", "web")


def documents(index: str) -> Any:
    for n in range(RECORDS):
        yield {
            "_index": index,
            "_op_type": "create",
            "@timestamp": f"2026-11-22T10:{n // 60 % 60:02d}:{n % 60:02d}.{n % 7:03d}Z",
            "message": f"order {n} {'was refused by the bank' if n % 10 == 0 else 'placed'}",
            "service": {"name": SERVICES[n % 3]},
            "log": {"level": "error" if n % 10 == 0 else "info"},
            "amount": n / 2,
        }


class Asker:
    """The clients spell the same call in two ways."""

    def __init__(self, client: Any, is_opensearch: bool) -> None:
        self.client = client
        self._is_opensearch = is_opensearch

    def search(self, index: str | None = None, **body: Any) -> Any:
        named = {} if index is None else {"index": index}
        if self._is_opensearch:
            return self.client.search(body=body, **named)
        body = {f"{name}_" if name == "from" else name: given for name, given in body.items()}
        return self.client.search(**named, **{"source" if name == "_source" else name: v for name, v in body.items()})

    def count(self, index: str, query: Any) -> int:
        found = (
            self.client.count(index=index, body={"query": query})
            if self._is_opensearch
            else self.client.count(index=index, query=query)
        )
        return int(found["count"])

    def open_pit(self, index: str) -> str:
        if self._is_opensearch:
            return str(self.client.create_pit(index=index, params={"keep_alive": "1m"})["pit_id"])
        return str(self.client.open_point_in_time(index=index, keep_alive="1m")["id"])

    def close_pit(self, pit: str) -> None:
        if self._is_opensearch:
            self.client.delete_pit(body={"pit_id": [pit]})
        else:
            self.client.close_point_in_time(id=pit)

    def msearch(self, searches: list[Any]) -> Any:
        if self._is_opensearch:
            return self.client.msearch(body=searches)["responses"]
        return self.client.msearch(searches=searches)["responses"]


def wait_until_stored(asker: Asker, index: str) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = asker.search(f"{index},other-*", size=0, track_total_hits=True)
        if found["hits"]["total"]["value"] == RECORDS:
            return
        time.sleep(0.1)
    raise AssertionError("the documents do not show up")


def main(library: str, url: str, index: str) -> None:
    module = importlib.import_module(library)
    helpers = importlib.import_module(f"{library}.helpers")
    is_opensearch = library == "opensearchpy"
    client = (module.OpenSearch if is_opensearch else module.Elasticsearch)(url)
    asker = Asker(client, is_opensearch)
    assert helpers.bulk(client, documents(index), chunk_size=1000) == (RECORDS, [])
    time.sleep(0.3)
    while True:
        try:
            wait_until_stored(asker, index)
            break
        except module.NotFoundError:
            time.sleep(0.2)
    searches(asker, index)
    aggregations(asker, index)
    pages(asker, helpers, client, index)
    catalogue(asker, index)
    errors(asker, module, index)


def searches(asker: Asker, index: str) -> None:
    refused = {"bool": {"must": {"match": {"message": "refused bank"}}, "filter": {"term": {"service.name": "cart"}}}}
    found = asker.search(index, query=refused, size=3, _source=["message"])
    expected = [n for n in range(RECORDS) if n % 10 == 0 and n % 3 == 0]
    assert found["hits"]["total"] == {"value": len(expected), "relation": "eq"}, found["hits"]["total"]
    assert [hit["_source"] for hit in found["hits"]["hits"]] == [
        {"message": f"order {n} was refused by the bank"} for n in expected[::-1][:3]
    ]
    assert {hit["_index"] for hit in found["hits"]["hits"]} == {index}
    window = {"range": {"@timestamp": {"gte": "2026-11-22T10:00:00Z", "lt": "2026-11-22T10:01:00Z"}}}
    assert asker.count(index, window) == 60
    text = {"query_string": {"query": 'log.level:error AND "the bank" AND amount:[0 TO 100}', "analyze_wildcard": True}}
    assert asker.count(f"{index}*", text) == 20
    one, none, wrong = asker.msearch(
        [
            {"index": index},
            {"query": {"term": {"amount": 1.5}}, "size": 1},
            {"index": index},
            {"query": {"match_none": {}}},
            {"index": index},
            {"query": {"no_such_query": {}}},
        ]
    )
    assert one["hits"]["hits"][0]["_source"]["amount"] == 1.5
    assert none["hits"]["total"]["value"] == 0
    assert (wrong["status"], wrong["error"]["type"]) == (400, "parsing_exception")
    id_ = one["hits"]["hits"][0]["_id"]
    assert asker.client.get(index=index, id=id_)["_source"]["message"] == "order 3 placed"


def aggregations(asker: Asker, index: str) -> None:
    found = asker.search(
        index,
        size=0,
        aggs={
            "services": {
                "terms": {"field": "service.name.keyword", "size": 2},
                "aggs": {
                    "over_time": {
                        "date_histogram": {"field": "@timestamp", "fixed_interval": "30m"},
                        "aggs": {"spent": {"sum": {"field": "amount"}}},
                    },
                },
            },
            "spread": {"percentiles": {"field": "amount", "percents": [50]}},
        },
    )["aggregations"]
    services = found["services"]
    assert [(bucket["key"], bucket["doc_count"]) for bucket in services["buckets"]] == [("cart", 834), ("payment", 833)]
    assert services["sum_other_doc_count"] == 833
    over_time = services["buckets"][0]["over_time"]["buckets"]
    assert [bucket["doc_count"] for bucket in over_time] == [600, 234]
    assert over_time[1]["spent"]["value"] == sum(n / 2 for n in range(1800, RECORDS, 3))
    assert found["spread"]["values"]["50.0"] == (RECORDS - 1) / 4


def pages(asker: Asker, helpers: Any, client: Any, index: str) -> None:
    scanned = list(helpers.scan(client, index=index, query={"query": {"term": {"log.level": "error"}}}, size=100))
    assert len({hit["_id"] for hit in scanned}) == len(scanned) == RECORDS // 10
    for sort in ([{"@timestamp": "desc"}], [{"service.name": "asc"}, {"amount": "desc"}]):
        pit = asker.open_pit(index)
        amounts: list[float] = []
        after: dict[str, Any] = {}
        while True:
            body = {"size": 400, "sort": sort, "pit": {"id": pit, "keep_alive": "1m"}, **after}
            hits = asker.search(None, **body)["hits"]["hits"]
            if not hits:
                break
            amounts += [hit["_source"]["amount"] for hit in hits]
            after = {"search_after": hits[-1]["sort"]}
        asker.close_pit(pit)
        numbers = list(range(RECORDS))
        if len(sort) == 1:
            assert amounts == [n / 2 for n in reversed(numbers)], amounts[:10]
        else:
            assert amounts == [n / 2 for n in sorted(numbers, key=lambda n: (n % 3, -n))], amounts[:10]


def catalogue(asker: Asker, index: str) -> None:
    client = asker.client
    properties = client.indices.get_mapping(index=index)[index]["mappings"]["properties"]
    assert properties["@timestamp"] == {"type": "date"}
    assert properties["message"]["type"] == "text"
    assert properties["log"]["properties"]["level"] == {"type": "keyword"}
    assert properties["amount"] == {"type": "double"}
    fields = client.field_caps(index=index, fields="*")["fields"]
    assert fields["amount"]["double"]["aggregatable"] is True
    assert fields["@timestamp"]["date"]["searchable"] is True
    rows = client.cat.indices(index=index, format="json")
    assert [(row["index"], row["docs.count"]) for row in rows] == [(index, str(RECORDS))]


def errors(asker: Asker, module: Any, index: str) -> None:
    said = refusal(module.NotFoundError, lambda: asker.search(f"{index}-that-nobody-wrote"))
    assert "index_not_found_exception" in said
    wrong = module.RequestError if hasattr(module, "RequestError") else module.BadRequestError
    query = {"range": {"@timestamp": {"gte": "yesterday-ish"}}}
    assert "failed to parse date field" in refusal(wrong, lambda: asker.search(index, query=query))


def refusal(kind: type[Exception], ask: Callable[[], Any]) -> str:
    try:
        ask()
    except kind as exc:
        return str(exc)
    raise AssertionError(f"no {kind.__name__}")


main(*sys.argv[1:])
