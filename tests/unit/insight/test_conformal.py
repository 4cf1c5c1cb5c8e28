"""Ranks among the past as evidence, with a tail beyond what was seen."""

from __future__ import annotations

import numpy as np
import pytest

from heimdall.insight.conformal import TailBank

ROW = np.array([0])


def bank_of(scores: np.ndarray) -> TailBank:
    bank = TailBank(1)
    bank.grow(1)
    for score in scores:
        bank.learn(ROW, np.array([[score]]))
    return bank


def evidence(bank: TailBank, score: float) -> float:
    return float(bank.evidence(ROW, np.array([[score]]))[0, 0])


def test_evidence_is_the_rank_among_what_was_learnt() -> None:
    bank = bank_of(np.random.default_rng(1).exponential(size=4_000))
    for level in (0.5, 0.9, 0.99):
        assert 10 ** -evidence(bank, -np.log(1 - level)) == pytest.approx(1 - level, rel=0.25)


def test_beyond_everything_seen_evidence_goes_on_rising() -> None:
    bank = bank_of(np.random.default_rng(2).exponential(size=4_000))
    assert evidence(bank, 15.0) == pytest.approx(15 / np.log(10), rel=0.25)
    assert evidence(bank, 1e9) == 30.0


def test_a_bank_that_knows_nothing_has_no_evidence() -> None:
    bank = TailBank(1)
    bank.grow(1)
    assert evidence(bank, 3.0) == 0.0


def test_no_number_is_no_evidence_and_teaches_nothing() -> None:
    bank = bank_of(np.ones(50))
    bank.learn(ROW, np.array([[np.nan]]))
    assert bank.learnt(ROW)[0, 0] == 50
    assert evidence(bank, np.nan) == 0.0


def test_a_score_far_above_the_histogram_moves_it_and_keeps_the_count() -> None:
    bank = bank_of(np.r_[np.full(60, 1.0), 1e12, np.full(60, 1.0)])
    assert bank.learnt(ROW)[0, 0] == 121
    assert evidence(bank, 1.0) < 0.1
    assert evidence(bank, 1e12) > 1.5


def test_old_scores_are_forgotten() -> None:
    bank = TailBank(1, half_life=100)
    bank.grow(1)
    for score in [50.0] * 1_000 + [1.0] * 2_000:
        bank.learn(ROW, np.array([[score]]))
    assert bank.learnt(ROW)[0, 0] <= 200
    assert evidence(bank, 50.0) > 2.5


def test_p_values_of_exchangeable_scores_are_uniform() -> None:
    rng = np.random.default_rng(3)
    bank = bank_of(rng.lognormal(size=3_000))
    p = np.array([10 ** -evidence(bank, score) for score in rng.lognormal(size=2_000)])
    assert [float((p <= level).mean()) for level in (0.02, 0.1, 0.5)] == pytest.approx([0.02, 0.1, 0.5], rel=0.15)
