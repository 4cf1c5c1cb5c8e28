"""The simulation's modules are scripts as well: they find each other by their folder, here as on the command line."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
