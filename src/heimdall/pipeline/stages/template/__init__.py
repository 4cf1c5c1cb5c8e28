"""Template mining: mask → unique → remember → think about what is new → merge between batches.

Read it in the order a message meets it: `mask` (the whole column at once), `cache` (forms seen before), `tokens`
(a new form becomes a shape), `tree` and `miner` (a shape finds or founds its template), `merge` (words that turn out
to be parameters). `stage` is the door. How well it does and how that is measured: `docs/templates.md`.
"""

from heimdall.pipeline.stages.template.miner import MinerLimits
from heimdall.pipeline.stages.template.stage import TemplateStage

__all__ = ["MinerLimits", "TemplateStage"]
