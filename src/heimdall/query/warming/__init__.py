"""Answers made before they are asked for: on a schedule, and by what a person is likely to ask next.

`history` learns from what was asked, `schedule` reads cron lines, `warmer` asks when nobody else does; what it asks
lands in the query cache like everything else.
"""

from heimdall.query.warming.history import History, Moved
from heimdall.query.warming.schedule import Planned, read_plan
from heimdall.query.warming.warmer import Warmer

__all__ = ["History", "Moved", "Planned", "Warmer", "read_plan"]
