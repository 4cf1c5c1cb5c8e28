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
