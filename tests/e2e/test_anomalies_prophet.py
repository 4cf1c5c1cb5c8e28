"""`anomalies using prophet` with the real model, in a process that has it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from installing import one_at_a_time

PACKAGES = (
    "prophet>=1.1.7",
    "cmdstanpy",
    "holidays",
    "stanio",
    "importlib_resources",
    "tqdm",
    "python-dateutil",
    "six",
)

SCRIPT = """
import datetime, json
import numpy as np
from heimdall.errors import InvalidInput
from heimdall.insight.detectors.forecasting import forecasting_model, judged

days = [datetime.datetime(2022, 1, 1) + datetime.timedelta(days=n) for n in range(3 * 365)]
values = np.array([100 + 20 * (day.weekday() < 5) for day in days]) + np.random.default_rng(2).normal(0, 3, len(days))
values[[(day.month, day.day) == (10, 3) for day in days]] -= 60  # the national holiday of Germany
values[500] += 90
times = np.array([int(day.replace(tzinfo=datetime.UTC).timestamp()) * 10**9 for day in days])
found = {}
for holidays in (None, "DE"):
    marked = judged(values, forecasting_model("prophet", holidays)(times, values, lambda: None))[1]
    found[str(holidays)] = [str(days[place].date()) for place in np.flatnonzero(marked)]
found["refused"] = []
for holidays in ("XX", "DEC"):
    try:
        forecasting_model("prophet", holidays)(times, values, lambda: None)
    except InvalidInput:
        found["refused"].append(holidays)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def packages(pytestconfig: pytest.Config) -> Path:
    """What the extra brings, beside what every node has."""
    folder = Path(pytestconfig.cache.mkdir("prophet"))
    with one_at_a_time("prophet"):
        if not (folder / ".complete").exists():
            command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", sys.executable, "--no-deps"]
            done = subprocess.run(
                [*command, "--target", str(folder), *PACKAGES], capture_output=True, text=True, timeout=100
            )
            if done.returncode:
                pytest.skip(f"prophet cannot be installed: {done.stderr.strip()[-300:]}")
            (folder / ".complete").touch()
    return folder


def test_a_holiday_is_no_anomaly_where_its_calendar_is_known(packages: Path) -> None:
    paths = [path for path in sys.path if path.endswith("src")]
    environment = {**os.environ, "PYTHONPATH": ":".join([*paths, str(packages)])}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True, timeout=100
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["DE"] == ["2023-05-16"]
    assert found["None"] == ["2022-10-03", "2023-05-16", "2023-10-03", "2024-10-03"]
    assert found["refused"] == ["XX", "DEC"]
    assert not done.stderr
