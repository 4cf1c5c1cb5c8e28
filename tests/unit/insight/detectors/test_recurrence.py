"""What came only in trouble is told as soon as it comes again; what also comes in health is not."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from heimdall.insight.detectors.recurrence import RecurrenceBank

SYMPTOM, GRAVE, USUAL, ONCE = range(4)
"""Pairs of service 0: one that repeats in trouble, a warning, one of every step, one line of no level."""
OTHER = 4
"""Of service 1."""
DAY = 5_760


class Shop:
    """Two services; step after step, pairs occur and service 0 is in trouble or not."""

    def __init__(self) -> None:
        self.bank = RecurrenceBank(6)
        self.bank.grow(2)
        self.bank.begin(np.arange(5), np.array([0, 0, 0, 0, 1]))
        self.step = 1_000

    def pass_by(self, pairs: Collection[int], steps: int = 1, *, trouble: bool = False) -> list[float]:
        """Evidence of each of the pairs in the last of these steps."""
        own = np.array(sorted({*pairs, USUAL}), np.int64)
        services = np.where(own == OTHER, 1, 0)
        for _ in range(steps):
            evidence = self.bank.evidence(services, own, self.step)
            self.bank.step(services, own, own == GRAVE, self.step)
            self.bank.passed(self.step, np.array([trouble, False]))
            self.step += 1
        return [float(evidence[own == pair][0]) for pair in pairs]

    def trouble(self, *pairs: int) -> None:
        """They occur for a minute, then it is certain that something is wrong, then it passes."""
        self.pass_by(pairs, 4)
        self.pass_by((), 20, trouble=True)
        self.pass_by((), 60)


def test_a_message_of_trouble_alone_is_told_when_it_comes_again() -> None:
    shop = Shop()
    shop.pass_by((), DAY)
    assert shop.pass_by([SYMPTOM]) == [0.0]
    shop.trouble(SYMPTOM)
    (evidence,) = shop.pass_by([SYMPTOM])
    assert 3.7 < evidence < 3.9  # never rarer than once in the day that was watched
    assert shop.pass_by([USUAL]) == [0.0]


def test_a_second_symptom_makes_sure_what_the_first_suggested() -> None:
    shop = Shop()
    shop.pass_by((), DAY)
    shop.trouble(SYMPTOM, GRAVE)
    shop.pass_by([SYMPTOM])
    assert shop.pass_by([GRAVE])[0] > 6


def test_what_also_came_in_health_is_no_symptom() -> None:
    shop = Shop()
    shop.pass_by([SYMPTOM, GRAVE])
    shop.pass_by((), DAY)
    shop.trouble(SYMPTOM, GRAVE)
    assert shop.pass_by([SYMPTOM, GRAVE]) == [0.0, 0.0]


def test_one_line_that_is_no_warning_is_no_symptom_and_what_other_services_log_neither() -> None:
    shop = Shop()
    shop.pass_by((), DAY)
    shop.pass_by([ONCE, GRAVE, OTHER])
    shop.trouble(OTHER)
    assert shop.pass_by([ONCE, OTHER]) == [0.0, 0.0]
    assert shop.pass_by([GRAVE])[0] > 3


def test_a_symptom_that_nothing_comes_of_is_none_any_more_and_makes_all_of_them_less_sure() -> None:
    shop = Shop()
    shop.pass_by((), DAY)
    shop.trouble(SYMPTOM, GRAVE)
    (before,) = shop.pass_by([SYMPTOM])
    shop.pass_by((), 60)
    assert shop.pass_by([SYMPTOM]) == [0.0]
    shop.pass_by((), 60)
    assert shop.pass_by([GRAVE])[0] < before


def test_a_symptom_that_trouble_follows_again_stays_one() -> None:
    shop = Shop()
    shop.pass_by((), DAY)
    shop.trouble(SYMPTOM)
    shop.trouble(SYMPTOM)
    assert shop.pass_by([SYMPTOM])[0] > 3.7


def test_a_place_given_to_another_pair_knows_nothing() -> None:
    shop = Shop()
    shop.pass_by((), DAY)
    shop.trouble(SYMPTOM)
    shop.bank.begin(np.array([SYMPTOM]), np.array([0]))
    assert shop.pass_by([SYMPTOM]) == [0.0]
