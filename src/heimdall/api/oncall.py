"""Routes about who is on call: schedules as they stand now, and the overrides that people make."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from heimdall.alerting.oncall import Duty, Override, Schedule, override_moment
from heimdall.alerting.overrides import OnCall
from heimdall.api.answers import respond_data
from heimdall.clock import Clock
from heimdall.errors import InvalidInput
from heimdall.model.timerange import format_time, parse_time
from heimdall.query.literals import parse_duration

_MOMENT = "RFC 3339 or a date, by the schedule's time zone where it names none; `now`; `+2h`"
_ID = Annotated[str, Field(pattern=r"^[0-9a-f]{1,64}$")]


class OnCallParameters(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    at: Annotated[str, Field(description="RFC 3339, epoch, `now`, or relative such as `+1d`")] = "now"
    span: Annotated[str, Field(alias="for", description="how far the turns are shown, at most `92d`")] = "14d"
    schedule: Annotated[str | None, Field(description="only this one")] = None


class OverrideBody(BaseModel):
    """Puts somebody on call for a while, whoever's turn it is."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    schedule: Annotated[str, Field(max_length=200)]
    user: Annotated[str, Field(max_length=200)]
    start: Annotated[str, Field(alias="from", max_length=60, description=_MOMENT)] = "now"
    end: Annotated[str, Field(alias="to", max_length=60, description=f"{_MOMENT}; or `12h` from its start")]
    comment: Annotated[str, Field(max_length=1_000)] = ""
    author: Annotated[str, Field(max_length=200)] = ""


def on_call_routes(on_call: OnCall, clock: Clock) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["alerts"])

    @router.get("/oncall", summary="Who is on call by each schedule, and whose turns come next")
    async def now(parameters: Annotated[OnCallParameters, Query()]) -> Response:
        began = clock.monotonic()
        rows = await run_in_threadpool(_schedules, on_call, parameters, clock.time_ns())
        return respond_data(rows, took_ms=(clock.monotonic() - began) * 1e3)

    @router.get("/oncall/overrides", summary="Overrides that are not over, the newest first")
    async def overrides() -> Response:
        now_ns = clock.time_ns()
        rows = [_override_row(each) for each in on_call.overrides() if each.end_ns > now_ns]
        return respond_data(rows, took_ms=0.0)

    @router.post("/oncall/overrides", status_code=201, summary="Put somebody on call for a while")
    async def override(body: OverrideBody) -> dict[str, Any]:
        schedule = on_call.roster.schedule(body.schedule)
        now_ns = clock.time_ns()
        start_ns = override_moment(body.start, schedule, now_ns)
        duration_ns = parse_duration(body.end)
        end_ns = override_moment(body.end, schedule, now_ns) if duration_ns is None else start_ns + duration_ns
        made = await run_in_threadpool(
            on_call.override, schedule.name, body.user, start_ns, end_ns, body.comment, body.author
        )
        return _override_row(made)

    @router.delete("/oncall/overrides/{override_id}", status_code=204, summary="Take an override back")
    async def end_override(override_id: _ID) -> Response:
        await run_in_threadpool(on_call.end_override, override_id)
        return Response(status_code=204)

    return router


def _schedules(on_call: OnCall, parameters: OnCallParameters, now_ns: int) -> list[dict[str, Any]]:
    at_ns = parse_time(parameters.at, now_ns=now_ns)
    span_ns = parse_duration(parameters.span)
    if span_ns is None:
        raise InvalidInput(f"for must be a duration such as 14d, not {parameters.span[:40]}")
    roster = on_call.roster
    wanted = roster.schedules.values() if parameters.schedule is None else [roster.schedule(parameters.schedule)]
    return [_schedule_row(each, on_call.duties(each.name, at_ns, at_ns + span_ns), on_call) for each in wanted]


def _schedule_row(schedule: Schedule, duties: list[Duty], on_call: OnCall) -> dict[str, Any]:
    now, *coming = (_duty_row(duty) for duty in duties)
    return {
        "schedule": schedule.name,
        "timezone": schedule.zone.key,
        "user": now["user"],
        "source": now["source"],
        "channels": on_call.channels_of([now["user"]]),
        "until": now["to"] if coming else None,
        "next": coming[0] if coming else None,
        "turns": [now, *coming],
    }


def _duty_row(duty: Duty) -> dict[str, Any]:
    return {
        "user": duty.user,
        "source": duty.source,
        "from": format_time(duty.start_ns),
        "to": format_time(duty.end_ns),
    }


def _override_row(override: Override) -> dict[str, Any]:
    return {
        "id": override.id,
        "schedule": override.schedule,
        "user": override.user,
        "start": format_time(override.start_ns),
        "end": format_time(override.end_ns),
        "comment": override.comment,
        "author": override.author,
    }
