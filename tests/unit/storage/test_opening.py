from __future__ import annotations

from pathlib import Path

import pytest

from heimdall.clock import ManualClock
from heimdall.errors import Misconfigured
from heimdall.storage import Tiers, open_engine


def test_a_url_without_a_directory_takes_the_default_one(tmp_path: Path) -> None:
    engine = open_engine("clickhouse+embedded://", ManualClock(), default_directory=tmp_path / "storage")
    engine.close()
    assert (tmp_path / "storage").is_dir()


def test_a_directory_with_odd_characters_works(tmp_path: Path) -> None:
    engine = open_engine(f"clickhouse+embedded://{tmp_path}/odd%20name%20%26%20more", ManualClock())
    assert engine.statistics().rows == 0
    engine.close()
    assert (tmp_path / "odd name & more").is_dir()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("clickhouse+embeded:///x", "did you mean clickhouse"),
        ("postgres://x", "known: "),
        ("clickhouse+embedded://host/x", "absolute"),
        ("clickhouse+embedded://", "absolute"),
    ],
)
def test_a_wrong_url_is_answered_with_the_way_out(url: str, told: str) -> None:
    with pytest.raises(Misconfigured, match=told):
        open_engine(url, ManualClock())


def test_tiers_append_to_the_first() -> None:
    hot, cold = open_engine("memory://", ManualClock()), open_engine("memory://", ManualClock())
    tiers = Tiers({"hot": hot, "cold": cold})
    assert tiers.names == ("hot", "cold")
    assert tiers.hot is hot
    assert tiers["cold"] is cold
    assert set(tiers.statistics()) == {"hot", "cold"}
    tiers.close()
