"""A document → its answer: text, price, validation, execution."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    build_schema,
    get_operation_ast,
    parse,
    validate,
)
from graphql import execute_sync as execute

from heimdall.api.graphql.cost import TooExpensive, price
from heimdall.api.graphql.documents import Documents
from heimdall.api.graphql.resolvers import Root
from heimdall.api.graphql.subscriptions import TailRoot
from heimdall.clock import Clock
from heimdall.errors import HeimdallError
from heimdall.query.live import LiveTail
from heimdall.query.service import QueryService
from heimdall.query.templatelabels import TemplateLabels
from heimdall.query.templates import Catalogue

MAX_TOKENS = 2_000
"""Of one document; the introspection that clients send has 300."""

_log = logging.getLogger(__name__)


def schema_text() -> str:
    return files("heimdall.api.graphql").joinpath("schema.graphql").read_text(encoding="utf-8")


class GraphqlService:
    """Safe from several threads."""

    def __init__(
        self,
        queries: QueryService,
        catalogue: Catalogue,
        clock: Clock,
        live: LiveTail,
        labels: TemplateLabels | None = None,
    ) -> None:
        self._live = live
        self._queries = queries
        self._catalogue = catalogue
        self._clock = clock
        self._labels = labels
        self.schema: GraphQLSchema = build_schema(schema_text())
        self._documents = Documents()

    def answer(self, asked: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
        """(HTTP status, body). 200 as soon as anything ran; errors of single fields stand beside the data."""
        document, cost, refused = self._checked(asked)
        if document is None:
            return refused
        if _subscribes(document, asked):
            fault = {"message": "subscriptions are asked over a websocket, with the protocol graphql-transport-ws"}
            return 400, {"errors": [fault]}
        root = Root(self._queries, self._catalogue, self._clock, self._labels)
        variables, operation = asked.get("variables") or {}, asked.get("operationName") or None
        found = execute(self.schema, document, root, variable_values=variables, operation_name=operation)
        return 200, self.body(found) | {"extensions": {"cost": cost}}

    def subscription(self, asked: Mapping[str, Any]) -> DocumentNode | tuple[int, dict[str, Any]]:
        """A document that subscribes; of any other its answer."""
        document, _, refused = self._checked(asked)
        if document is None:
            return refused
        return document if _subscribes(document, asked) else self.answer(asked)

    def tail_root(self) -> TailRoot:
        return TailRoot(Root(self._queries, self._catalogue, self._clock, self._labels), self._live)

    def body(self, found: ExecutionResult) -> dict[str, Any]:
        return {"data": found.data} | ({"errors": [_told(each) for each in found.errors]} if found.errors else {})

    def told(self, error: GraphQLError) -> dict[str, Any]:
        return _told(error)

    def _checked(self, asked: Mapping[str, Any]) -> tuple[DocumentNode | None, int, tuple[int, dict[str, Any]]]:
        """(document, its price), or None and why it is refused."""
        try:
            document, cost = self._read(asked)
        except GraphQLError as exc:
            return None, 0, (400, {"errors": [exc.formatted]})
        except TooExpensive as exc:
            fault: dict[str, Any] = {"message": str(exc), "extensions": {"code": exc.code, "cost": exc.cost}}
            return None, 0, (400, {"errors": [fault]})
        except HeimdallError as exc:
            # Clients that name documents by their hash expect 200 and send the text.
            status = 200 if exc.code == "PERSISTED_QUERY_NOT_FOUND" else 400
            return None, 0, (status, {"errors": [{"message": str(exc), "extensions": {"code": exc.code}}]})
        if faults := validate(self.schema, document, max_errors=20):
            return None, 0, (400, {"errors": [each.formatted for each in faults]})
        return document, cost, (200, {})

    def _read(self, asked: Mapping[str, Any]) -> tuple[DocumentNode, int]:
        extensions = asked.get("extensions") or {}
        named = extensions.get("persistedQuery") if isinstance(extensions, Mapping) else None
        digest = named.get("sha256Hash") if isinstance(named, Mapping) else None
        text = asked.get("query")
        variables = {} if asked.get("variables") is None else asked["variables"]
        operation = asked.get("operationName") or None
        if not isinstance(text, str | None) or not isinstance(digest, str | None):
            raise GraphQLError("query and sha256Hash are texts")
        if not isinstance(variables, Mapping) or not isinstance(operation, str | None):
            raise GraphQLError("variables is an object, operationName a text")
        try:
            document = parse(self._documents.text(text, digest), no_location=False, max_tokens=MAX_TOKENS)
            cost = price(document, self.schema, variables, operation)
        except RecursionError:
            raise TooExpensive("the query is nested too deeply", 0) from None
        if not any(isinstance(each, OperationDefinitionNode) for each in document.definitions):
            raise GraphQLError("there is no operation in the document")
        return document, cost


def _subscribes(document: DocumentNode, asked: Mapping[str, Any]) -> bool:
    operation = get_operation_ast(document, asked.get("operationName") or None)
    return operation is not None and operation.operation is OperationType.SUBSCRIPTION


def _told(error: GraphQLError) -> dict[str, Any]:
    told: dict[str, Any] = dict(error.formatted)
    cause = error.original_error
    if isinstance(cause, HeimdallError):
        told["extensions"] = {"code": cause.code}
    elif cause is not None and not isinstance(cause, GraphQLError):
        _log.error("a field of a GraphQL answer failed", exc_info=cause)
        told |= {"message": "something broke on our side", "extensions": {"code": "internal"}}
    return told
