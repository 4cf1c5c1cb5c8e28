"""Somebody else does it: a signed `POST` that asks for it, and another that asks to take it back.

The body is one JSON object:

    {"run": "3f2a…", "action": "open-breaker", "do": "apply" | "undo", "incident": "…", "alert": "…",
     "statement": "…", "labels": {"service": "payment", …}, "parameters": {…}}

`parameters` are the action's own, as the file has them. `Idempotency-Key` is `<run>-apply` or `<run>-undo`, the same
for every try; `X-Heimdall-Signature` is made as a notification's. A 2xx means that it is done. What became of a request
without an answer is asked at `status_url`: `GET …?key=<Idempotency-Key>` answers `{"state": "done"}` or
`{"state": "not_done"}`. Without one, `idempotent = true` promises that the same key twice is once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from heimdall.alerting.keys import only
from heimdall.alerting.mitigation.action import Call, Outcome, Plan, Target
from heimdall.alerting.notifiers.outbound import Outbound
from heimdall.alerting.notifiers.webhook import signature
from heimdall.alerting.routing import secret
from heimdall.clock import Clock
from heimdall.errors import Misconfigured, Unavailable


class ActionWebhook:
    """Satisfies `Action`."""

    def __init__(
        self,
        name: str,
        outbound: Outbound,
        status: Outbound | None,
        clock: Clock,
        *,
        secret: str,
        idempotent: bool,
        undoable: bool,
        parameters: Mapping[str, Any],
    ) -> None:
        self._name = name
        self._outbound = outbound
        self._status = status
        self._clock = clock
        self._secret = secret
        self._idempotent = idempotent
        self._undoable = undoable
        self._parameters = parameters

    def target(self, labels: Mapping[str, str]) -> Target:
        """One a service: a webhook that was asked for another's may be asked again."""
        return Target("webhook", "/".join(part for part in (self._name, labels.get("service", "")) if part))

    def plan(self, call: Call) -> Plan:
        self._outbound.check()
        does = f"ask {self._outbound.place} to apply {self._name} for {self.target(call.labels).name}"
        return Plan(does=does, undoes=f"ask {self._outbound.place} to undo it" if self._undoable else "")

    def apply(self, call: Call, plan: Plan) -> None:
        self._send(call, "apply")

    def check(self, call: Call, plan: Plan) -> Outcome:
        return self._outcome(call, "apply")

    def undo(self, call: Call, plan: Plan) -> None:
        self._send(call, "undo")

    def check_undo(self, call: Call, plan: Plan) -> Outcome:
        return self._outcome(call, "undo")

    def close(self) -> None:
        self._outbound.close()
        if self._status is not None:
            self._status.close()

    def _send(self, call: Call, do: str) -> None:
        body = orjson.dumps(
            {
                "run": call.id, "action": self._name, "do": do, "incident": call.incident, "alert": call.alert,
                "statement": call.statement, "labels": dict(call.labels), "parameters": dict(self._parameters),
            }
        )  # fmt: skip
        self._outbound.post(body, {"Idempotency-Key": f"{call.id}-{do}", **self._signed(body)})

    def _outcome(self, call: Call, do: str) -> Outcome:
        if self._status is None:
            return Outcome.NOT_DONE if self._idempotent else Outcome.UNKNOWABLE
        answer = self._status.get(self._signed(b""), {"key": f"{call.id}-{do}"})
        try:
            return {"done": Outcome.DONE, "not_done": Outcome.NOT_DONE}[orjson.loads(answer)["state"]]
        except (orjson.JSONDecodeError, KeyError, TypeError) as exc:
            raise Unavailable(f"{self._status.place} did not say whether {call.id}-{do} is done") from exc

    def _signed(self, body: bytes) -> dict[str, str]:
        if not self._secret:
            return {}
        return {"X-Heimdall-Signature": signature(self._secret, body, self._clock.time_ns() // 10**9)}


def open_webhook(
    settings: Mapping[str, Any], name: str, clock: Clock, environment: Mapping[str, str], what: str
) -> ActionWebhook:
    """Raises Misconfigured."""
    only(settings, {"url", "status_url", "secret", "allow_private", "idempotent", "undo", "parameters"}, what)
    for key in ("allow_private", "idempotent", "undo"):
        if not isinstance(settings.get(key, False), bool):
            raise Misconfigured(f"{what}: {key} must be true or false")
    if "url" not in settings:
        raise Misconfigured(f"{what}: needs url")
    parameters = settings.get("parameters", {})
    if not isinstance(parameters, Mapping):
        raise Misconfigured(f"{what}: parameters must be a table")
    private = settings.get("allow_private", False)
    texts = {
        key: secret(settings[key], f"{what}: {key}", environment)
        for key in ("url", "status_url", "secret")
        if key in settings
    }
    status = Outbound(texts["status_url"], what, allow_private=private) if "status_url" in texts else None
    return ActionWebhook(
        name, Outbound(texts["url"], what, allow_private=private), status, clock, secret=texts.get("secret", ""),
        idempotent=settings.get("idempotent", False), undoable=settings.get("undo", False), parameters=parameters,
    )  # fmt: skip
