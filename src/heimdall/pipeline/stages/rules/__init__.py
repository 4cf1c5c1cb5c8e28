"""Rules are evaluated over every batch on its way to storage."""

from heimdall.pipeline.stages.rules.stage import RulesStage

__all__ = ["RulesStage"]
