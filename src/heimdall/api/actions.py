"""Routes about actions: what was and would be done about incidents, and people's word on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from heimdall.alerting.alert import Alert, alert_of_labels
from heimdall.alerting.manager import AlertManager
from heimdall.alerting.mitigation.mitigator import Mitigator
from heimdall.alerting.mitigation.run import OPEN, Run, State
from heimdall.api.answers import respond_data
from heimdall.clock import Clock
from heimdall.errors import InvalidInput, NotFound
from heimdall.model.batch import DEFAULT_TENANT, TenantId
from heimdall.model.timerange import format_time

_ID = Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]
_Token = Annotated[
    str, Header(alias="Authorization", description="`Bearer` and the token of `[approval]`, if it has one")
]
_Author = Annotated[str, Field(max_length=200, description="who does it")]


class ActionsParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    state: Annotated[str | None, Field(description="`open`, or one of the states")] = None
    incident: Annotated[str | None, Field(description="only about this incident")] = None
    action: Annotated[str | None, Field(description="only of this name")] = None
    limit: Annotated[int, Field(ge=1, le=1_000, description="at most, newest first")] = 100


class DecisionBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    author: _Author = ""


class StopBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    author: _Author = ""
    reason: Annotated[str, Field(max_length=1_000)] = ""


class SimulateBody(BaseModel):
    """An incident that is there, or the labels of an alert that might be."""

    model_config = ConfigDict(extra="forbid")

    incident: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9._-]{1,128}$")] = None
    labels: Annotated[
        dict[str, str], Field(max_length=50, description="`service`, `severity`, `rule` and what it is grouped by")
    ] = {}


def action_routes(mitigator: Mitigator, alerts: AlertManager, clock: Clock) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["actions"])
    decisions = mitigator.decisions

    @router.get("/actions", summary="Runs of actions, newest first")
    async def runs(parameters: Annotated[ActionsParameters, Query()]) -> Response:
        began = clock.monotonic()
        found = await run_in_threadpool(_runs, mitigator, parameters)
        stop = await run_in_threadpool(mitigator.store.stop)
        took_ms = (clock.monotonic() - began) * 1e3
        stopped = (
            None if stop is None else {"author": stop.author, "reason": stop.reason, "time": format_time(stop.time_ns)}
        )
        return respond_data([run_row(run) for run in found], took_ms=took_ms, stopped=stopped)

    @router.post("/actions/stop", summary="Change no target any more, until it is resumed")
    async def stop_all(body: StopBody) -> dict[str, Any]:
        made = await run_in_threadpool(decisions.stop_all, body.author or "somebody", body.reason)
        return {"author": made.author, "reason": made.reason, "time": format_time(made.time_ns)}

    @router.post("/actions/resume", status_code=204, summary="Let actions happen again")
    async def resume(body: DecisionBody, authorization: _Token = "") -> Response:
        _authorise(mitigator, authorization)
        await run_in_threadpool(decisions.resume)
        return Response(status_code=204)

    @router.post("/actions/simulate", summary="What actions would do about an alert; targets are read, nothing is done")
    async def simulate(body: SimulateBody) -> Response:
        began = clock.monotonic()
        rows = await run_in_threadpool(_simulated, mitigator, alerts, body, clock.time_ns())
        return respond_data(rows, took_ms=(clock.monotonic() - began) * 1e3)

    @router.get("/actions/{run_id}", summary="A run with every step of it")
    async def show(run_id: _ID) -> dict[str, Any]:
        return await run_in_threadpool(_detail, mitigator, run_id)

    @router.post("/actions/{run_id}/approve", summary="Let a run that waits happen")
    async def approve(run_id: _ID, body: DecisionBody, authorization: _Token = "") -> dict[str, Any]:
        return await run_in_threadpool(_decide, mitigator, decisions.approve, run_id, body.author, authorization)

    @router.post("/actions/{run_id}/reject", summary="Keep a run from happening")
    async def reject(run_id: _ID, body: DecisionBody, authorization: _Token = "") -> dict[str, Any]:
        return await run_in_threadpool(_decide, mitigator, decisions.reject, run_id, body.author, authorization)

    @router.post("/actions/{run_id}/undo", summary="Take back what a run did")
    async def undo(run_id: _ID, body: DecisionBody, authorization: _Token = "") -> dict[str, Any]:
        return await run_in_threadpool(_decide, mitigator, decisions.undo, run_id, body.author, authorization)

    return router


def _runs(mitigator: Mitigator, parameters: ActionsParameters) -> list[Run]:
    terms, values = ["tenant = ?"], [str(DEFAULT_TENANT)]
    if parameters.state == "open":
        terms.append(f"state IN ({', '.join('?' * len(OPEN))})")
        values += OPEN
    elif parameters.state is not None:
        if parameters.state not in list(State):
            raise InvalidInput(f"state must be open or one of {', '.join(State)}")
        terms.append("state = ?")
        values.append(parameters.state)
    for column, value in (("incident", parameters.incident), ("action", parameters.action)):
        if value is not None:
            terms.append(f"{column} = ?")
            values.append(value)
    return mitigator.store.runs(" AND ".join(terms), values, parameters.limit)


def _detail(mitigator: Mitigator, run_id: str) -> dict[str, Any]:
    run = mitigator.store.get(run_id)
    if run is None or run.tenant != DEFAULT_TENANT:
        raise NotFound(f"there is no action {run_id}")
    steps = [_timed(asdict(step)) for step in mitigator.store.steps(run_id)]
    return run_row(run) | {"before": run.before, "after": run.after, "steps": steps}


def _decide(
    mitigator: Mitigator, decide: Callable[[TenantId, str, str], Run], run_id: str, author: str, authorization: str
) -> dict[str, Any]:
    _authorise(mitigator, authorization)
    decide(DEFAULT_TENANT, run_id, author or "somebody")
    return _detail(mitigator, run_id)


def _authorise(mitigator: Mitigator, authorization: str) -> None:
    scheme, _, token = authorization.partition(" ")
    mitigator.decisions.authorise(token.strip() if scheme.lower() == "bearer" else "")


def _simulated(mitigator: Mitigator, alerts: AlertManager, body: SimulateBody, now_ns: int) -> list[dict[str, Any]]:
    if (body.incident is None) == (not body.labels):
        raise InvalidInput('name an "incident", or the "labels" of an alert')
    asked = [alert_of_labels(body.labels, now_ns)] if body.incident is None else _alerts_of(alerts, body.incident)
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for alert in asked:
        for each in mitigator.simulate(alert):
            rows.setdefault((each.action, each.target), asdict(each) | {"alert": alert.key})
    return list(rows.values())


def _alerts_of(alerts: AlertManager, incident: str) -> list[Alert]:
    found = alerts.store.alerts("incident = ? AND tenant = ?", [incident, DEFAULT_TENANT], 100)
    if not found:
        raise NotFound(f"there is no incident {incident} with alerts")
    return found


_INNER = frozenset({"tenant", "version", "before", "after", "worse_in_a_row"})


def run_row(run: Run) -> dict[str, Any]:
    """As JSON has it: times as text, under their names without the unit."""
    return _timed({name: value for name, value in run.as_row().items() if name not in _INNER})


def _timed(row: dict[str, Any]) -> dict[str, Any]:
    return {
        name.removesuffix("_ns"): (format_time(value) if value else None) if name.endswith("_ns") else value
        for name, value in row.items()
    }
