"""Jobs by the clock: short ones all day, long ones at night that look like trouble and are not."""

from __future__ import annotations

from heimdall.app.demo.lines import Draw, Routine, Script

SCRIPT = Script(
    knows=(),
    routines=(
        Routine(period_s=300, level="info", logger="scheduler.go:77", message="job abandoned-carts finished",
                fields=("job_ms", "mails"), draws=(Draw("job_ms", 300, 4_000), Draw("mails", 0, 25))),
        Routine(period_s=60, level="debug", logger="scheduler.go:40", message="nothing due",
                fields=("cpu_usage=cpu", "memory_usage=mem")),
        Routine(period_s=4, level="info", logger="report.go:112", daily_h=(2.0, 2.45),
                message="job sales-report aggregated chunk {tick}", fields=("rows", "chunk=tick"),
                draws=(Draw("rows", 4_000, 52_000),)),
        Routine(period_s=2, level="info", logger="invoice.go:58", daily_h=(4.0, 4.3), jitter=0.3,
                message="job invoices rendered invoice INV-{number}", fields=("number", "pages"),
                draws=(Draw("number", 100_000, 999_999), Draw("pages", 1, 5))),
        Routine(period_s=90, level="warn", logger="invoice.go:71", daily_h=(4.0, 4.3),
                message="job invoices skipped a customer without address", fields=("customer",),
                draws=(Draw("customer", 100_000, 124_000),)),
    ),
)  # fmt: skip
