from __future__ import annotations

import pytest

from heimdall.model.batch import TenantId
from heimdall.query.languages.hql import parse
from heimdall.query.planner.selectivity import has_words, selectivity, words_share
from heimdall.storage.profile import Kind, Profile

SHOP = TenantId("shop")
PROFILE = Profile(
    rows=1_000,
    kinds={SHOP: (Kind(9, "cart", 700), Kind(17, "cart", 100), Kind(17, "payment", 200))},
    words={"card": 500, "declined": 20},
    rarest=1,
    distinct={"user_id": 50.0, "trace_id": 1_000.0},
)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("*", 1.0),
        ("level:error", 0.3),
        ("level>=warn", 0.3),
        ("level<error", 0.7),
        ("level!=error", 0.7),
        ("service:payment", 0.2),
        ("level:error service:payment", 0.06),
        ("level:error or service:cart", 1.0),
        ("not level:error", 0.7),
        ("card", 0.5),
        ('"card declined"', 0.02),
        ("Declined", 0.02),
        ("kryptonite", 0.001),
        ("card15", 0.05),
        ("793929", 0.001),
        ("user_id:u7", 0.02),
        ("0123456789abcdef0123456789abcdef", 0.001),
    ],
)
def test_part_of_the_records_that_match(text: str, part: float) -> None:
    assert selectivity(parse(text).search, PROFILE, SHOP) == pytest.approx(part)


def test_nothing_is_known_about_another_tenant() -> None:
    assert 0 < selectivity(parse("service:payment").search, PROFILE, TenantId("other")) < 1


@pytest.mark.parametrize(("text", "known"), [("card", True), ("card level:info", True), ("card or level:info", False)])
def test_whether_the_index_of_words_narrows(text: str, known: bool) -> None:
    assert has_words(parse(text).search) is known


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("card", 0.5),
        ("card15", 0.5),
        ('"card declined" card 15 level:error', 0.02),
        ("card or declined", 0.52),
        ("793929", 0.001),
    ],
)
def test_part_of_the_records_that_the_index_of_words_leaves(text: str, part: float) -> None:
    assert words_share(parse(text).search, PROFILE, SHOP) == pytest.approx(part)
