"""The cache: saves itself now and then; otherwise it keeps quiet."""

from __future__ import annotations

from heimdall.app.demo.lines import Draw, Routine, Script

SCRIPT = Script(
    knows=(),
    routines=(
        Routine(period_s=300, level="info", logger="", message="* {changes} changes in 300 seconds. Saving...",
                draws=(Draw("changes", 100, 6_000),)),
        Routine(period_s=300, level="info", logger="", jitter=0.02, message="* DB saved on disk, {mib} MiB in {ms} ms",
                draws=(Draw("mib", 180, 260), Draw("ms", 200, 900))),
        Routine(period_s=60, level="info", logger="", jitter=0.02,
                message="- {clients} clients connected, memory {mem_mib} of {limit_mib} MiB, hit rate {hits}%",
                draws=(Draw("clients", 40, 180), Draw("hits", 84, 97, 1))),
        Routine(period_s=7200, level="warn", logger="", share=0.6,
                message="# Asynchronous AOF fsync is taking too long (disk is busy?), latency {ms} ms",
                draws=(Draw("ms", 2_000, 4_000),)),
    ),
)  # fmt: skip
