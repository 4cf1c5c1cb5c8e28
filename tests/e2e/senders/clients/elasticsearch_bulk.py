"""elasticsearch-py 8 and 9, opensearch-py: `helpers.bulk`, one document, one item that fails."""

import importlib
import sys
from typing import Any

RECORDS = 1000


def documents(service: str) -> Any:
    for n in range(RECORDS):
        yield {
            "_index": "logs-shop-default",
            "_op_type": "create",
            "@timestamp": f"2026-11-22T10:00:00.{n:06d}Z",
            "message": f"order {n} placed",
            "service": {"name": service},
            "log": {"level": "warn"},
            "amount": n / 2,
        }


def main(library: str, url: str, service: str) -> None:
    module = importlib.import_module(library)
    helpers = importlib.import_module(f"{library}.helpers")
    client = (module.OpenSearch if library == "opensearchpy" else module.Elasticsearch)(url)
    assert client.ping()
    assert client.info()["tagline"]
    assert client.cluster.health()["status"] == "green"
    assert helpers.bulk(client, documents(service), chunk_size=300) == (RECORDS, [])
    body = {"message": "a single document", "service": service}
    one = client.index(index="single", **({"body": body} if library == "opensearchpy" else {"document": body}))
    assert one["result"] == "created"
    assert one["_index"] == "single"
    gone = {"_op_type": "delete", "_index": "single", "_id": "1"}
    done, errors = helpers.bulk(client, [gone], raise_on_error=False)
    assert done == 0
    assert errors[0]["delete"]["status"] == 400


main(*sys.argv[1:])
