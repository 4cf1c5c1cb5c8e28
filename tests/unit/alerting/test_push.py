"""Browser push on a recorder of a push service: the RFC's example, proved senders, subscriptions, safe addresses."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from fastapi import FastAPI

from heimdall.alerting.notification import Event
from heimdall.alerting.notifiers.opening import open_notifier, open_push_key
from heimdall.alerting.notifiers.push import Push, shown
from heimdall.alerting.push.encryption import LONGEST_PAYLOAD, encrypted
from heimdall.alerting.push.subscription import MAX_SUBSCRIPTIONS, Subscription, subscription_of
from heimdall.alerting.push.vapid import VapidKey
from heimdall.alerting.routing import ChannelConfig, Routing
from heimdall.alerting.store import AlertStore
from heimdall.api.errors import error_response
from heimdall.api.push import push_routes
from heimdall.clock import ManualClock
from heimdall.errors import HeimdallError, InvalidInput, Misconfigured, Refused, Unavailable
from push_browser import CURVE, PushBrowser, decoded, encoded, vapid_claims
from recorder import Recorder, recording
from unit.alerting.signals import Remembering
from unit.alerting.test_channels import told

RFC_8291 = {
    "plain": "V2hlbiBJIGdyb3cgdXAsIEkgd2FudCB0byBiZSBhIHdhdGVybWVsb24",
    "sender": "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw",
    "browser": "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94",
    "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
    "salt": "DGv6ra1nlYgDCS1FRnbzlw",
    "auth": "BTBZMqHH6r4Tts7J_aSIgg",
    "body": "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6"
    "PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN",
}
"""The example of RFC 8291, appendix A."""


def private(text: str) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(decoded(text), "big"), CURVE)


def subscription(browser: PushBrowser, endpoint: str) -> Subscription:
    keys = browser.keys
    return subscription_of("desk", endpoint, keys["p256dh"], keys["auth"], 1)


# ---- what is sent -------------------------------------------------------------------------------------------------


def test_the_example_of_the_rfc_is_encrypted_and_decrypted() -> None:
    own = subscription_of("desk", "https://push.example/1", RFC_8291["p256dh"], RFC_8291["auth"], 1)
    body = encrypted(
        decoded(RFC_8291["plain"]), own, sender=private(RFC_8291["sender"]), salt=decoded(RFC_8291["salt"])
    )
    assert encoded(body) == RFC_8291["body"]
    browser = PushBrowser(private(RFC_8291["browser"]), decoded(RFC_8291["auth"]))
    assert browser.keys["p256dh"] == RFC_8291["p256dh"]
    assert browser.decrypt(body) == b"When I grow up, I want to be a watermelon"


def test_every_message_has_a_key_and_a_salt_of_its_own() -> None:
    browser = PushBrowser()
    bodies = [encrypted(b"x", subscription(browser, "https://push.example/1")) for _ in range(2)]
    assert (bodies[0][:16] != bodies[1][:16], bodies[0][21:86] != bodies[1][21:86]) == (True, True)
    assert [browser.decrypt(body) for body in bodies] == [b"x", b"x"]


@pytest.mark.parametrize("text", ["\x01", "😀", '"', "a"])
def test_what_is_told_always_fits(text: str) -> None:
    facts = told(title=text * 5_000, services=[text * 500])
    payload = orjson.dumps(shown(facts))
    assert len(payload) <= LONGEST_PAYLOAD
    assert len(encrypted(payload, subscription(PushBrowser(), "https://push.example/1"))) <= 4_096


def test_a_message_that_is_too_long_is_refused() -> None:
    with pytest.raises(InvalidInput, match="3993 bytes"):
        encrypted(b"x" * 3_994, subscription(PushBrowser(), "https://push.example/1"))


# ---- the node's key -----------------------------------------------------------------------------------------------


def test_the_key_is_made_at_first_use_for_the_node_alone_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "alerting" / "push-key.pem"
    key = VapidKey(path)
    assert not path.exists()
    public = key.public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [file.name for file in path.parent.iterdir()] == ["push-key.pem"]
    assert VapidKey(path).public == public
    point = decoded(public)
    assert (len(point), point[0]) == (65, 4)


def test_a_crash_before_the_key_was_whole_leaves_nothing_that_is_taken_for_one(tmp_path: Path) -> None:
    path = tmp_path / "push-key.pem"
    (tmp_path / "push-key.pem.new").write_bytes(b"-----BEGIN")
    assert VapidKey(path).public == VapidKey(path).public


def test_a_key_that_cannot_be_used_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "push-key.pem"
    path.write_text("broken")
    with pytest.raises(
        Misconfigured, match=r"push-key\.pem cannot be used .*every browser then has to subscribe again"
    ):
        _ = VapidKey(path).public
    assert path.read_text() == "broken"


def test_no_key_is_made_where_nothing_pushes(tmp_path: Path) -> None:
    assert open_push_key(Routing(), tmp_path / "key") is None


# ---- the channel --------------------------------------------------------------------------------------------------


@pytest.fixture
def service() -> Iterator[Recorder]:
    with recording() as server:
        server.answer = lambda request: (201, b"")
        yield server


@pytest.fixture
def memory() -> Remembering:
    return Remembering()


def channel(tmp_path: Path, memory: Any, clock: ManualClock | None = None, **settings: Any) -> Push:
    given = {"subject": "mailto:ops@h.example", "allow_private": True} | settings
    config = ChannelConfig("desk", "push", given)
    made = open_notifier(config, clock or ManualClock(), {}, memory, VapidKey(tmp_path / "key"))
    assert isinstance(made, Push)
    return made


def test_a_browser_reads_what_its_service_cannot_and_knows_who_sent_it(
    tmp_path: Path, service: Recorder, memory: Remembering
) -> None:
    browser, other, clock = PushBrowser(), PushBrowser(), ManualClock()
    memory.subscribed = [subscription(browser, f"{service.url}/a"), subscription(other, f"{service.url}/b")]
    push = channel(tmp_path, memory, clock)
    push.send(told())
    push.send(told(Event.RESOLVE, key="i1-2", severity="P2", shown=[]))
    first, last = service.of("/a")
    assert orjson.loads(browser.decrypt(first.body)) == {
        "title": "P1 pay, cart: Many declined cards", "event": "trigger", "tag": "i1", "path": "/alerts/i1",
        "body": "<!channel> *bold* [link](http://evil) <script>alert(1)</script>\nand 24 more alerts",
    }  # fmt: skip
    assert orjson.loads(browser.decrypt(last.body))["title"] == "Over: P2 pay, cart: Many declined cards"
    with pytest.raises(InvalidTag):
        other.decrypt(first.body)
    assert b"declined" not in first.body
    head = first.headers
    assert (head["content-encoding"], head["ttl"], head["topic"]) == ("aes128gcm", "86400", "i1")
    assert [request.headers["urgency"] for request in (first, last)] == ["high", "normal"]
    claims = vapid_claims(head["authorization"], VapidKey(tmp_path / "key").public)
    assert (claims["aud"], claims["sub"]) == (service.url, "mailto:ops@h.example")
    assert 0 < claims["exp"] - clock.time_ns() / 1e9 <= 86_400


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_ended_its_subscription_is_forgotten(
    tmp_path: Path, service: Recorder, memory: Remembering, status: int
) -> None:
    memory.subscribed = [subscription(PushBrowser(), f"{service.url}/{name}") for name in ("gone", "here")]
    service.answer = lambda request: (status if request.path == "/gone" else 201, b"")
    channel(tmp_path, memory).send(told())
    assert [each.endpoint for each in memory.subscribed] == [f"{service.url}/here"]


def test_only_those_that_did_not_get_it_are_tried_again(tmp_path: Path, service: Recorder, memory: Remembering) -> None:
    memory.subscribed = [subscription(PushBrowser(), f"{service.url}/{name}") for name in ("up", "down", "broken")]
    answers = {"/up": 201, "/down": 503, "/broken": 400}
    service.answer = lambda request: (answers[request.path], b"")
    push = channel(tmp_path, memory)
    with pytest.raises(Unavailable, match="503"):
        push.send(told())
    answers["/down"] = 201
    push.send(told())
    assert [len(service.of(path)) for path in ("/up", "/down")] == [1, 2]


def test_when_nobody_is_there_it_says_so(tmp_path: Path, service: Recorder, memory: Remembering) -> None:
    push = channel(tmp_path, memory)
    with pytest.raises(Refused, match="no browser has subscribed"):
        push.send(told())
    memory.subscribed = [subscription(PushBrowser(), f"{service.url}/a")]
    service.answer = lambda request: (403, b"the key is another one")
    with pytest.raises(Refused, match="403 the key is another one"):
        push.send(told())


def test_an_address_inside_the_network_is_never_asked(tmp_path: Path, service: Recorder, memory: Remembering) -> None:
    inside = f"https://localhost:{service.server_port}/a"
    memory.subscribed = [subscription(PushBrowser(), inside)]
    with pytest.raises(Refused, match="inside a network"):
        channel(tmp_path, memory, allow_private=False).send(told())
    assert service.got == []


@pytest.mark.parametrize("subject", ["ops@h.example", ""])
def test_whoever_runs_the_node_can_be_reached(tmp_path: Path, subject: str) -> None:
    with pytest.raises(Misconfigured, match="subject must be mailto: or https://"):
        channel(tmp_path, Remembering(), subject=subject)


# ---- over HTTP ----------------------------------------------------------------------------------------------------


class Api:
    def __init__(self, tmp_path: Path, **settings: Any) -> None:
        self.store = AlertStore(tmp_path / "alerts.db")
        self.push = channel(tmp_path, self.store, **settings)
        self.key = VapidKey(tmp_path / "key")
        app = FastAPI()
        app.include_router(push_routes({"desk": self.push}, self.key, self.store, ManualClock()))
        app.add_exception_handler(HeimdallError, lambda request, exc: error_response(exc, ""))
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://h")

    async def subscribe(self, endpoint: str, **changes: Any) -> httpx.Response:
        body = {"channel": "desk", "endpoint": endpoint, "keys": PushBrowser().keys, "expirationTime": None}
        return await self.http.post("/api/v1/push/subscriptions", json=body | changes)


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    made = Api(tmp_path)
    yield made
    made.store.close()


async def test_a_browser_subscribes_once_and_ends_it(api: Api, service: Recorder) -> None:
    assert (await api.http.get("/api/v1/push")).json() == {"key": api.key.public, "channels": ["desk"]}
    made = await api.subscribe(f"{service.url}/a")
    assert made.status_code == 201
    again = await api.subscribe(f"{service.url}/a")
    assert (again.json(), len(api.store.subscriptions("desk"))) == (made.json(), 1)
    api.push.send(told())
    assert len(service.got) == 1
    path = f"/api/v1/push/subscriptions/{made.json()['id']}"
    assert [(await api.http.delete(path)).status_code for _ in range(2)] == [204, 404]


@pytest.mark.parametrize(
    ("changes", "status", "complaint"),
    [
        ({"channel": "other"}, 404, "no channel other of kind push; there are desk"),
        ({"keys": {"p256dh": "BA", "auth": encoded(b"x" * 16)}}, 400, "uncompressed point of P-256"),
        ({"keys": {"p256dh": encoded(b"\x04" + b"x" * 64), "auth": "AA"}}, 400, "auth must be 16 bytes"),
        ({"keys": {"p256dh": "!", "auth": "AA"}}, 400, "keys.p256dh must be base64url"),
        ({"endpoint": "https://push.example/" + "x" * 3_000}, 400, "longer than 2048 characters"),
        ({"endpoint": "https://u:p@push.example/"}, 400, "without a password"),
        ({"endpoint": "file:///etc/passwd"}, 400, "http:// or https://"),
    ],
)
async def test_what_no_browser_would_give_is_refused(
    api: Api, changes: dict[str, Any], status: int, complaint: str
) -> None:
    answer = await api.subscribe(**{"endpoint": "https://push.example/1"} | changes)
    assert (answer.status_code, complaint in answer.json()["error"]["message"]) == (status, True), answer.text


@pytest.mark.parametrize("endpoint", ["https://127.0.0.1/a", "https://169.254.169.254/latest", "http://push.example/a"])
async def test_an_endpoint_inside_the_network_cannot_be_subscribed(tmp_path: Path, endpoint: str) -> None:
    api = Api(tmp_path, allow_private=False)
    answer = await api.subscribe(endpoint)
    assert answer.status_code in (400, 422), answer.text
    assert api.store.subscriptions("desk") == []
    api.store.close()


async def test_subscriptions_are_bounded(api: Api) -> None:
    for number in range(MAX_SUBSCRIPTIONS):
        api.store.subscribe(subscription(PushBrowser(), f"https://push.example/{number}"))
    answer = await api.subscribe("http://127.0.0.1:1/one-more")
    assert (answer.status_code, "200 browsers have subscribed" in answer.text) == (400, True)
    assert len(api.store.subscriptions("desk")) == MAX_SUBSCRIPTIONS
