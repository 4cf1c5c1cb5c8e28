"""Values of fields that a service never had, or hardly ever."""

from __future__ import annotations

import random

import numpy as np
import pytest

from heimdall.insight.detectors.values import Occurrences, ValueBank, ValueConfig


class Services:
    """Says which values came, step by step."""

    def __init__(self, config: ValueConfig | None = None) -> None:
        self.bank = ValueBank(config)
        self.step = 1_000

    def have(self, *values: tuple[str, str], service: int = 0, grave: bool = False) -> float:
        found = [(self.step, service, place, 1, grave, place) for place in range(len(values))]
        self.bank.learn(Occurrences(values, found, lambda row, name: (row + 2, f"message {row}", name)), self.step - 1)
        return float(self.bank.evidence(self.step, service + 1)[service])

    def passed(self) -> None:
        self.bank.passed(self.step)
        self.step += 1


def watched(steps: int, config: ValueConfig | None = None) -> Services:
    """Of a service with two status codes and a thousand hosts."""
    services = Services(config)
    for number in range(steps):
        services.have(("status", "200" if number % 3 else "404"), ("id", f"i{number}"), ("region", "eu"))
        services.passed()
    return services


def test_a_value_a_service_never_had_is_the_rarer_the_longer_it_was_watched() -> None:
    hour, day = watched(240), watched(5_760)
    assert 2.0 < hour.have(("status", "507")) < 2.8
    assert 3.8 < day.have(("status", "507"), grave=True) < 4.3
    rare = day.bank.rarest(day.step, 0)
    assert rare is not None
    assert (rare.field, rare.value, rare.records, rare.before, rare.since) == ("status", "507", 1, 0, 1_000)
    assert (rare.template, rare.message, rare.grave) == (2, "message 0", True)
    day.have(("status", "507"))
    assert rare.records == 2
    day.passed()
    assert day.bank.rarest(day.step - 1, 0) is None


def test_what_was_hardly_ever_there_is_news_a_few_times_and_then_usual() -> None:
    services = watched(2_000)
    said = []
    for _ in range(6):
        said.append(services.have(("status", "507")))
        services.passed()
    assert said[0] > 3.0
    assert said[1] < said[0]
    assert said[4:] == [0.0, 0.0]


def test_ids_are_no_news_and_neither_is_a_field_that_keeps_bringing_values() -> None:
    services = watched(500)
    assert services.have(("id", "never seen")) == 0.0
    for number in range(400):
        services.have(("version", f"v{number // 20}"), ("status", "200"))
        services.passed()
    assert services.have(("version", "v99")) < 1.6
    assert services.have(("status", "507")) > 2.0


def test_nothing_is_news_before_a_field_is_known() -> None:
    services = watched(78)
    assert services.have(("status", "507")) == 0.0
    assert services.have(("color", "red")) == 0.0


def test_many_fields_that_each_bring_little_make_each_of_them_less_of_a_surprise() -> None:
    """Thirty fields, each with a new value a few times in two hours: some field brings one every few steps."""
    chance = random.Random(5)
    services = Services()
    said = []
    for number in range(1_000):
        values = [
            (f"f{field}", f"new {number}" if number > 100 and chance.random() < 0.005 else "usual")
            for field in range(30)
        ]
        said.append(services.have(*values))
        services.passed()
    late = np.array(said[500:])
    assert (late > 0).mean() > 0.1
    assert (late >= 2.0).mean() < 0.01  # at most as often as it says, -log10 p of 2 being once in a hundred steps
    assert (late >= 1.0).mean() < 0.1


def test_state_is_bounded_whatever_comes() -> None:
    config = ValueConfig(values_of_field=20, fields_of_service=8, fields=30, values=100, events=10)
    services = Services(config)
    chance = random.Random(3)
    for _ in range(400):
        for service in range(10):
            services.have(
                *((f"f{chance.randrange(50)}", f"v{chance.randrange(30)}") for _ in range(6)), service=service
            )
        services.step += 1
    bank = services.bank
    assert sum(len(own.fields) for own in bank._services.values()) <= 30
    assert sum(len(each.values) for own in bank._services.values() for each in own.fields.values() if each) <= 100
    assert len(bank._events) <= 10


@pytest.mark.parametrize("cut", [120, 700])
def test_a_restored_bank_goes_on_as_the_one_it_was_taken_from(cut: int) -> None:
    chance = random.Random(9)
    course = [[("status", chance.choice("abcde" if n < 600 else "abcdefgh")), ("id", str(n))] for n in range(900)]
    whole, restored = Services(), Services()
    said: list[float] = []
    for number, values in enumerate(course):
        said.append(whole.have(*values))
        if number == cut:
            restored.bank.load(whole.bank.arrays())
            restored.step = whole.step
        elif number > cut:
            assert restored.have(*values) == said[-1]
        whole.passed()
        if number >= cut:
            restored.passed()
    assert max(said) > 0
