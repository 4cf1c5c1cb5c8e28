"""What documents cost; a hostile one is refused while it is counted."""

from __future__ import annotations

import time
from typing import Any

import pytest
from graphql import build_schema, get_introspection_query, parse

from heimdall.api.graphql.answering import schema_text
from heimdall.api.graphql.cost import MAX_COST, STATEMENT, TooExpensive, price

SCHEMA = build_schema(schema_text())


def cost(text: str, variables: dict[str, Any] | None = None) -> int:
    return price(parse(text), SCHEMA, variables or {}, None)


def test_a_field_costs_as_often_as_its_list_is_long() -> None:
    assert cost("{ logs(first: 50) { nodes { id message } } }") == STATEMENT + 50 + 2 * 50
    assert cost("{ logs { nodes { id } } }") == STATEMENT + 100 + 100
    assert cost("{ templates(ids: [1, 2, 3]) { text } }") == 1 + 3


def test_variables_count_with_what_is_sent_or_their_default() -> None:
    text = "query ($n: Int = 5) { logs(first: $n) { nodes { id } } }"
    assert cost(text) == STATEMENT + 10
    assert cost(text, {"n": 20}) == STATEMENT + 40


def test_every_alias_and_every_use_of_a_fragment_counts() -> None:
    assert cost("{ a: facets(first: 1) { field } b: facets(first: 1) { field } }") == 2 * (STATEMENT + 1)
    text = "{ a: logs(first: 1) { ...F } b: logs(first: 1) { ...F } } fragment F on LogConnection { nodes { id } }"
    assert cost(text) == 2 * (STATEMENT + 1 + 2)


def test_questions_inside_services_count_for_each_of_them() -> None:
    assert cost("{ services(first: 10) { name histogram { total } } }") == STATEMENT + 10 + 10 * STATEMENT + 300


@pytest.mark.parametrize(
    "text",
    [
        "{ logs(first: 10000) { nodes { " + " ".join(f"f{n}: field(name: \"x\")" for n in range(30)) + " } } }",
        "{" + " ".join(f"a{n}: histogram {{ total }}" for n in range(300)) + "}",
        "{ services(first: 1000) { logs { nodes { id } } } }",
        "{ ...A0 } " + " ".join(f"fragment A{n} on Query {{ ...A{n + 1} ...A{n + 1} }}" for n in range(14))
        + " fragment A14 on Query { " + "a: facets { field } " * 20 + "}",
        "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }",
        "{ services " + "{ a " * 40 + "}" * 41,
        "{ logs(first: 99999999999999999999) { nodes { id } } }",
    ],
    ids=["wide", "aliases", "nested lists", "doubling fragments", "cycle", "deep", "huge first"],
)  # fmt: skip
def test_a_hostile_document_is_refused_at_once(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(TooExpensive):
        cost(text)
    assert time.perf_counter() - began < 1


def test_introspection_is_allowed() -> None:
    assert cost(get_introspection_query()) < MAX_COST / 100
