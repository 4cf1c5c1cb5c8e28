"""Several votes as one."""

from __future__ import annotations

import numpy as np
import pytest

from heimdall.insight.fusion import Budget, BudgetConfig, combined, fisher


def test_one_strong_vote_among_silent_ones_is_heard() -> None:
    assert combined(np.array([[6.0, 0, 0, 0, 0, 0, 0, 0, 0, 0]]))[0] == pytest.approx(5.0, abs=0.05)


def test_votes_that_say_the_same_do_not_add_up_to_more_than_one() -> None:
    assert combined(np.array([[4.0] * 10]))[0] == pytest.approx(4.0, abs=0.05)


def test_combined_p_values_of_independent_uniform_votes_are_not_too_small() -> None:
    evidence = -np.log10(np.random.default_rng(1).uniform(size=(200_000, 8)))
    p = 10 ** -combined(evidence)
    assert (p <= 0.01).mean() <= 0.015
    assert (p <= 0.001).mean() <= 0.0015


def test_fisher_is_exact_for_independent_votes() -> None:
    evidence = -np.log10(np.random.default_rng(2).uniform(size=(100_000, 5)))
    p = 10 ** -fisher(evidence)
    assert (p <= 0.01).mean() == pytest.approx(0.01, abs=0.001)


def test_a_larger_budget_lowers_the_bar_and_findings_raise_it_for_a_while() -> None:
    generous, strict = (Budget(5_760, BudgetConfig(alerts_per_service_day=rate)) for rate in (10.0, 0.1))
    for budget in (generous, strict):
        budget.grow(1)
    assert generous.bar(0) == pytest.approx(strict.bar(0) - 2)
    before = strict.bar(0)
    strict.spend(0)
    assert strict.bar(0) > before
    for _ in range(20_000):
        strict.step(np.array([0]), np.array([0.0]))
    assert strict.bar(0) == pytest.approx(before, abs=0.01)


def test_findings_of_one_kind_raise_the_bar_of_others_little() -> None:
    own = Budget(5_760, kinds=3)
    own.grow(1)
    before = own.bar(0, 1)
    own.spend(0, 1)
    assert own.bar(0, 1) - before == pytest.approx(0.5)
    assert own.bar(0, 2) - before == pytest.approx(0.15)
    assert own.bars(np.array([0]))[0] == pytest.approx(own.bar(0, 2))


def test_a_finding_that_proves_true_costs_nothing_and_late_proof_is_none() -> None:
    for wait, left in ((20, 0.0), (60, 0.5)):
        own = Budget(5_760, kinds=2)
        own.grow(1)
        before, rows = own.bar(0, 1), np.array([0])
        own.spend(0, 1)
        for evidence in [0.0] * wait + [9.0, 9.0]:
            own.step(rows, np.array([evidence]))
        assert own.bar(0, 1) - before == pytest.approx(left, abs=0.02)
