"""Gaps of a service, in whole steps and within one."""

from __future__ import annotations

import numpy as np

from heimdall.insight.detectors.silence import SilenceBank

ROW, ONE, NONE = np.array([0]), np.ones(1), np.zeros(1)
USUAL = np.array([4.0])


def heard(steps: int) -> SilenceBank:
    bank = SilenceBank()
    bank.grow(1)
    for _ in range(steps):
        bank.step(ROW, ONE, USUAL, ONE)
    return bank


def test_evidence_grows_within_a_step_and_ends_at_what_the_step_says() -> None:
    bank = heard(20_000)
    for _ in range(2):
        bank.step(ROW, NONE, USUAL, ONE)
    before = {name: value.copy() for name, value in bank.arrays().items()}
    said = [float(bank.look(ROW, NONE, USUAL, ONE, part).evidence[0]) for part in (0.0, 0.3, 0.6, 1.0)]
    assert said == sorted(said)
    assert said[0] < said[-1]
    for name, value in bank.arrays().items():
        np.testing.assert_array_equal(value, before[name])
    assert float(bank.step(ROW, NONE, USUAL, ONE).evidence[0]) == said[-1]


def test_one_record_ends_it() -> None:
    bank = heard(1_000)
    for _ in range(5):
        bank.step(ROW, NONE, USUAL, ONE)
    assert bank.look(ROW, ONE, USUAL, ONE, 0.9).evidence[0] == 0.0


def outage(bank: SilenceBank, steps: int) -> int:
    """Steps until it is sure that the service is silent; then the silence goes on, and ends."""
    evidence = [float(bank.step(ROW, NONE, USUAL, ONE).evidence[0]) for _ in range(steps)]
    bank.step(ROW, ONE, USUAL, ONE)
    return next(place for place, each in enumerate(evidence) if each >= 4.0) + 1


def test_a_long_outage_is_no_reason_to_wait_longer_for_the_next() -> None:
    bank = heard(10_000)
    first = outage(bank, 200)
    for _ in range(1_000):
        bank.step(ROW, ONE, USUAL, ONE)
    assert outage(bank, 200) <= first + 1


def test_silences_that_come_again_and_again_are_usual_after_some() -> None:
    bank = heard(2_000)
    for _ in range(25):
        for _ in range(100):
            bank.step(ROW, ONE, USUAL, ONE)
        for _ in range(30):
            bank.step(ROW, NONE, USUAL, ONE)
    bank.step(ROW, ONE, USUAL, ONE)
    assert max(float(bank.step(ROW, NONE, USUAL, ONE).evidence[0]) for _ in range(30)) < 4.0
