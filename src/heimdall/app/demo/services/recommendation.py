"""What others bought, in Python: nice to have, and treated so by the pages that show it."""

from __future__ import annotations

from heimdall.app.demo.effects import Outcome
from heimdall.app.demo.lines import BROKEN, Draw, Line, Routine, Script

_STACK = (
    "Traceback (most recent call last):\n"
    '  File "/app/recommendation/serve.py", line 48, in suggest\n'
    "    vector = self.features.get(user)\n"
    '  File "/app/recommendation/features.py", line 29, in get\n'
    "    return self.client.fetch(key)\n"
    "ConnectionResetError: [Errno 104] Connection reset by peer"
)

_DEFECT = (
    "Traceback (most recent call last):\n"
    '  File "/app/recommendation/serve.py", line 52, in suggest\n'
    "    return self.rank(candidates, weights)\n"
    '  File "/app/recommendation/rank.py", line 118, in rank\n'
    '    margin = weights["margin"]\n'
    "KeyError: 'margin'"
)

SCRIPT = Script(
    lines=(
        Line(op="suggest", level="info", logger="recommendation.serve", message="suggested {count} articles", share=0.7,
             fields=("count", "model.score=score"), draws=(Draw("count", 4, 13), Draw("score", 0.2, 0.98, 3))),
        Line(op="suggest", level="error", logger="recommendation.serve", message="feature store connection lost",
             outcomes=tuple(o for o in BROKEN if o != Outcome.DEFECT), stack=_STACK),
        Line(op="suggest", level="error", logger="recommendation.rank", message="ranking failed for {user_id}",
             outcomes=(Outcome.DEFECT,), stack=_DEFECT),
        Line(op="suggest", level="warn", logger="recommendation.serve", slower_than_ms=160,
             message="model was slow: {took_ms} ms", fields=("took_ms",)),
        Line(op="suggest", level="warn", logger="recommendation.features", share=0.006, outcomes=(Outcome.OK,),
             message="no features for {user_id}, cold start"),
    ),
    routines=(
        Routine(period_s=60, level="info", logger="recommendation.runtime", message="runtime statistics", jitter=0.05,
                fields=("cpu_usage=cpu", "memory_usage=mem", "process.threads=threads")),
        Routine(period_s=3600, level="info", logger="recommendation.model", message="model refreshed in {ms} ms",
                fields=("model.version=version_number", "ms"),
                draws=(Draw("ms", 900, 4_000), Draw("version_number", 100, 900))),
    ),
)  # fmt: skip
