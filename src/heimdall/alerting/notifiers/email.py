"""E-mail by SMTP: plain text and HTML, the alerts as an inline chart of their severities.

One message an event; `Message-ID` is made of the notification's key, so a mail that is sent twice is one for clients
that tell mails apart by it, and further events of an incident answer its first mail (`References`).
"""

from __future__ import annotations

import html
import smtplib
import ssl
from collections import Counter
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate

from heimdall.alerting.notification import Notification
from heimdall.alerting.notifiers.chart import bars_png
from heimdall.alerting.notifiers.wording import headline, summary
from heimdall.clock import Clock
from heimdall.errors import Refused, Unavailable

TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where mails are handed in."""

    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    user: str
    password: str
    tls: str
    """`starttls` (587), `tls` (465), or `none` for a server of this machine."""
    ca: str
    """File with the certificates to trust; empty = the system's."""


class Email:
    """Satisfies `Notifier`."""

    def __init__(self, mailbox: Mailbox, clock: Clock) -> None:
        self._mailbox = mailbox
        self._clock = clock

    def send(self, notification: Notification) -> None:
        message = mail(notification, self._mailbox, self._clock.time_ns() / 1e9)
        try:
            with self._connected() as server:
                server.send_message(message, self._mailbox.sender, list(self._mailbox.to))
        except smtplib.SMTPRecipientsRefused as exc:
            codes = [code for code, _ in exc.recipients.values()]
            raise (Refused if all(code >= 500 for code in codes) else Unavailable)(
                f"recipients refused: {exc}"
            ) from exc
        except smtplib.SMTPResponseException as exc:
            told = f"{self._mailbox.host}: {exc.smtp_code} {_text(exc.smtp_error)}"
            login = isinstance(exc, smtplib.SMTPAuthenticationError)
            raise (Refused if exc.smtp_code >= 500 and not login else Unavailable)(told) from exc
        except (OSError, smtplib.SMTPException) as exc:
            raise Unavailable(f"{self._mailbox.host}: {type(exc).__name__}: {exc}") from exc

    def close(self) -> None:
        pass

    def _connected(self) -> smtplib.SMTP:
        box = self._mailbox
        context = ssl.create_default_context(cafile=box.ca or None)
        if box.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(box.host, box.port, timeout=TIMEOUT_S, context=context)
        else:
            server = smtplib.SMTP(box.host, box.port, timeout=TIMEOUT_S)
        try:
            if box.tls == "starttls":
                server.starttls(context=context)
            if box.user:
                server.login(box.user, box.password)
        except BaseException:
            server.close()
            raise
        return server


def mail(notification: Notification, box: Mailbox, time_s: float) -> EmailMessage:
    message = EmailMessage()
    title = " ".join(headline(notification).split())[:200]
    domain = box.sender.rpartition("@")[2].strip(">") or "heimdall"
    message["Subject"] = title
    message["From"] = box.sender
    message["To"] = ", ".join(box.to)
    message["Date"] = formatdate(time_s)
    message["Message-ID"] = f"<{notification.key}@{domain}>"
    message["References"] = f"<{notification.incident}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    lines = summary(notification)
    queries = [alert.query for alert in notification.shown[:3]]
    message.set_content("\n".join([title, "", *lines, "", *queries, "", notification.url]))
    message.add_alternative(_html(notification, title, lines, queries), subtype="html")
    part = message.get_payload()[1]  # type: ignore[index]
    counts = Counter(alert.severity for alert in notification.shown)
    chart = bars_png([counts.get(severity, 0) for severity in ("P1", "P2", "P3")])
    part.add_related(chart, "image", "png", cid="<chart>", filename="alerts.png")  # type: ignore[union-attr]
    return message


def _html(notification: Notification, title: str, lines: list[str], queries: list[str]) -> str:
    items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
    asked = "".join(f"<pre>{html.escape(query)}</pre>" for query in queries)
    url = html.escape(notification.url, quote=True)
    link = f'<p><a href="{url}">Open incident</a></p>' if url else ""
    legend = "Alerts shown, by severity: P1, P2, P3"
    return (
        f"<html><body><h2>{html.escape(title)}</h2><ul>{items}</ul>"
        f'<p><img src="cid:chart" alt="{legend}" width="240" height="80"><br>{legend}</p>{asked}{link}</body></html>'
    )


def _text(error: bytes | str) -> str:
    return error.decode(errors="replace") if isinstance(error, bytes) else str(error)
