"""What a document costs, counted on its text before it is validated or runs.

A field costs 1, one that asks the engine `STATEMENT`, each as often as the lists around it are long (`first`, or the
ids that are given). Every alias and every use of a fragment counts; counting ends where the limit is passed, so a
document of fragments that double each other costs no time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    value_from_ast_untyped,
)

from heimdall.errors import InvalidInput

MAX_COST = 200_000
"""10,000 records with nearly 20 fields each, or 200 statements."""

MAX_DEPTH = 16
"""Fields inside each other; the introspection that clients send has 13."""

STATEMENT = 1_000

_ASKING = frozenset({"logs", "histogram", "facets", "patterns", "services"})


class TooExpensive(InvalidInput):
    code = "too_expensive"

    def __init__(self, message: str, cost: int) -> None:
        super().__init__(message)
        self.cost = cost


def price(document: DocumentNode, schema: GraphQLSchema, variables: Mapping[str, Any], operation: str | None) -> int:
    """
    Raises:
        TooExpensive: it costs more than `MAX_COST`, or is deeper than `MAX_DEPTH`.
    """
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}
    asked = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
    if operation is not None:
        asked = [each for each in asked if each.name is not None and each.name.value == operation]
    count = _Count(schema, fragments, variables)
    for each in asked:
        known = dict(variables)
        for variable in each.variable_definitions or ():
            if variable.default_value is not None:
                known.setdefault(variable.variable.name.value, value_from_ast_untyped(variable.default_value))
        count.variables = known
        count.add(each.selection_set, schema.get_root_type(each.operation), 1, 1)
    return count.total


@dataclass(slots=True)
class _Count:
    schema: GraphQLSchema
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]
    total: int = 0

    def add(self, selections: SelectionSetNode | None, parent: Any, times: int, depth: int, inside: int = 0) -> None:
        """`inside`: fragments entered since the last field; a cycle of them has no field between."""
        if selections is None:
            return
        if depth > MAX_DEPTH or inside > MAX_DEPTH:
            raise TooExpensive(f"the query is deeper than {MAX_DEPTH}; ask in several", self.total)
        for each in selections.selections:
            if isinstance(each, FieldNode):
                self._field(each, parent, times, depth)
            elif isinstance(each, InlineFragmentNode):
                self._spend(times)
                self.add(each.selection_set, self._type(each.type_condition, parent), times, depth, inside + 1)
            elif isinstance(each, FragmentSpreadNode) and (known := self.fragments.get(each.name.value)):
                self._spend(times)
                self.add(known.selection_set, self._type(known.type_condition, parent), times, depth, inside + 1)

    def _type(self, condition: Any, parent: Any) -> Any:
        return parent if condition is None else self.schema.get_type(condition.name.value)

    def _field(self, node: FieldNode, parent: Any, times: int, depth: int) -> None:
        name = node.name.value
        self._spend(times * (STATEMENT if name in _ASKING else 1))
        known = parent.fields.get(name) if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType) else None
        inner = None if known is None else get_named_type(known.type)
        self.add(node.selection_set, inner, times * self._length(node, known), depth + 1)

    def _length(self, node: FieldNode, known: Any) -> int:
        """How many times what is inside comes."""
        given = {
            each.name.value: value_from_ast_untyped(each.value, dict(self.variables)) for each in node.arguments or ()
        }
        if known is not None:
            for name, argument in known.args.items():
                if argument.ast_node is not None and argument.ast_node.default_value is not None:
                    given.setdefault(name, value_from_ast_untyped(argument.ast_node.default_value))
        for name in ("first", "buckets"):
            if name in given:
                length = given[name]
                return min(max(1, length), MAX_COST + 1) if isinstance(length, int) else 1
        ids = given.get("ids")
        return max(1, len(ids)) if isinstance(ids, list) else 1

    def _spend(self, amount: int) -> None:
        self.total += amount
        if self.total > MAX_COST:
            raise TooExpensive(
                f"the query costs more than {MAX_COST:,} (a field 1, a question to the engine {STATEMENT:,}, times the "
                "length of the lists around it); ask for fewer rows or fields",
                self.total,
            )
