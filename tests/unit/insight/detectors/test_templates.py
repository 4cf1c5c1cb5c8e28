"""Pairs of service and template: rates, novelty, and what is remembered of too many."""

from __future__ import annotations

import numpy as np

from heimdall.insight.detectors.templates import TemplateBank, TemplateConfig, TemplateStep

PAIRS = 64
KNOWN = 8
"""Templates of service 0, which come in every step."""


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
        services, templates, records, np.zeros(size, np.bool_), step, np.ones(size), np.ones(size, np.bool_)
    )
    own.passed(np.array([0, 1]))
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
        size, grave = np.ones(20), np.zeros(20, np.bool_)
        own.step(np.ones(20, np.int64), new, size, grave, step, size, ~grave)
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
