"""Parts that cannot be put together."""

from __future__ import annotations

from pathlib import Path

import pytest

from heimdall.app.config import load_config
from heimdall.app.wiring import build_parts
from heimdall.clock import SystemClock
from heimdall.errors import Misconfigured
from heimdall.storage.opening import open_tiers


def test_storage_is_closed_where_the_rest_cannot_be_opened(tmp_path: Path) -> None:
    config = load_config(None, {"data": tmp_path / "data", "alerting.file": tmp_path / "missing.toml"})
    clock = SystemClock()
    with pytest.raises(Misconfigured, match=r"missing\.toml"):
        build_parts(config, clock, open_tiers(config.storage, clock, data=config.data))
    engine, _ = open_tiers(config.storage, clock, data=tmp_path / "other")  # one folder is open in a process at a time
    engine.close()
