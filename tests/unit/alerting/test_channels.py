"""What each channel says, and e-mail through a real SMTP server."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from heimdall.alerting.notification import AlertFacts, Event, Notification
from heimdall.alerting.notifiers.alertmanager import Alertmanager
from heimdall.alerting.notifiers.opening import open_notifier
from heimdall.alerting.notifiers.pagerduty import event
from heimdall.alerting.notifiers.slack import message as slack_message
from heimdall.alerting.notifiers.teams import message as teams_message
from heimdall.alerting.routing import ChannelConfig
from heimdall.clock import ManualClock
from heimdall.errors import Misconfigured, Refused, Unavailable
from unit.alerting.signals import Remembering

NASTY = "<!channel> *bold* [link](http://evil) <script>alert(1)</script>"
FACTS = AlertFacts(
    key="k", rule="r", title="T", severity="P1", service="pay", labels={"service": "pay"}, state="firing",
    statement=NASTY, started_at="2025-11-24T12:00:00Z", records=3, examples=["line"], query='service:pay "declined"',
)  # fmt: skip


def told(kind: Event = Event.TRIGGER, **changes: Any) -> Notification:
    values: dict[str, Any] = {
        "key": "i1-1", "event": kind, "incident": "i1", "tenant": "default", "title": "Many declined cards",
        "severity": "P1", "services": ["pay", "cart"], "started_at": "2025-11-24T12:00:00Z", "alerts": 25,
        "shown": [FACTS], "flapping": False, "storm": False, "acknowledged_by": "", "url": "https://h.example/i",
    }  # fmt: skip
    return Notification(**values | changes)


def test_slack_gets_a_title_lines_and_a_link_that_log_text_cannot_forge() -> None:
    body = slack_message(told())
    assert body["text"] == "P1 pay, cart: Many declined cards"
    text = str(body)
    assert "&lt;!channel&gt;" in text
    assert "<!channel>" not in text
    assert "and 24 more alerts" in text
    assert "<https://h.example/i|Open incident>" in text


def test_slack_takes_no_section_of_3000_characters() -> None:
    long = AlertFacts(**{**{n: getattr(FACTS, n) for n in FACTS.__slots__}, "statement": "x" * 5_000})
    blocks: Any = slack_message(told(shown=[long]))["blocks"]
    assert max(len(block["text"]["text"]) for block in blocks if "text" in block) < 3_000


def test_teams_gets_a_card() -> None:
    body: Any = teams_message(told())
    card = body["attachments"][0]["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert card["body"][0]["text"].startswith("P1 pay, cart: Many")
    assert r"\[link\]\(http://evil\)" in card["body"][1]["text"]
    assert card["actions"][0]["url"] == "https://h.example/i"


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        (Event.TRIGGER, "trigger"),
        (Event.UPDATE, "trigger"),
        (Event.ACKNOWLEDGE, "acknowledge"),
        (Event.RESOLVE, "resolve"),
    ],
)
def test_pagerduty_knows_an_incident_by_one_key(kind: Event, action: str) -> None:
    body = event(told(kind), "key")
    assert (body["event_action"], body["dedup_key"], body["routing_key"]) == (action, "heimdall-i1", "key")
    assert ("payload" in body) is (action == "trigger")


def test_pagerduty_is_told_how_bad_it_is() -> None:
    payload: Any = event(told(), "key")["payload"]
    assert (payload["severity"], payload["source"], payload["timestamp"]) == ("critical", "pay", "2025-11-24T12:00:00Z")


# ---- e-mail -------------------------------------------------------------------------------------------------------


class _Inbox(Message):
    """Keeps what it takes."""

    def __init__(self) -> None:
        super().__init__()
        self.mails: list[bytes] = []
        self.refuse = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.refuse:
            return self.refuse
        self.mails.append(bytes(envelope.content))
        return "250 taken"

    def handle_message(self, message: Any) -> None:
        raise NotImplementedError


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    command = (
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -keyout key.pem -out cert.pem -subj /CN=localhost "
        "-addext subjectAltName=DNS:localhost"
    )
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    return folder / "cert.pem", folder / "key.pem"


@pytest.fixture
def inbox(certificate: tuple[Path, Path]) -> Iterator[tuple[_Inbox, int]]:
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    kept = _Inbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = Controller(kept, hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True)
    server.start()
    yield kept, port
    server.stop()


def mailer(port: int, ca: str, **settings: str) -> Any:
    given = {"host": "localhost", "port": str(port), "from": "heimdall@h.example", "to": "a@x.example, b@x.example"}
    return open_notifier(
        ChannelConfig("mail", "email", given | {"ca": ca} | settings), ManualClock(), {}, Remembering()
    )


def test_a_mail_has_text_html_and_a_chart(inbox: tuple[_Inbox, int], certificate: tuple[Path, Path]) -> None:
    kept, port = inbox
    mailer(port, str(certificate[0])).send(told())
    (raw,) = kept.mails
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert mail["Subject"] == "P1 pay, cart: Many declined cards"
    assert (mail["Message-ID"], mail["References"]) == ("<i1-1@h.example>", "<i1@h.example>")
    assert mail["To"] == "a@x.example, b@x.example"
    plain, rich = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert 'service:pay "declined"' in plain.get_content()
    assert "&lt;script&gt;" in rich.get_content()
    assert "cid:chart" in rich.get_content()
    (image,) = [part for part in mail.walk() if part.get_content_type() == "image/png"]
    assert image.get_content().startswith(b"\x89PNG")
    assert image["Content-ID"] == "<chart>"


def test_a_server_that_proves_no_name_gets_no_mail(inbox: tuple[_Inbox, int]) -> None:
    kept, port = inbox
    with pytest.raises(Unavailable, match="CERTIFICATE_VERIFY_FAILED"):
        mailer(port, "").send(told())
    assert kept.mails == []


@pytest.mark.parametrize(("answer", "error"), [("451 later", Unavailable), ("554 never", Refused)])
def test_a_server_says_whether_to_try_again(
    inbox: tuple[_Inbox, int], certificate: tuple[Path, Path], answer: str, error: type[Exception]
) -> None:
    kept, port = inbox
    kept.refuse = answer
    with pytest.raises(error, match=answer[:3]):
        mailer(port, str(certificate[0])).send(told())


def test_a_server_that_is_gone_is_tried_again() -> None:
    with pytest.raises(Unavailable):
        mailer(1, "").send(told())


# ---- settings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "settings", "complaint"),
    [
        ("webhook", {}, "needs url"),
        ("webhook", {"url": "https://a.example", "colour": "red"}, "unknown key colour"),
        ("webhook", {"url": "https://a.example", "secret": "env:NOT_THERE"}, "no environment variable NOT_THERE"),
        ("pagerduty", {}, "needs routing_key"),
        ("email", {"host": "h", "from": "a@b", "to": "c@d", "tls": "none", "password": "x"}, "not sent without TLS"),
        ("email", {"host": "h", "from": "a@b\nBcc: x@y", "to": "c@d"}, "must be addresses"),
    ],
)
def test_a_wrong_channel_is_told_at_the_start(kind: str, settings: dict[str, str], complaint: str) -> None:
    with pytest.raises(Misconfigured, match=complaint):
        open_notifier(ChannelConfig("c", kind, settings), ManualClock(), {}, Remembering())


def test_secrets_may_stand_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file\n")
    channel = ChannelConfig("c", "pagerduty", {"routing_key": f"file:{tmp_path / 'key'}"})
    notifier: Any = open_notifier(channel, ManualClock(), {}, Remembering())
    assert notifier._routing_key == "from a file"
    notifier.close()


def test_alertmanager_is_not_told_of_acknowledgements() -> None:
    channel = ChannelConfig("am", "alertmanager", {"url": "http://127.0.0.1:1", "allow_private": True})
    notifier = open_notifier(channel, ManualClock(), {}, Remembering())
    assert isinstance(notifier, Alertmanager)
    notifier.send(told(Event.ACKNOWLEDGE))
    with pytest.raises(Unavailable):
        notifier.send(told())
    notifier.close()
