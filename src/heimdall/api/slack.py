"""Buttons pressed in Slack: each request proves that it comes from Slack before anything in it is read.

Source: Slack's references "Verifying requests from Slack" (signature version v0) and of `block_actions` payloads.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import parse_qs

import orjson
from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from heimdall.alerting.manager import AlertManager
from heimdall.alerting.notifiers import slackbot
from heimdall.alerting.notifiers.slackbot import SILENCE_FOR, SlackBot
from heimdall.clock import Clock
from heimdall.errors import HeimdallError, InvalidInput, NotFound, Unauthenticated
from heimdall.model.batch import DEFAULT_TENANT
from heimdall.query.literals import parse_duration

OLDEST_S = 300
"""Age, by Slack's clock and ours, at which a request may be a recorded one."""


def slack_routes(bots: Sequence[SlackBot], manager: AlertManager, clock: Clock) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["alerts"])

    @router.post("/slack/interactions", summary="A button pressed in Slack; the app's Interactivity Request URL")
    async def interaction(request: Request) -> Response:
        body = await request.body()
        sent = request.headers.get("X-Slack-Request-Timestamp", "")
        given = request.headers.get("X-Slack-Signature", "")
        bot = _sender(bots, body, sent, given, clock.time_ns() // 10**9)
        incident, action, author = _pressed(body)
        told = await run_in_threadpool(_act, manager, clock, incident, action, author)
        return Response(status_code=200, background=BackgroundTask(bot.reply, incident, told) if told else None)

    return router


def signature(secret: str, body: bytes, sent: str) -> str:
    """Value of `X-Slack-Signature`; `sent`: that of `X-Slack-Request-Timestamp`."""
    made = hmac.new(secret.encode(), b"v0:" + sent.encode() + b":" + body, hashlib.sha256).hexdigest()
    return f"v0={made}"


def _sender(bots: Sequence[SlackBot], body: bytes, sent: str, given: str, now_s: int) -> SlackBot:
    """The bot whose app signed the request. Raises NotFound, Unauthenticated."""
    signed = [bot for bot in bots if bot.signing_secret]
    if not signed:
        raise NotFound("no channel of kind slack-bot has a signing_secret; buttons need one")
    if not (sent.isascii() and sent.isdigit()) or abs(now_s - int(sent[:15])) > OLDEST_S:
        raise Unauthenticated("X-Slack-Request-Timestamp is missing or more than five minutes off; check the clock")
    for bot in signed:
        if hmac.compare_digest(signature(bot.signing_secret, body, sent).encode(), given.encode()):
            return bot
    raise Unauthenticated("X-Slack-Signature does not match; signing_secret must be that of the Slack app")


def _pressed(body: bytes) -> tuple[str, str, str]:
    """Incident, action and who pressed. Raises InvalidInput."""
    try:
        payload = orjson.loads(parse_qs(body.decode(), strict_parsing=True)["payload"][0])
        action, user = payload["actions"][0], payload["user"]
        who = user.get("username") or user.get("name") or user["id"]
        return str(action["value"])[:64], str(action["action_id"]), f"{str(who)[:150]} (Slack)"
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as exc:
        raise InvalidInput("this is no press of a button: a form with a payload of block_actions is expected") from exc


def _act(manager: AlertManager, clock: Clock, incident: str, action: str, author: str) -> str:
    """What to answer in the incident's thread; empty where its news says it."""
    try:
        match action:
            case slackbot.ACKNOWLEDGE:
                manager.acknowledge(DEFAULT_TENANT, incident, author)
            case slackbot.SILENCE:
                end_ns = clock.time_ns() + (parse_duration(SILENCE_FOR) or 0)
                silence = manager.silence_incident(DEFAULT_TENANT, incident, end_ns, author)
                what = ", ".join(f"{name} {value}" for name, value in silence.matchers.terms)
                return f"Silenced for {SILENCE_FOR} by {author}: {what}"
            case _:
                return ""
    except HeimdallError as exc:
        return f"Not done: {exc}"
    return ""
