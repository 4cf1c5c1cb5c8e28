"""Routes about what Heimdall noticed by itself: findings, and what people say of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from heimdall.api.answers import respond_data
from heimdall.api.parameters import LedgerParameters
from heimdall.clock import Clock
from heimdall.insight.feedback import Feedback
from heimdall.insight.finding import Finding, FindingKind, Verdict
from heimdall.insight.store import FindingsRequest, FindingStore
from heimdall.model.batch import DEFAULT_TENANT, TenantId
from heimdall.model.timerange import format_time, parse_time


class FilterParameters(LedgerParameters):
    service: Annotated[str | None, Field(description="only findings about this service")] = None
    kind: Annotated[FindingKind | None, Field(description="only findings of this kind")] = None


class FindingsParameters(FilterParameters):
    limit: Annotated[int, Field(ge=1, le=1_000, description="findings at most, newest first")] = 100


class CountsParameters(FilterParameters):
    step_s: Annotated[int, Field(ge=60, le=7 * 86_400, description="seconds of a step; steps begin at 1970 UTC")] = 3600


class FeedbackBody(BaseModel):
    """What somebody thinks of a finding; it changes what is told from the next step on."""

    model_config = ConfigDict(extra="forbid")

    finding: Annotated[str, Field(pattern=r"^[0-9a-f]{20}$", description="id of the finding")]
    verdict: Annotated[
        Verdict,
        Field(
            description="`useful`: tell such sooner; `noise`: only when stronger; `expected`: no more of exactly this"
        ),
    ]


class Detection(Protocol):
    """What judges the records."""

    def judged_until_ns(self, tenant: TenantId) -> int | None:
        """Records before this time are judged; None before the first."""


def finding_routes(store: FindingStore, feedback: Feedback, clock: Clock, detection: Detection | None) -> APIRouter:
    """`detection`: None where nothing is judged; every answer says so, and how far judging has come, so that no finding
    can be told from nobody having looked."""
    router = APIRouter(prefix="/api/v1", tags=["findings"])

    def respond(data: object, began: float) -> Response:
        until_ns = detection.judged_until_ns(DEFAULT_TENANT) if detection else None
        return respond_data(
            data,
            took_ms=(clock.monotonic() - began) * 1e3,
            detection=detection is not None,
            judged_until=None if until_ns is None else format_time(until_ns),
        )

    @router.get("/findings", summary="What was noticed, newest first")
    async def findings(parameters: Annotated[FindingsParameters, Query()]) -> Response:
        began = clock.monotonic()
        request = replace(_request(parameters, clock.time_ns()), limit=parameters.limit)
        found = await run_in_threadpool(store.find, request)
        rows = [_row(finding, verdict) for finding, verdict in found]
        return respond(rows, began)

    @router.get("/findings/counts", summary="How many findings there were, by time")
    async def counts(parameters: Annotated[CountsParameters, Query()]) -> Response:
        began = clock.monotonic()
        request = _request(parameters, clock.time_ns())
        found = await run_in_threadpool(store.count, request, parameters.step_s * 10**9)
        rows = [{"from": format_time(at), "count": count, "critical": critical} for at, count, critical in found]
        return respond(rows, began)

    @router.get("/findings/{finding_id}", summary="One finding")
    async def finding(finding_id: Annotated[str, Path(description="its `id`")]) -> Response:
        began = clock.monotonic()
        row = _row(*await run_in_threadpool(store.get, DEFAULT_TENANT, finding_id))
        return respond(row, began)

    @router.post("/feedback", summary="Say what a finding is worth")
    async def judge(body: FeedbackBody) -> dict[str, Any]:
        return await run_in_threadpool(_judge, store, feedback, body, clock.time_ns())

    return router


def _request(parameters: FilterParameters, now_ns: int) -> FindingsRequest:
    start_ns, end_ns = (
        None if text in (None, "") else parse_time(str(text), now_ns=now_ns)
        for text in (parameters.start, parameters.end)
    )
    return FindingsRequest(
        tenant=DEFAULT_TENANT,
        start_ns=start_ns,
        end_ns=end_ns,
        service=parameters.service or None,
        kind=parameters.kind,
    )


def _judge(store: FindingStore, feedback: Feedback, body: FeedbackBody, now_ns: int) -> dict[str, Any]:
    finding, _ = store.get(DEFAULT_TENANT, body.finding)
    feedback.add(store.judge(finding, body.verdict, now_ns))
    handicap = feedback.handicap(finding.tenant, finding.service, finding.kind, finding.template_id)
    return {
        "finding": finding.id,
        "verdict": body.verdict.value,
        "muted": handicap == float("inf"),
        "extra_evidence": None if handicap == float("inf") else handicap,
    }


def _row(finding: Finding, verdict: Verdict | None) -> dict[str, Any]:
    """A finding as `docs/reference/api.md` describes it: times as text, the rest as it is."""
    row = finding.as_row() | {"verdict": verdict}
    for name in ("started", "detected", "from", "to"):
        row[name] = format_time(row.pop(f"{name}_ns"))
    for name in ("known_since", "expected", "last_seen"):
        time_ns = row.pop(f"{name}_ns")
        row[name] = format_time(time_ns) if time_ns else None
    del row["tenant"]
    return row
