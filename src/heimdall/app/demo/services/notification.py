"""Mails and text messages, in Node.js, from the queue."""

from __future__ import annotations

from heimdall.app.demo.effects import Outcome
from heimdall.app.demo.lines import BROKEN, Draw, Line, Routine, Script

_STACK = (
    "Error: connect ETIMEDOUT 198.51.100.25:587\n"
    "    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1611:16)\n"
    "    at SmtpTransport.send (/srv/notification/dist/smtp.js:72:11)\n"
    "    at async Mailer.deliver (/srv/notification/dist/mailer.js:40:5)"
)

SCRIPT = Script(
    lines=(
        Line(op="send", level="info", logger="mailer",
             message="order confirmation for {order_id} sent to {email} in {took_ms} ms"),
        Line(op="send", level="info", logger="sms", share=0.2, at=1.0,
             message="text message for {order_id} sent to +4915550{number}", draws=(Draw("number", 10_000, 99_999),)),
        Line(op="send", level="error", logger="mailer", outcomes=(Outcome.TRANSIENT,), stack=_STACK,
             message="order confirmation for {order_id} to {email} failed"),
        Line(op="send", level="warn", logger="mailer", outcomes=BROKEN, at=1.0,
             message="delivery of {order_id} put back into the queue, next attempt in {seconds} s",
             draws=(Draw("seconds", 30, 300),)),
    ),
    routines=(
        Routine(period_s=60, level="info", logger="runtime", jitter=0.05,
                message="cpu {cpu_pct}% rss {mem_mib} MiB of {limit_mib} MiB"),
        Routine(period_s=600, level="info", logger="bounces", message="processed {bounces} bounced mails",
                draws=(Draw("bounces", 0, 6),)),
    ),
)  # fmt: skip
