"""Routes about templates: which there are, everything about one, and the name and owner that people give it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import polars as pl
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from heimdall.api.answers import respond, respond_data
from heimdall.api.parameters import QueryParameters
from heimdall.api.queries import common_fields
from heimdall.clock import Clock
from heimdall.model.batch import DEFAULT_TENANT
from heimdall.model.timerange import format_time
from heimdall.query.asking import Asking, Made
from heimdall.query.request import Answer, QueryRequest
from heimdall.query.service import QueryService
from heimdall.query.templatedetail import MAX_SAMPLE, MOST_MEMBERS, SAMPLE, VALUES, known_template, template_detail
from heimdall.query.templatelabels import Label, TemplateLabels
from heimdall.query.templates import Catalogue, texts_of

_TemplateId = Annotated[int, Path(ge=1, lt=2**53, description="its id, or that of one merged into it")]


class TemplatesParameters(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(max_length=200, description="only those whose text or name holds this")] = ""
    owner: Annotated[str | None, Field(max_length=200, description="only this owner's; empty = without owner")] = None
    limit: Annotated[int, Field(ge=1, le=10_000, description="templates at most, the most frequent ones")] = 100


class TemplateParameters(QueryParameters):
    sample: Annotated[
        int, Field(ge=100, le=MAX_SAMPLE, description="messages read for the parameters; of more, that many by chance")
    ] = SAMPLE
    values: Annotated[int, Field(ge=1, le=100, description="most frequent values of each parameter")] = VALUES


class LabelBody(BaseModel):
    """What the template is called and who owns it; empty takes it away."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Annotated[str, Field(max_length=200)] = ""
    owner: Annotated[str, Field(max_length=200, description="a team or a person")] = ""
    author: Annotated[str, Field(max_length=200, description="who says so")] = ""


def template_routes(service: QueryService, catalogue: Catalogue, labels: TemplateLabels, clock: Clock) -> APIRouter:
    router = APIRouter(prefix="/api/v1/templates", tags=["templates"])

    @router.get("", summary="Templates with their names, owners, first and last records, most frequent first")
    async def templates(parameters: Annotated[TemplatesParameters, Query()]) -> Response:
        began = clock.monotonic()
        rows = await run_in_threadpool(_rows, catalogue, labels, parameters)
        shown = rows[: parameters.limit]
        return respond_data(shown, took_ms=(clock.monotonic() - began) * 1e3, templates=len(rows))

    def answer(request: Request, template_id: int, parameters: TemplateParameters) -> Response:
        asked = QueryRequest(**common_fields(parameters, clock))  # type: ignore[arg-type]
        found = service.answered(asked, "template", lambda asking: _detail(asking, template_id, parameters))
        return respond(request, _labelled(found, catalogue, labels))

    @router.get("/{template_id}", summary="One template: counts, levels, and what fills its parameters")
    async def template(
        request: Request, template_id: _TemplateId, parameters: Annotated[TemplateParameters, Query()]
    ) -> Response:
        return await run_in_threadpool(answer, request, template_id, parameters)

    @router.post("/{template_id}", summary="The same, asked with a JSON object")
    async def template_post(request: Request, template_id: _TemplateId, parameters: TemplateParameters) -> Response:
        return await run_in_threadpool(answer, request, template_id, parameters)

    @router.put("/{template_id}", summary="Give a template a name and an owner")
    async def label(template_id: _TemplateId, body: LabelBody) -> dict[str, Any]:
        def put() -> dict[str, Any]:
            known = known_template(catalogue(), DEFAULT_TENANT, template_id)
            made = Label(known.template_id, body.name, body.owner, body.author, clock.time_ns())
            labels.put(DEFAULT_TENANT, made)
            return {"template_id": known.template_id, **_label_row(made)}

        return await run_in_threadpool(put)

    return router


def with_labels(answer: Answer, catalogue: Catalogue, labels: TemplateLabels) -> Answer:
    """A list of templates with `name` and `owner` of each."""
    if not isinstance(answer.data, list):
        return answer
    known = labels.shown(DEFAULT_TENANT, catalogue)
    return replace(answer, data=[row | _said(known.get(row["template_id"])) for row in answer.data])


def _detail(asking: Asking, template_id: int, parameters: TemplateParameters) -> Made:
    return template_detail(asking, template_id, parameters.sample, parameters.values)


def _labelled(answer: Answer, catalogue: Catalogue, labels: TemplateLabels) -> Answer:
    assert isinstance(answer.data, dict)
    final, _ = texts_of(catalogue(), DEFAULT_TENANT)
    own = answer.data["template_id"]
    members = [own, *[one for one, other in final.items() if other == own][-MOST_MEMBERS:]]
    history = [
        {"template_id": each.template_id, **_label_row(each)} for each in labels.history(DEFAULT_TENANT, members)
    ]
    said = _said(labels.all(DEFAULT_TENANT, final).get(own))
    return replace(answer, data=answer.data | said | {"label_history": history})


def _rows(catalogue: Catalogue, labels: TemplateLabels, parameters: TemplatesParameters) -> list[dict[str, Any]]:
    table = catalogue()
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    own = frame.filter(pl.col("tenant") == DEFAULT_TENANT)
    final = dict(own.filter(pl.col("merged_into") > 0).select("template_id", "merged_into").iter_rows())
    known = labels.all(DEFAULT_TENANT, final)
    merged: dict[int, int] = {}
    for into in final.values():
        merged[into] = merged.get(into, 0) + 1
    rows = [
        {"template_id": row["template_id"], "template": row["text"], **_said(known.get(row["template_id"])),
         "count": row["count"], "first": format_time(row["first_seen_ns"]), "last": format_time(row["last_seen_ns"]),
         "merged": merged.get(row["template_id"], 0), "example": row["example"]}
        for row in own.filter(pl.col("merged_into") == 0).sort("count", descending=True).to_dicts()
    ]  # fmt: skip
    text = parameters.text.lower()
    return [
        row for row in rows
        if (not text or text in row["template"].lower() or text in (row["name"] or "").lower())
        and (parameters.owner is None or (row["owner"] or "") == parameters.owner)
    ]  # fmt: skip


def _said(label: Label | None) -> dict[str, str | None]:
    return {"name": (label.name if label else "") or None, "owner": (label.owner if label else "") or None}


def _label_row(label: Label) -> dict[str, Any]:
    return {**_said(label), "author": label.author or None, "time": format_time(label.time_ns)}
