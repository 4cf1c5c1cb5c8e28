"""Routes about rules and what came of them: alerts, incidents, silences."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from heimdall.alerting.alert import Matchers
from heimdall.alerting.manager import AlertManager
from heimdall.alerting.store import OWNED
from heimdall.api.answers import respond_data
from heimdall.clock import Clock
from heimdall.errors import NotFound
from heimdall.insight.rules.backtest import BackTest, back_test
from heimdall.insight.rules.book import RuleBook
from heimdall.insight.rules.firing import Firing
from heimdall.insight.rules.rule import Rule, rule_of
from heimdall.model.batch import DEFAULT_TENANT
from heimdall.model.timerange import format_time, parse_time
from heimdall.query.literals import parse_duration
from heimdall.query.service import QueryService

_TIME = "RFC 3339, epoch, `now`, or relative such as `-15m`"
_ID = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")]


class AlertsParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    state: Annotated[
        Literal["firing", "acknowledged", "resolved", "open"] | None, Field(description="`open`: not resolved")
    ] = None
    service: Annotated[str | None, Field(description="only of this service")] = None
    rule: Annotated[str | None, Field(description="only of this rule")] = None
    incident: Annotated[str | None, Field(description="only of this incident")] = None
    limit: Annotated[int, Field(ge=1, le=1_000, description="at most, newest first")] = 100


class IncidentsParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    state: Annotated[
        Literal["firing", "acknowledged", "resolved", "open"] | None, Field(description="`open`: not resolved")
    ] = None
    owner: Annotated[str | None, Field(description="only with alerts of this owner")] = None
    limit: Annotated[int, Field(ge=1, le=1_000, description="at most, newest first")] = 100


class ActionBody(BaseModel):
    """What somebody does about an incident."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["acknowledge", "resolve", "comment"]
    author: Annotated[str, Field(max_length=200, description="who does it")] = ""
    text: Annotated[str, Field(max_length=4_000, description="of a comment")] = ""


class SilenceBody(BaseModel):
    """Alerts that match are kept but not told."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    matchers: Annotated[
        dict[str, str], Field(max_length=20, description="label (rule, severity, service, …) → value, or `/RE2/`")
    ]
    start: Annotated[str | int, Field(alias="from", description=_TIME)] = "now"
    end: Annotated[str | int, Field(alias="to", description=f"{_TIME}, or `2h` from its start")]
    comment: Annotated[str, Field(max_length=1_000)] = ""
    author: Annotated[str, Field(max_length=200)] = ""


class TestBody(BaseModel):
    """A rule to be tried on what is stored. Nothing is kept."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    rule: Annotated[dict[str, Any], Field(description="as `docs/guides/alerting.md` describes it")]
    start: Annotated[str | int, Field(alias="from", description=_TIME)] = "-24h"
    end: Annotated[str | int, Field(alias="to", description=_TIME)] = "now"


def alert_routes(manager: AlertManager, clock: Clock) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["alerts"])

    @router.get("/alerts", summary="Alerts, newest first")
    async def alerts(parameters: Annotated[AlertsParameters, Query()]) -> Response:
        began = clock.monotonic()
        rows = await run_in_threadpool(_alerts, manager, parameters, clock.time_ns())
        return respond_data(rows, took_ms=(clock.monotonic() - began) * 1e3)

    @router.get("/incidents", summary="Incidents, newest first")
    async def incidents(parameters: Annotated[IncidentsParameters, Query()]) -> Response:
        began = clock.monotonic()
        terms, values = _state_terms(parameters.state)
        if parameters.owner is not None:
            terms, values = [*terms, OWNED], [*values, parameters.owner]
        found = await run_in_threadpool(manager.store.incidents, " AND ".join(terms), values, parameters.limit)
        return respond_data([_timed(each.as_row()) for each in found], took_ms=(clock.monotonic() - began) * 1e3)

    @router.get("/incidents/{incident_id}", summary="An incident with its timeline, alerts and notifications")
    async def incident(incident_id: _ID) -> dict[str, Any]:
        return await run_in_threadpool(_incident, manager, incident_id)

    @router.post("/incidents/{incident_id}", summary="Acknowledge, resolve or comment an incident")
    async def act(incident_id: _ID, body: ActionBody) -> dict[str, Any]:
        return await run_in_threadpool(_act, manager, incident_id, body)

    @router.get("/silences", summary="Silences, the last to end first")
    async def silences() -> Response:
        return respond_data([_timed(each.as_row()) for each in manager.silences()], took_ms=0.0)

    @router.post("/silences", status_code=201, summary="Silence alerts for a while")
    async def silence(body: SilenceBody) -> dict[str, Any]:
        now_ns = clock.time_ns()
        start_ns = parse_time(str(body.start), now_ns=now_ns)
        end_ns = _end_ns(str(body.end), start_ns, now_ns)
        matchers = Matchers.of(body.matchers, "silence")
        made = await run_in_threadpool(manager.silence, matchers, start_ns, end_ns, body.comment, body.author)
        return _timed(made.as_row())

    @router.delete("/silences/{silence_id}", status_code=204, summary="End a silence now")
    async def end_silence(silence_id: _ID) -> Response:
        await run_in_threadpool(manager.end_silence, silence_id)
        return Response(status_code=204)

    return router


def rule_routes(book: RuleBook, queries: QueryService, clock: Clock) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["rules"])

    @router.get("/rules", summary="All rules")
    async def rules() -> Response:
        return respond_data([rule.as_row() for rule in book.rules()], took_ms=0.0)

    @router.get("/rules/{rule_id}", summary="A rule")
    async def rule(rule_id: _ID) -> dict[str, Any]:
        return book.get(rule_id).as_row()

    @router.post("/rules", status_code=201, summary="Keep a rule, or several; one of the same id is replaced")
    async def put(body: dict[str, Any] | list[dict[str, Any]]) -> dict[str, Any]:
        return await run_in_threadpool(_put, book, body)

    @router.delete("/rules/{rule_id}", status_code=204, summary="Delete a rule that was kept by the API")
    async def delete(rule_id: _ID) -> Response:
        await run_in_threadpool(book.delete, rule_id)
        return Response(status_code=204)

    @router.post("/rules/test", summary="What a rule would have said of stored records")
    async def test(body: TestBody) -> dict[str, Any]:
        now_ns = clock.time_ns()
        tried = _rule(body.rule)
        start_ns, end_ns = (parse_time(str(text), now_ns=now_ns) for text in (body.start, body.end))
        return _test_row(await run_in_threadpool(back_test, tried, queries, start_ns, end_ns))

    return router


def _rule(given: dict[str, Any]) -> Rule:
    own = dict(given)
    source = own.pop("source", "") or "api"
    return rule_of(own, source=str(source)[:200])


def _put(book: RuleBook, body: dict[str, Any] | list[dict[str, Any]]) -> dict[str, Any]:
    kept = [_rule(each) for each in (body if isinstance(body, list) else [body])]
    book.put(kept)
    return {"kept": [rule.id for rule in kept]}


def _state_terms(state: str | None) -> tuple[list[str], list[str]]:
    terms, values = ["tenant = ?"], [str(DEFAULT_TENANT)]
    if state is not None:
        terms.append("state != ?" if state == "open" else "state = ?")
        values.append("resolved" if state == "open" else state)
    return terms, values


def _alerts(manager: AlertManager, parameters: AlertsParameters, now_ns: int) -> list[dict[str, Any]]:
    terms, values = _state_terms(parameters.state)
    for column, value in (
        ("incident", parameters.incident),
        ("json_extract(body, '$.service')", parameters.service),
        ("json_extract(body, '$.rule')", parameters.rule),
    ):
        if value is not None:
            terms.append(f"{column} = ?")
            values.append(value)
    found = manager.store.alerts(" AND ".join(terms), values, parameters.limit)
    return [_timed(alert.as_row()) | {"silenced": manager.is_silenced(alert, now_ns)} for alert in found]


def _incident(manager: AlertManager, incident_id: str) -> dict[str, Any]:
    found = manager.store.incidents("id = ? AND tenant = ?", [incident_id, DEFAULT_TENANT], 1)
    if not found:
        raise NotFound(f"there is no incident {incident_id}")
    alerts = manager.store.alerts("incident = ?", [incident_id], 1_000)
    return _timed(found[0].as_row()) | {
        "timeline": [_timed(entry) for entry in manager.store.timeline(incident_id)],
        "members": [_timed(alert.as_row()) for alert in alerts],
        "notifications": [_timed(each) for each in manager.store.notifications(incident_id)],
    }


def _act(manager: AlertManager, incident_id: str, body: ActionBody) -> dict[str, Any]:
    author = body.author or "somebody"
    match body.action:
        case "acknowledge":
            manager.acknowledge(DEFAULT_TENANT, incident_id, author)
        case "resolve":
            manager.resolve(DEFAULT_TENANT, incident_id, author)
        case "comment":
            manager.comment(DEFAULT_TENANT, incident_id, body.text, author)
    return _incident(manager, incident_id)


def _end_ns(text: str, start_ns: int, now_ns: int) -> int:
    """A moment, or a duration from the start."""
    duration = parse_duration(text)
    return start_ns + duration if duration is not None else parse_time(text, now_ns=now_ns)


_TIMES = (
    "started", "detected", "opened", "seen", "resolved", "updated", "told", "start", "end", "time", "made", "began",
    "due",
)  # fmt: skip


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    """Times as text, under their names without the unit; what is only for the node is left out."""
    shown = {name: value for name, value in row.items() if name not in ("tenant", "openings", "sequence", "entries")}
    for name in _TIMES:
        if f"{name}_ns" in shown:
            value = shown.pop(f"{name}_ns")
            shown[name] = None if not value else format_time(value)
    if "quiet_after_ns" in shown:
        shown["quiet_after_s"] = shown.pop("quiet_after_ns") / 1e9
    if "escalations" in shown:
        shown["escalations"] = [_timed(each) for each in shown["escalations"]]
    return shown


def _test_row(found: BackTest) -> dict[str, Any]:
    return {
        "fired": found.fired,
        "alerts": found.alerts,
        "records": found.records,
        "complete": found.complete,
        "from": format_time(found.start_ns),
        "to": format_time(found.end_ns),
        "firings": [_firing_row(firing) for firing in found.firings],
    }


def _firing_row(firing: Firing) -> dict[str, Any]:
    return {
        "statement": firing.statement,
        "severity": firing.severity,
        "labels": dict(firing.labels),
        "service": firing.service,
        "value": firing.value,
        "records": firing.records,
        "started": format_time(firing.started_ns),
        "detected": format_time(firing.detected_ns),
        "examples": list(firing.examples),
        "query": firing.query,
        "resolved": firing.resolved,
    }
