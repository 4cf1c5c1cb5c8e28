"""Where records are kept: tiers, and the engines behind them.

`Engine` is the port, `engines/` has its adapters, `open_engine` turns a URL into one, `Tiers` names those of a node.
"""

from heimdall.storage.engine import Engine, Rows, ScanRequest, SelectStatistics, SqlEngine, TierStatistics
from heimdall.storage.opening import open_engine
from heimdall.storage.tiers import Tiers

__all__ = [
    "Engine",
    "Rows",
    "ScanRequest",
    "SelectStatistics",
    "SqlEngine",
    "TierStatistics",
    "Tiers",
    "open_engine",
]
