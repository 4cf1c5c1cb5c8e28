"""The basket, in Go over the cache."""

from __future__ import annotations

from heimdall.app.demo.lines import BROKEN, Draw, Line, Routine, Script

SCRIPT = Script(
    knows=("user_id", "session_id"),
    lines=(
        Line(op="add", level="info", logger="cart/add.go:44", message="item added to cart",
             fields=("sku", "quantity", "items")),
        Line(op="get", level="debug", logger="cart/get.go:29", message="cart loaded", fields=("items", "amount")),
        Line(op="add", level="warn", logger="cart/add.go:61", message="price changed since the article was viewed",
             share=0.015, fields=("sku", "price")),
        Line(op="add", level="error", logger="cart/store.go:92", message="cart store did not answer", outcomes=BROKEN),
        Line(op="get", level="error", logger="cart/store.go:92", message="cart store did not answer", outcomes=BROKEN),
    ),
    routines=(
        Routine(period_s=60, level="info", logger="cart/runtime.go:18", message="runtime statistics", jitter=0.05,
                fields=("cpu_usage=cpu", "memory_usage=mem", "goroutines=threads")),
        Routine(period_s=1200, level="info", logger="cart/sweep.go:55", message="swept {carts} abandoned carts",
                draws=(Draw("carts", 3, 90),), fields=("carts",)),
    ),
)  # fmt: skip
