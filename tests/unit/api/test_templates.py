"""Templates over HTTP: what fills their parameters, names and owners, and what merging leaves of them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import httpx
import pyarrow as pa
import pytest

from heimdall.api.asgi import build_asgi
from heimdall.api.queries import query_routes
from heimdall.api.static_files import StaticUi
from heimdall.api.templates import template_routes, with_labels
from heimdall.clock import SystemClock
from heimdall.errors import InvalidInput
from heimdall.model.batch import DEFAULT_TENANT, TenantId
from heimdall.model.template import TemplateNames
from heimdall.query.service import QueryConfig, QueryService
from heimdall.query.templatelabels import Label, TemplateLabels
from heimdall.query.templates import TableCatalogue
from heimdall.storage import Tiers, open_engine
from unit.query.test_service import fill, templates


class Catalogue:
    """Changes as the miner's does."""

    def __init__(self) -> None:
        self.table = templates()
        self.read_whole = 0

    def __call__(self) -> pa.Table:
        self.read_whole += 1
        return self.table

    def names(self, tenant: TenantId, ids: Iterable[int]) -> TemplateNames:
        return TableCatalogue(lambda: self.table).names(tenant, ids)

    def merge(self, old: int, into: int) -> None:
        rows = [row | {"merged_into": into} if row["template_id"] == old else row for row in self.table.to_pylist()]
        self.table = pa.Table.from_pylist(rows, self.table.schema)


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue()


@pytest.fixture
def labels(tmp_path: Path):
    opened = TemplateLabels(tmp_path / "labels.db")
    yield opened
    opened.close()


@pytest.fixture(params=["memory", "clickhouse"])
def client(request: pytest.FixtureRequest, tmp_path: Path, catalogue: Catalogue, labels: TemplateLabels):
    url = "memory://" if request.param == "memory" else f"clickhouse+embedded://{tmp_path}/tier"
    engine = open_engine(url, SystemClock())
    fill(engine)
    service = QueryService(Tiers({"hot": engine}), SystemClock(), QueryConfig(), catalogue)
    routers = [
        query_routes(service, SystemClock(), lambda found: with_labels(found, catalogue, labels)),
        template_routes(service, catalogue, labels, SystemClock()),
    ]
    app = build_asgi(routers=routers, doors=[], faces=[], pages=StaticUi())
    yield httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://node")
    engine.close()


async def test_a_list_of_patterns_costs_what_it_shows(client: httpx.AsyncClient, catalogue: Catalogue) -> None:
    await client.put("/api/v1/templates/3", json={"name": "carts", "owner": "shop"})
    catalogue.read_whole = 0
    rows = (await client.get("/api/v1/patterns")).json()["data"]
    shown = [(row["template_id"], row["template"], row.get("name")) for row in rows]
    assert shown == [(1, "GET /cart/<*> took <*> ms", "carts"), (2, "card declined for order <*>", None)]
    found = (await client.get("/api/v1/search", params={"q": "* | patterns | sort -count"})).json()["data"]
    assert {row["template"] for row in found} == {shown[0][1], shown[1][1]}
    assert catalogue.read_whole == 0


async def test_patterns_come_in_the_order_asked_for(client: httpx.AsyncClient) -> None:
    for order, wanted in (("frequent", [1, 2]), ("rare", [2, 1]), ("new", [1, 2]), ("errors", [2, 1])):
        rows = (await client.get("/api/v1/patterns", params={"order": order})).json()["data"]
        assert [row["template_id"] for row in rows] == wanted
        (first,) = (await client.post("/api/v1/patterns", json={"order": order, "limit": 1})).json()["data"]
        assert first == rows[0]
    assert (await client.get("/api/v1/patterns?order=odd")).status_code == 400


async def test_a_template_shows_what_fills_its_parameters(client: httpx.AsyncClient) -> None:
    answer = (await client.get("/api/v1/templates/3?values=2")).json()
    data = answer["data"]
    assert (data["template_id"], data["template"], data["count"]) == (1, "GET /cart/<*> took <*> ms", 540)
    assert data["levels"] == {"info": 540}
    assert {each["value"]: each["count"] for each in data["services"]} == {"cart": 180, "payment": 180, "auth": 180}
    assert (data["first"], data["last"]) == ("2023-11-14T22:14:20.000000000Z", "2023-11-15T08:12:20.000000000Z")
    assert data["sample"] == {"records": 540, "complete": True, "error": 0.0, "unmatched": 0}
    number, took = data["parameters"]
    assert (number["type"], number["distinct"]) == ("integer", {"estimate": 540, "low": 540, "high": 540})
    assert (number["numbers"]["min"], number["numbers"]["max"]) == (1.0, 599.0)
    assert (took["type"], took["unit"], took["distinct"]["estimate"]) == ("integer", "ms", 7)
    counts = {each["value"]: each["count"] for each in took["values"]}
    assert all(sum(i % 7 == int(value) for i in range(600) if i % 10) == count for value, count in counts.items())
    assert answer["exact"]


async def test_only_the_records_of_the_question_count(client: httpx.AsyncClient) -> None:
    path = "/api/v1/templates/1?q=service:auth&from=2023-11-14T22:13:20Z&to=2023-11-14T22:23:20Z"
    data = (await client.get(path)).json()["data"]
    assert (data["count"], [each["value"] for each in data["services"]]) == (3, ["auth"])
    asked = {"q": "service:auth", "from": "2023-11-14T22:13:20Z", "to": "2023-11-14T22:23:20Z"}
    assert (await client.post("/api/v1/templates/1", json=asked)).json()["data"] == data
    nothing = (await client.get("/api/v1/templates/1?q=service:nobody")).json()["data"]
    assert (nothing["count"], nothing["first"], nothing["levels"], nothing["services"]) == (0, None, {}, [])
    assert [each["values"] for each in nothing["parameters"]] == [[], []]


async def test_a_sample_says_that_it_is_one(client: httpx.AsyncClient) -> None:
    data = (await client.get("/api/v1/templates/1?sample=100")).json()["data"]
    assert data["count"] == 540
    assert 50 < data["sample"]["records"] < 140
    assert (data["sample"]["complete"], data["sample"]["error"] > 0.1) == (False, True)
    distinct = data["parameters"][0]["distinct"]
    assert distinct["low"] <= 540 <= distinct["high"] * 1.3


async def test_what_groups_and_who_is_unknown_are_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/templates/99")).status_code == 404
    assert (await client.get("/api/v1/templates/0")).status_code == 400
    assert (await client.put("/api/v1/templates/99", json={"name": "x"})).status_code == 404
    assert (await client.get("/api/v1/templates/1?q=*%20|%20stats%20count()")).status_code == 400
    csv = await client.get("/api/v1/templates/1?values=1", headers={"accept": "text/csv"})
    assert csv.text.splitlines()[0] == "place,type,unit,distinct,value,count,share"


async def test_names_and_owners_are_kept_with_every_change(client: httpx.AsyncClient, labels: TemplateLabels) -> None:
    said = {"name": "cart lookups", "owner": "team-cart", "author": "ann"}
    made = (await client.put("/api/v1/templates/1", json=said)).json()
    assert {name: made[name] for name in said} == said
    await client.put("/api/v1/templates/1", json=said | {"owner": "team-web"})
    data = (await client.get("/api/v1/templates/1")).json()["data"]
    assert (data["name"], data["owner"]) == ("cart lookups", "team-web")
    assert [each["owner"] for each in data["label_history"]] == ["team-web", "team-cart"]
    listed = (await client.get("/api/v1/templates?owner=team-web")).json()
    assert [row["template_id"] for row in listed["data"]] == [1]
    assert [row["template_id"] for row in (await client.get("/api/v1/templates?owner=")).json()["data"]] == [2]
    assert [row["template_id"] for row in (await client.get("/api/v1/templates?text=LOOKUPS")).json()["data"]] == [1]
    patterns = (await client.get("/api/v1/patterns")).json()["data"]
    assert [(row["name"], row["owner"]) for row in patterns] == [("cart lookups", "team-web"), (None, None)]
    await client.put("/api/v1/templates/1", json={})
    assert (await client.get("/api/v1/templates/1")).json()["data"]["name"] is None


async def test_a_merge_keeps_records_labels_and_their_history(
    client: httpx.AsyncClient, catalogue: Catalogue, labels: TemplateLabels
) -> None:
    await client.put("/api/v1/templates/2", json={"name": "declines", "owner": "team-pay"})
    catalogue.merge(2, 1)
    data = (await client.get("/api/v1/templates/2")).json()["data"]
    assert (data["template_id"], data["name"], data["owner"]) == (1, "declines", "team-pay")
    assert (data["count"], data["levels"]) == (600, {"info": 540, "error": 60})
    assert [(each["template_id"], each["count"]) for each in data["members"]] == [(3, 300), (1, 240), (2, 60)]
    assert {labels.owner(DEFAULT_TENANT, number, catalogue) for number in (1, 2)} == {"team-pay"}
    # The template's own label goes before those it inherited, whatever came later.
    labels.put(DEFAULT_TENANT, Label(1, "carts", "team-cart", "", 5))
    assert labels.owner(DEFAULT_TENANT, 1, catalogue) == "team-cart"
    data = (await client.get("/api/v1/templates/2")).json()["data"]
    assert data["name"] == "carts"
    assert {each["name"] for each in data["label_history"]} == {"carts", "declines"}


def test_labels_survive_a_restart_and_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    labels = TemplateLabels(tmp_path / "labels.db")
    for time_ns in range(105):
        labels.put(DEFAULT_TENANT, Label(7, f"name {time_ns}", "o", "a", time_ns))
    labels.put(DEFAULT_TENANT, Label(8, "gone", "", "", 1))
    labels.put(DEFAULT_TENANT, Label(8, "", "", "", 2))
    labels.close()
    labels = TemplateLabels(tmp_path / "labels.db")
    assert {number: each.name for number, each in labels.all(DEFAULT_TENANT, {}).items()} == {7: "name 104"}
    history = labels.history(DEFAULT_TENANT, [7])
    assert (len(history), history[0].name, history[-1].name) == (100, "name 104", "name 5")
    monkeypatch.setattr("heimdall.query.templatelabels.MAX_LABELS", 2)
    with pytest.raises(InvalidInput, match="no more can"):
        labels.put(DEFAULT_TENANT, Label(9, "x", "", "", 3))
    labels.close()
