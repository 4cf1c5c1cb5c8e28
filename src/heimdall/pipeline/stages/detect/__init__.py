"""Detection inside the pipeline: columns of a span become counts by step of time, steps become findings.

`aggregate` counts a span's records by step, service and template; `stage` collects the counts of a step until it is
over, hands it to the tenant's watch (`heimdall.insight.watch`), and marks the span's records.
"""

from heimdall.pipeline.stages.detect.stage import DetectConfig, DetectStage

__all__ = ["DetectConfig", "DetectStage"]
