"""What is offered at a place of a query."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heimdall.query.complete import Place, situation, suggest


class Shop:
    """Fields and values of a small shop."""

    def field_names(self) -> Iterable[tuple[str, str]]:
        return [("http.status_code", "number"), ("seq", "number"), ("odd name", "text")]

    def field_values(self, field: str, prefix: str) -> Iterable[tuple[str, str]]:
        return [("payment", "1,204"), ("cart", "30"), ("a b", "1")] if field == "service" else []


def inserts(text: str, limit: int = 3) -> list[str]:
    """Suggestions at the place of ‸, which stands for the cursor."""
    return [offer.insert for offer in suggest(text.replace("‸", ""), text.index("‸"), Shop(), limit)[1]]


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("se‸", Place.SEARCH, ["severity_number:", "service:", "session_id:"]),
        ("odd‸", Place.SEARCH, ['"odd name":']),
        ("-http‸", Place.SEARCH, ["http.status_code:"]),
        ("service:cart o‸", Place.SEARCH, ["or ", "observed_timestamp:"]),
        ("service:‸", Place.VALUE, ["payment", "cart", '"a b"']),
        ("service:p‸ay", Place.VALUE, ["payment"]),
        ('service:"pa‸"', Place.VALUE, ["payment"]),
        ("service:(cart or pa‸", Place.VALUE, ["payment"]),
        ("level>=er‸", Place.VALUE, ["error"]),
        ('"a quotation of se‸', Place.NOTHING, []),
        ("* | st‸", Place.PIPE, ["stats "]),
        ('"a | b" | s‸', Place.PIPE, ["stats ", "sort ", "similar "]),
        ("* | stats p9‸", Place.AGGREGATE, ["p90(", "p95(", "p99("]),
        ("* | stats count() ‸", Place.AGGREGATE, ["by ", "as ", "count("]),
        ("* | stats max(dur‸", Place.EXPRESSION, ["duration_ms"]),
        ("* | stats count() as n by serv‸", Place.EXPRESSION, ["service"]),
        ("* | stats count() as ‸", Place.NOTHING, []),
        ("* | stats count() as n by service | sort ‸", Place.FIELD, ["service", "n"]),
        ("* | fields service | where ‸", Place.EXPRESSION, ["service", "bin(", "now()"]),
        ('* | where service == "pa‸', Place.VALUE, ['"payment"']),
        ("* | where http‸", Place.EXPRESSION, ["http.status_code"]),
        ("* | extend ne‸", Place.NOTHING, []),
        ("* | extend x = low‸", Place.EXPRESSION, ["lower("]),
        ('* | parse "<a>" from mess‸', Place.FIELD, ["message"]),
        ("* | head ‸", Place.NOTHING, []),
    ],
)
def test_offers_what_can_stand_there(text: str, place: Place, expected: list[str]) -> None:
    assert situation(text.replace("‸", ""), text.index("‸")).place is place
    assert inserts(text)[: len(expected)] == expected


def test_a_suggestion_takes_the_place_of_the_whole_word() -> None:
    found = situation("service:payment level:error", 11)
    assert (found.replace_from, found.replace_to, found.prefix, found.field) == (8, 15, "pay", "service")


def test_a_suggestion_takes_the_place_of_the_quotation_marks_too() -> None:
    found = situation('* | where service == "pay" and level == "error"', 25)
    assert (found.replace_from, found.replace_to) == (21, 26)


@given(st.text(alphabet='ab:|"()/\\ -=*`é\n', max_size=40), st.integers(-1, 45))
@settings(max_examples=300, deadline=None)
def test_any_text_and_place_has_an_answer(text: str, cursor: int) -> None:
    found, offers = suggest(text, cursor, Shop())
    assert 0 <= found.replace_from <= found.replace_to <= len(text)
    assert len(offers) <= 20
