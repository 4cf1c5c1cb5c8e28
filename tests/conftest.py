from __future__ import annotations

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from kafka_broker import KafkaBroker

# Deadlines measure the machine, not the code; the suite has its own time-out. `make test` tries the same examples each
# time, so that a change is to blame for what fails; `make fuzz-properties` tries others, and more of them.
_SLOW = [HealthCheck.too_slow]
settings.register_profile("quick", max_examples=40, derandomize=True, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("fuzz", max_examples=20_000, deadline=None, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What collection made stays until the end: looking through all of it for garbage took a seventh of the CPU."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """One broker for all tests that only need topics of their own."""
    with KafkaBroker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker
