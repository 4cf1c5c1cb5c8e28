"""Stock, in Go with klog."""

from __future__ import annotations

from heimdall.app.demo.effects import Outcome
from heimdall.app.demo.lines import BROKEN, Draw, Line, Routine, Script

_STACK = (
    "goroutine 88 [running]:\n"
    "shop/inventory/store.(*Postgres).Reserve(0xc0000b2000, {{0xc00039c0f0, 0x9}}, 0x2)\n"
    "\t/src/store/postgres.go:173 +0x4d1\n"
    "shop/inventory/server.(*Server).Reserve(0xc0001aa000, {{0xb0f1a8, 0xc000514000}})\n"
    "\t/src/server/reserve.go:61 +0x125"
)

SCRIPT = Script(
    lines=(
        Line(op="stock", level="info", logger="stock.go:41", message="{sku} in stock: {left} left", share=0.5,
             draws=(Draw("left", 1, 240),)),
        Line(op="reserve", level="info", logger="reserve.go:87",
             message="reserved {quantity} of {sku} for order {order_id}"),
        Line(op="reserve", level="warn", logger="reserve.go:95", outcomes=(Outcome.STOCK,),
             message="{sku} is sold out, order {order_id} refused"),
        Line(op="reserve", level="error", logger="reserve.go:102", outcomes=(Outcome.CLIENTS,), stack=_STACK,
             message="reservation for order {order_id} failed: pq: sorry, too many clients already"),
        Line(op="reserve", level="error", logger="reserve.go:102",
             outcomes=tuple(o for o in BROKEN if o != Outcome.CLIENTS),
             message="reservation for order {order_id} failed: pq: could not extend file"),
    ),
    routines=(
        Routine(period_s=60, level="info", logger="runtime.go:22", jitter=0.05,
                message="cpu={cpu_pct}% memory={mem_mib}MiB of {limit_mib}MiB goroutines={threads}"),
        Routine(period_s=420, level="info", logger="sync.go:130",
                message="synchronised {articles} articles with warehouse {warehouse} in {ms} ms",
                draws=(Draw("articles", 300, 2_100), Draw("warehouse", 1, 4), Draw("ms", 120, 2_400))),
        Routine(period_s=5400, level="warn", logger="sync.go:141", share=0.5,
                message="warehouse {warehouse} answered late, {ms} ms",
                draws=(Draw("warehouse", 1, 4), Draw("ms", 3_000, 9_000))),
    ),
)  # fmt: skip
