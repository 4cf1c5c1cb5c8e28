"""The cold tier on real S3 servers: files, moves, answers, archives."""

from __future__ import annotations

import random
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from s3_servers import BUCKET, KEY, SECRET, S3Server, moto, versitygw, versitygw_program

from heimdall.clock import ManualClock
from heimdall.errors import EngineUnavailable, Misconfigured
from heimdall.model.batch import DEFAULT_TENANT
from heimdall.query.config import QueryConfig
from heimdall.query.request import SearchRequest
from heimdall.query.service import QueryService
from heimdall.storage.config import StorageConfig
from heimdall.storage.objects import OWNER, PART_BYTES, Objects
from heimdall.storage.signing import signed_headers
from heimdall.storage.tiers import Tiers
from properties.engines import START_NS
from properties.tiers import BASE, DAY_NS, Crash, Node


@pytest.fixture(scope="module", params=["moto", "versitygw"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    if request.param == "versitygw" and versitygw_program() is None:
        pytest.skip("versitygw is not installed: python tests/e2e/s3_servers.py builds it")
    start = moto if request.param == "moto" else versitygw
    with start(tmp_path_factory.mktemp(request.param)) as started:
        yield started


@pytest.fixture(scope="module")
def archiving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with moto(tmp_path_factory.mktemp("archiving")) as started:
        yield started


def configured(server: S3Server, prefix: str, **changes: Any) -> StorageConfig:
    return StorageConfig(
        hot_days=1, warm_days=2, cold_days=5, cold_url=f"s3://{BUCKET}/{prefix}", s3_endpoint=server.endpoint,
        s3_access_key_id=KEY, s3_secret_access_key=SECRET, **changes,
    )  # fmt: skip


def objects(server: S3Server, prefix: str) -> Objects:
    return Objects.open(
        f"s3://{BUCKET}/{prefix}", default_folder=Path("/"), endpoint=server.endpoint, region="us-east-1", key=KEY,
        secret=SECRET,
    )  # fmt: skip


def records(count: int) -> list[dict[str, Any]]:
    return [
        {"timestamp": BASE + n, "message": f"order {n}", "trace_id": n.to_bytes(16), "attributes": '{"a":{"b":1}}'}
        for n in range(1, count + 1)
    ]


def test_records_move_to_s3_are_found_there_and_are_dropped(server: S3Server, tmp_path: Path) -> None:
    node = Node(tmp_path, configured(server, "walk"))
    node.append(DEFAULT_TENANT, records(500), 1)
    for day in range(1, 4):
        node.mover().run_once(BASE + day * DAY_NS)
    assert node.where() == {"hot": 0, "warm": 0, "cold": 500}
    service = QueryService(Tiers({"hot": node.engine}), ManualClock(BASE), QueryConfig(), lambda: None)  # type: ignore[arg-type,return-value]
    answer = service.search(SearchRequest(q=f"trace_id:{(7).to_bytes(16).hex()}"))
    assert answer.rows.column("message").to_pylist() == ["order 7"]
    assert answer.tiers == ("hot", "cold")
    assert not answer.partial
    nowhere = service.search(SearchRequest(q=f"trace_id:{(7777).to_bytes(16).hex()}"))
    assert (nowhere.rows.num_rows, nowhere.tiers) == (0, ("hot",)), "the sketch rules the file out"
    assert service.search(SearchRequest(q="a.b:1 order | stats count() as n")).rows.to_pylist() == [{"n": 500}]
    node.mover().run_once(BASE + 7 * DAY_NS)
    assert node.expired == 500
    assert [key for key in objects(server, "walk").keys() if key != OWNER] == []  # noqa: SIM118 - not a mapping
    node.close()


def test_what_a_crash_left_on_s3_goes_at_the_next_round(server: S3Server, tmp_path: Path) -> None:
    node = Node(tmp_path, configured(server, "crash"))
    node.append(DEFAULT_TENANT, records(50), 1)
    for step in ("copied", "commit", "remove", "finish"):

        def crash(name: str, step: str = step) -> None:
            if name == step:
                raise Crash(name)

        with pytest.raises(Crash):
            node.mover(crash).run_once(BASE + 4 * DAY_NS)
        node.restart()
        assert sorted(node.positions(DEFAULT_TENANT).elements()) == list(range(1, 51))
        if step == "remove":
            break
    node.mover().run_once(BASE + 4 * DAY_NS)
    assert sorted(node.positions(DEFAULT_TENANT).elements()) == list(range(1, 51))
    assert len([key for key in objects(server, "crash").keys("records")]) == 1  # noqa: C416
    node.close()


def test_a_large_file_goes_up_in_parts_and_comes_back_the_same(server: S3Server, tmp_path: Path) -> None:
    data = random.Random(1).randbytes(PART_BYTES * 2 + 12345)
    (tmp_path / "file").write_bytes(data)
    store = objects(server, "parts")
    store.put("a/b.bin", tmp_path / "file")
    import obstore

    assert bytes(obstore.get(store._store, "a/b.bin").bytes()) == data
    store.delete(["a/b.bin", "a/nothing"])
    assert list(store.keys()) == []


def test_a_prefix_has_one_owner(server: S3Server) -> None:
    store = objects(server, "owned")
    store.claim("one")
    store.claim("one")
    with pytest.raises(Misconfigured, match="belongs to another node"):
        store.claim("two")


def test_a_store_that_does_not_answer_is_unavailable_not_empty(tmp_path: Path) -> None:
    with moto(tmp_path) as server:
        node = Node(tmp_path / "node", configured(server, "gone"))
        node.append(DEFAULT_TENANT, records(5), 1)
        node.mover().run_once(BASE + 4 * DAY_NS)
    with pytest.raises(EngineUnavailable):
        node.positions(DEFAULT_TENANT)
    node.close()


def test_archived_files_are_left_out_said_and_asked_for(archiving: S3Server, tmp_path: Path) -> None:
    node = Node(tmp_path, configured(archiving, "old", archive_days=30))
    rule = lifecycle(archiving)
    assert (rule["ID"], rule["Prefix"], rule["Days"], rule["StorageClass"]) == (
        "heimdall-archive-old", "old/records/", "30", "GLACIER",
    )  # fmt: skip
    node.append(DEFAULT_TENANT, records(5), 1)
    node.mover().run_once(BASE + 4 * DAY_NS)
    (unit,) = node.catalogue.units()
    archive_now(archiving, f"old/{unit.object}")
    clock = ManualClock(START_NS)
    service = QueryService(Tiers({"hot": node.engine}), clock, QueryConfig(), lambda: None)  # type: ignore[arg-type,return-value]
    node.clock.advance(40 * 86_400)
    answer = service.search(SearchRequest(q="order"))
    assert (answer.rows.num_rows, answer.partial, answer.tiers) == (0, True, ("hot",))
    (notice,) = answer.notices
    assert notice.startswith("5 records of 2023-11-14 are archived (GLACIER) and left out; their restore is requested")
    node.clock.advance(120)
    restored = service.search(SearchRequest(q="order"))  # moto restores at once; Glacier takes hours
    assert (restored.rows.num_rows, restored.partial, restored.tiers) == (5, False, ("hot", "cold"))
    node.close()


def test_our_rule_leaves_the_rules_of_others(archiving: S3Server, tmp_path: Path) -> None:
    for prefix in ("one", "two"):
        node = Node(tmp_path / prefix, configured(archiving, prefix, archive_days=10, archive_class="DEEP_ARCHIVE"))
        node.close()
    text = httpx.get(f"{archiving.endpoint}/{BUCKET}?lifecycle", timeout=10).content
    assert b"heimdall-archive-one" in text
    assert b"heimdall-archive-two" in text


def lifecycle(server: S3Server) -> dict[str, str]:
    text = httpx.get(f"{server.endpoint}/{BUCKET}?lifecycle", timeout=10).content
    return {element.tag.rpartition("}")[2]: element.text or "" for element in ET.fromstring(text).iter()}


def archive_now(server: S3Server, key: str) -> None:
    """What the rule does after its days: the object in another class."""
    address = f"{server.endpoint}/{BUCKET}/{key}"
    headers = signed_headers(
        "PUT",
        address,
        b"",
        headers={"x-amz-copy-source": f"/{BUCKET}/{key}", "x-amz-storage-class": "GLACIER"},
        query={},
        region="us-east-1",
        access_key_id=KEY,
        secret_access_key=SECRET,
        time_ns=time.time_ns(),
    )
    assert httpx.put(address, headers=headers, timeout=10).status_code == 200
