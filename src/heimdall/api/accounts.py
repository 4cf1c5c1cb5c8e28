"""Routes that account for every accepted record: the ledger, the tiers and the dead letters."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Path, Query
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from heimdall.api.answers import respond_data
from heimdall.api.parameters import MAX_LETTER_ID, LedgerParameters, ReplayBody
from heimdall.clock import Clock
from heimdall.errors import HeimdallError, InvalidInput
from heimdall.model.timerange import parse_time


class Accounts(Protocol):
    """What the node knows of its records' whereabouts. Called from worker threads."""

    def ledger(self, start_ns: int | None, end_ns: int | None) -> Sequence[dict[str, Any]]:
        """One row per tenant and minute, newest first, as docs/reference/api.md describes it."""

    def tiers(self) -> Sequence[dict[str, Any]]:
        """One row a tier, young to old, as docs/reference/api.md describes it."""

    def dead_letters(self, limit: int) -> Sequence[dict[str, Any]]:
        """Newest first, without their records."""

    def dead_letter(self, letter_id: int) -> tuple[dict[str, Any], list[dict[str, Any]], bytes]:
        """A letter, its records and its raw bytes. Raises NotFound."""

    def replay(self, letter_id: int) -> int:
        """Store a letter's records after all. Raises NotFound, InvalidInput, EngineUnavailable."""


def account_routes(accounts: Accounts, clock: Clock) -> APIRouter:
    router = APIRouter(prefix="/api/v1", tags=["accounts"])

    @router.get("/ledger", summary="accepted = stored + dead-lettered + expired, per tenant and minute")
    async def ledger(parameters: Annotated[LedgerParameters, Query()]) -> Response:
        began, now_ns = clock.monotonic(), clock.time_ns()
        start_ns, end_ns = (
            None if text in (None, "") else parse_time(str(text), now_ns=now_ns)
            for text in (parameters.start, parameters.end)
        )
        rows = await run_in_threadpool(accounts.ledger, start_ns, end_ns)
        return respond_data(rows, took_ms=(clock.monotonic() - began) * 1e3)

    @router.get("/tiers", summary="What lies in which tier, and what moves next")
    async def tiers() -> Response:
        began = clock.monotonic()
        rows = await run_in_threadpool(accounts.tiers)
        return respond_data(rows, took_ms=(clock.monotonic() - began) * 1e3)

    @router.get("/deadletters", summary="Records storage refused")
    async def list_letters(limit: Annotated[int, Query(ge=1, le=10_000)] = 100) -> Response:
        began = clock.monotonic()
        rows = await run_in_threadpool(accounts.dead_letters, limit)
        return respond_data(rows, took_ms=(clock.monotonic() - began) * 1e3)

    @router.get("/deadletters/{letter_id}", summary="One dead letter with its records and raw bytes")
    async def show_letter(letter_id: Annotated[int, Path(ge=1, le=MAX_LETTER_ID)]) -> dict[str, Any]:
        letter, records, raw = await run_in_threadpool(accounts.dead_letter, letter_id)
        return letter | {"rows": records, "raw": base64.b64encode(raw).decode()}

    @router.post("/deadletters/replay", summary="Send dead letters through the pipeline again")
    async def replay(body: ReplayBody) -> dict[str, Any]:
        if body.all == bool(body.ids):
            raise InvalidInput('name the letters in "ids", or set "all" to true')
        return await run_in_threadpool(_replay, accounts, body)

    return router


def _replay(accounts: Accounts, body: ReplayBody) -> dict[str, Any]:
    ids = [int(letter["id"]) for letter in accounts.dead_letters(10_000)] if body.all else body.ids
    replayed, failed = 0, []
    for letter_id in ids:
        try:
            accounts.replay(letter_id)
            replayed += 1
        except HeimdallError as exc:
            failed.append({"id": letter_id, "reason": str(exc)})
    return {"replayed": replayed, "failed": failed}
