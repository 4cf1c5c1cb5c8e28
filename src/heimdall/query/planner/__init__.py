"""The planner: what a question costs by each way of answering it, and which way that makes the best.

`selectivity` says how many records match, `work` what a statement does with each, `cost` what that takes; `planner`
prices the strategies that there are for a question and picks one.
"""

from heimdall.query.planner.cost import CostModel
from heimdall.query.planner.planner import Candidate, Plan, Planner
from heimdall.query.strategy import Strategy

__all__ = ["Candidate", "CostModel", "Plan", "Planner", "Strategy"]
