"""Pairs of service and template: rates, novelty, and what is remembered of too many."""

from __future__ import annotations

import numpy as np

from heimdall.insight.detectors.templates import TemplateBank, TemplateConfig, TemplateStep

PAIRS = 64
KNOWN = 8
"""Templates of service 0, which come in every step."""
NOBODY = np.zeros(0, np.int64)
WELL = np.zeros(2, np.bool_)
PLAIN, ERROR = 0, 2


def bank(pairs: int = PAIRS) -> TemplateBank:
    own = TemplateBank(TemplateConfig(pairs=pairs, settling_steps=5))
    own.grow(2)
    return own


def stepped(own: TemplateBank, step: int, flood: int, counts: np.ndarray) -> TemplateStep:
    """The known templates with these counts, and so many of service 1 that never came before."""
    services = np.concatenate([np.zeros(KNOWN, np.int64), np.ones(flood, np.int64)])
    new = 1_000 + step * flood + np.arange(flood)
    templates = np.concatenate([np.arange(KNOWN), new]).astype(np.uint64)
    records = np.concatenate([counts, np.ones(flood)])
    size = len(services)
    found = own.step(
        services, templates, records, np.zeros(size, np.int64), step, np.ones(size), np.ones(size, np.bool_)
    )
    own.passed(np.array([0, 1]), step, NOBODY, WELL)
    return found


def poisson(rate: float, steps: int) -> np.ndarray:
    return np.random.default_rng(4).poisson(rate, (steps, KNOWN)).astype(np.float64)


def test_a_template_of_every_step_is_expected_as_often_as_it_comes() -> None:
    own = bank()
    counts = poisson(20.0, 400)
    steps = [stepped(own, step, 0, row) for step, row in enumerate(counts)]
    assert np.abs(steps[-1].expected - 20.0).max() < 2.0
    assert max(step.burst.max() for step in steps[20:]) < 3.0
    assert stepped(own, 400, 0, np.full(KNOWN, 60.0)).burst.min() > 5.0


def test_one_of_every_tenth_step_is_expected_a_tenth_as_often() -> None:
    own = bank()
    for step in range(0, 4_000, 10):
        found = stepped(own, step, 0, np.full(KNOWN, 5.0))
    assert np.abs(found.expected - 0.5).max() < 0.1


def test_a_flood_of_new_templates_leaves_what_is_known_as_it_is() -> None:
    flooded, calm = bank(), bank()
    for step, row in enumerate(poisson(5.0, 60)):
        found, expected = stepped(flooded, step, 20, row), stepped(calm, step, 0, row)
        np.testing.assert_allclose(found.expected[:KNOWN], expected.expected)
        assert found.known[:KNOWN].all() == (step > 0)
        assert not found.known[KNOWN:].any()
    assert len(flooded.arrays()["keys"]) <= PAIRS


def test_one_service_cannot_make_the_others_forget() -> None:
    own = bank()
    stepped(own, 0, 0, np.full(KNOWN, 5.0))
    for step in range(1, 60):
        new = 1_000 + step * 20 + np.arange(20, dtype=np.uint64)
        size, plain = np.ones(20), np.zeros(20, np.int64)
        own.step(np.ones(20, np.int64), new, size, plain, step, size, np.ones(20, np.bool_))
    assert stepped(own, 60, 0, np.full(KNOWN, 5.0)).known.all()


def test_more_pairs_in_a_step_than_are_remembered_are_all_judged() -> None:
    own = bank()
    for step, row in enumerate(poisson(5.0, 20)):
        found = stepped(own, step, 3 * PAIRS, row)
        assert np.isfinite(found.burst).all()
        assert found.known[:KNOWN].all() == (step > 0)
    assert len(own.arrays()["keys"]) == PAIRS
    assert (found.fresh[KNOWN:] >= 0).all()


def test_a_restored_bank_goes_on_as_if_nothing_had_happened() -> None:
    first, second = bank(), bank()
    counts = poisson(5.0, 80)
    for step, row in enumerate(counts[:40]):
        stepped(first, step, 20, row)
    second.load({name: value.copy() for name, value in first.arrays().items()})
    for step, row in enumerate(counts[40:], 40):
        one, other = (stepped(own, step, 20, row) for own in (first, second))
        for name in ("burst", "fresh", "expected", "known"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name, value in first.arrays().items():
        np.testing.assert_array_equal(second.arrays()[name], value)


def problem(own: TemplateBank, step: int, template: int, *, service: int = 0, grade: int = ERROR) -> float:
    """Evidence of one record of a template; then the step is over."""
    one = np.ones(1)
    found = own.step(
        np.array([service]), np.array([template], np.uint64), one, np.array([grade]), step, one, np.ones(1, np.bool_)
    )
    return float(found.fresh[0])


def healthy(own: TemplateBank, first: int, end: int, ill: np.ndarray = NOBODY) -> None:
    """Steps in which both services log what they always log."""
    for step in range(first, end):
        problem(own, step, 1, grade=PLAIN)
        problem(own, step, 1, service=1, grade=PLAIN)
        own.passed(np.array([0, 1]), step, ill, WELL)


def test_a_service_learns_from_the_others_how_rare_new_problems_are() -> None:
    alone, beside = TemplateBank(), TemplateBank()
    alone.grow(1)
    beside.grow(2)
    for step in range(1_000):
        problem(alone, step, 1, grade=PLAIN)
        alone.passed(np.array([0]), step, NOBODY, WELL)
        if step == 300:
            problem(alone, step, 6)
    healthy(beside, 0, 301)
    problem(beside, 300, 6)
    healthy(beside, 301, 1_000)
    assert problem(beside, 1_000, 7) > problem(alone, 1_000, 7)


def test_a_second_new_problem_within_minutes_makes_the_first_sure() -> None:
    own = TemplateBank()
    own.grow(2)
    healthy(own, 0, 1_000)
    first = problem(own, 1_000, 7)
    healthy(own, 1_001, 1_003)
    assert problem(own, 1_003, 8) > first + 0.5


def test_what_trouble_follows_is_not_learnt_as_healthy_and_what_nothing_follows_is() -> None:
    told = []
    for ill in (np.array([0]), NOBODY):
        own = TemplateBank()
        own.grow(2)
        healthy(own, 0, 1_000)
        for number in range(4):
            first = 1_000 + 100 * number
            problem(own, first, 10 + number)
            healthy(own, first + 1, first + 100, ill)
        told.append(problem(own, 1_400, 8))
    assert told[0] > told[1] + 0.3
