"""The agent on every node: probes, images, and what happens to containers."""

from __future__ import annotations

from heimdall.app.demo.lines import Draw, Routine, Script

SCRIPT = Script(
    knows=(),
    routines=(
        Routine(period_s=120, level="info", logger="kubelet_node_status.go:724", jitter=0.1,
                message="Recording NodeReady event, {pods} pods running", draws=(Draw("pods", 14, 19),)),
        Routine(period_s=1500, level="info", logger="image_gc_manager.go:312", jitter=0.4,
                message="Disk usage on image filesystem is at {usage} percent, below threshold",
                draws=(Draw("usage", 31, 58),)),
        Routine(period_s=2700, level="warn", logger="prober.go:107", share=0.35, jitter=0.8,
                message="Readiness probe for pod default/recommendation-{n} was slow: {ms} ms",
                draws=(Draw("n", 1, 3), Draw("ms", 800, 1_900))),
    ),
)  # fmt: skip
