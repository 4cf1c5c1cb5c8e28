"""Order within sessions."""

from __future__ import annotations

import numpy as np
import pytest

from heimdall.insight.detectors.sequences import SequenceConfig, SequenceSurprise, contexts_of

LOGIN, READ, WRITE, LOGOUT = 1, 2, 3, 4


def flat(sessions: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    codes = np.array([code for one in sessions for code in one])
    places = np.repeat(np.arange(len(sessions)), [len(one) for one in sessions])
    return codes, contexts_of(codes, places)


@pytest.fixture
def model() -> SequenceSurprise:
    rng = np.random.default_rng(3)
    usual = [[LOGIN, *rng.choice([READ, WRITE], 4, p=[0.8, 0.2]).tolist(), LOGOUT] for _ in range(500)]
    model = SequenceSurprise(SequenceConfig(table=1 << 12))
    model.learn(*flat(usual))
    return model


def test_contexts_do_not_reach_into_another_session() -> None:
    codes, before = flat([[1, 2, 3], [4, 5]])
    assert before.tolist() == [[0, 0, 0], [1, 0, 0], [2, 1, 0], [0, 0, 0], [4, 0, 0]]


def test_probabilities_follow_the_context(model: SequenceSurprise) -> None:
    surprise = model.surprise(*flat([[LOGIN, READ, WRITE, READ, READ, LOGOUT]]))
    assert 10 ** -surprise[0] == pytest.approx(1.0, abs=0.02)
    assert 10 ** -surprise[1] == pytest.approx(0.8, abs=0.05)
    assert 10 ** -surprise[2] == pytest.approx(0.2, abs=0.05)


def test_known_events_in_an_order_never_seen_are_surprising(model: SequenceSurprise) -> None:
    usual = model.surprise(*flat([[LOGIN, READ, READ, READ, READ, LOGOUT]]))
    odd = model.surprise(*flat([[LOGOUT, WRITE, LOGIN, LOGIN]]))
    assert odd.max() > usual.max() + 1.5


def test_an_event_never_seen_is_the_most_surprising(model: SequenceSurprise) -> None:
    assert model.surprise(*flat([[LOGIN, 999]]))[1] > 3


def test_a_flood_of_codes_costs_no_memory(model: SequenceSurprise) -> None:
    before = sum(array.nbytes for array in model.arrays().values())
    model.learn(*flat([list(range(10, 50_000))]))
    assert sum(array.nbytes for array in model.arrays().values()) == before
