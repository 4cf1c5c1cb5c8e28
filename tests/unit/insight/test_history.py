"""Many steps learnt at once leave a watch nearly as the same steps one by one do."""

from __future__ import annotations

import numpy as np
import pytest

from heimdall.insight.conformal import TailBank
from heimdall.insight.feedback import Feedback
from heimdall.insight.step import COLUMNS, PairCounts, joined
from heimdall.insight.watch import TenantWatch
from heimdall.model.batch import TenantId

START = 1_000_000
SERVICES = ("cart", "pay", "nightly")
STEPS = 3_000


def logged(seed: int = 3) -> PairCounts:
    """Two services that log all the time, one every 200th step; an hour in which one of them fails."""
    rng = np.random.default_rng(seed)
    rows = []
    for step in range(STEPS):
        for service in (0, 1) if step % 200 else (0, 1, 2):
            for template in (1, 2):
                records = rng.poisson(8 if template == 1 else 2)
                if records:
                    slow = np.log1p(rng.lognormal(3, 0.3, records)).sum()
                    rows.append((step, service, template, records, 0, rng.binomial(records, 0.05), slow, records, 0))
        if 1_000 <= step < 1_240:
            rows.append((step, 1, 9, 300, 300, 0, 0, 0, 0))
    table = np.array(sorted(rows), np.float64)
    return PairCounts(
        START + table[:, 0].astype(np.int64), table[:, 1].astype(np.int64), table[:, 2].astype(np.uint64),
        np.ascontiguousarray(table[:, 3:].T),
    )  # fmt: skip


def watch() -> TenantWatch:
    own = TenantWatch(TenantId("default"), Feedback())
    for service in SERVICES:
        own.row_of(service, START)
    return own


@pytest.fixture(scope="module")
def pairs() -> PairCounts:
    return logged()


@pytest.fixture(scope="module")
def stepped(pairs: PairCounts) -> dict[str, np.ndarray]:
    own = watch()
    for step in range(START, START + STEPS):
        start, end = np.searchsorted(pairs.steps, [step, step + 1]).tolist()
        own.step(pairs.part(start, end).at(step))
    return own.arrays()


@pytest.fixture(params=[1, 5])
def taught(pairs: PairCounts, request: pytest.FixtureRequest) -> dict[str, np.ndarray]:
    """In one stretch, and in five."""
    own, after = watch(), -1
    for bounds in np.array_split(np.arange(START, START + STEPS), request.param):
        start, end = np.searchsorted(pairs.steps, [bounds[0], bounds[-1] + 1]).tolist()
        own.teach(pairs.part(start, end), after, 20)
        after = int(bounds[-1])
    return own.arrays()


def test_rates_are_the_same(stepped: dict[str, np.ndarray], taught: dict[str, np.ndarray]) -> None:
    rate, expected = (state["counts/events"] / state["counts/exposure"] for state in (taught, stepped))
    np.testing.assert_allclose(rate[:2, 0], expected[:2, 0], rtol=0.03)
    np.testing.assert_allclose(rate[:2, 2], expected[:2, 2], rtol=0.1)
    np.testing.assert_allclose(taught["counts/exposure"][:2, 0], stepped["counts/exposure"][:2, 0], rtol=0.01)
    np.testing.assert_allclose(taught["counts/dispersion"][:2, 0], stepped["counts/dispersion"][:2, 0], rtol=0.25)


def test_latency_is_the_same(stepped: dict[str, np.ndarray], taught: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(taught["latency/usual"], stepped["latency/usual"], rtol=0.01)
    np.testing.assert_allclose(taught["latency/variance"][:2], stepped["latency/variance"][:2], rtol=0.4)


def test_templates_are_known(stepped: dict[str, np.ndarray], taught: dict[str, np.ndarray]) -> None:
    def by_pair(state: dict[str, np.ndarray], name: str) -> dict[tuple[int, ...], float]:
        values = state[f"templates/{name}"][state["templates/rows"]].tolist()
        return dict(zip(map(tuple, state["templates/keys"].tolist()), values, strict=True))

    assert by_pair(taught, "last") == by_pair(stepped, "last")
    for name, rtol in (("exposure", 0.01), ("events", 0.1)):
        expected, found = by_pair(stepped, name), by_pair(taught, name)
        usual = [pair for pair in expected if pair[0] == 0]  # cart; what an incident teaches is bounded otherwise
        np.testing.assert_allclose([found[p] for p in usual], [expected[p] for p in usual], rtol=rtol)
    np.testing.assert_allclose(taught["templates/first_steps"], stepped["templates/first_steps"], rtol=0.01)
    healthy = [0, 2]  # news that an hour of failing follows is not learnt from steps; history does not tell it apart
    taught_rates, expected_rates = (state["templates/first_rates"][healthy] for state in (taught, stepped))
    np.testing.assert_allclose(taught_rates, expected_rates, rtol=0.05)


def test_gaps_are_the_same(stepped: dict[str, np.ndarray], taught: dict[str, np.ndarray]) -> None:
    assert taught["silence/gap"].tolist() == stepped["silence/gap"].tolist()
    gaps = stepped["silence/tails.counts"]
    assert np.abs(taught["silence/tails.counts"] - gaps).sum() <= 0.01 * gaps.sum()


def test_scores_taught_at_once_rank_as_those_learnt_in_turn() -> None:
    scores = np.random.default_rng(1).lognormal(0, 2, (5_000, 1))
    scores[700] = 1e9
    one, many = TailBank(1, half_life=1_000), TailBank(1, half_life=10**9)
    exact = TailBank(1, half_life=10**9)
    for bank in (one, many, exact):
        bank.grow(1)
    for score in scores:
        exact.learn(np.array([0]), score[None])
    for bank in (one, many):
        bank.teach(np.zeros(len(scores), np.int64), scores)
    asked = np.array([[0.1], [1.0], [10.0], [1e3]])
    for score in asked:
        found, expected = (bank.evidence(np.array([0]), score[None]) for bank in (many, exact))
        assert found[0, 0] == pytest.approx(expected[0, 0], abs=0.1)
    assert one.learnt(np.array([0]))[0, 0] < 2_000


def test_joined_counts_add_up_and_stay_sorted(pairs: PairCounts) -> None:
    odd, even = (np.flatnonzero(pairs.templates % 2 == rest) for rest in (1, 0))
    parts = [
        PairCounts(pairs.steps[at], pairs.services[at], pairs.templates[at], pairs.columns[:, at])
        for at in (even, odd, even)
    ]
    whole = joined(parts)
    assert (np.diff(whole.steps) >= 0).all()
    np.testing.assert_array_equal(whole.templates, pairs.templates)
    twice = np.where(pairs.templates % 2 == 0, 2, 1)
    np.testing.assert_array_equal(whole.columns, pairs.columns * twice)
    assert len(joined([])) == 0
    assert joined([]).columns.shape == (len(COLUMNS), 0)
