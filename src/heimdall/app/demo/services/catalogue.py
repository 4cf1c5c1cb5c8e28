"""Articles and prices, in Go: cache first, then the database."""

from __future__ import annotations

from heimdall.app.demo.effects import Outcome
from heimdall.app.demo.lines import Draw, Line, Routine, Script

PANIC = (
    "panic: runtime error: invalid memory address or nil pointer dereference\n"
    "[signal SIGSEGV: segmentation violation code=0x1 addr=0x18 pc=0x8f3a2c]\n"
    "\n"
    "goroutine 4127 [running]:\n"
    "shop/catalogue/internal/pricing.(*Table).Lookup(0x0, {{0xc0004a61e0, 0x9}})\n"
    "\t/src/internal/pricing/table.go:118 +0x2c\n"
    "shop/catalogue/internal/handler.(*Articles).Get(0xc00021c000, {{0xc5b2c0, 0xc0007ae0a0}}, 0xc0006be300)\n"
    "\t/src/internal/handler/articles.go:64 +0x1b8\n"
    "net/http.HandlerFunc.ServeHTTP(0xc000120b40, {{0xc5b2c0, 0xc0007ae0a0}}, 0xc0006be300)\n"
    "\t/usr/local/go/src/net/http/server.go:2220 +0x29"
)

SCRIPT = Script(
    lines=(
        Line(op="get", level="info", logger="articles.go:71", message="article served", fields=("sku", "price")),
        Line(op="get", level="debug", logger="cache.go:33", message="cache miss", missed=True, at=0.2, fields=("sku",)),
        Line(op="list", level="info", logger="listing.go:52", message="listing served", share=0.8,
             fields=("category", "page", "rows"), draws=(Draw("rows", 12, 48),)),
        Line(op="list", level="debug", logger="cache.go:33", message="cache miss", missed=True, at=0.2,
             fields=("category",)),
        Line(op="list", level="warn", logger="listing.go:88", message="second attempt succeeded", retried=True),
        Line(op="list", level="error", logger="listing.go:90", message="listing failed, connection reset by peer",
             outcomes=(Outcome.TRANSIENT,), fields=("category",)),
        Line(op="list", level="error", logger="store.go:140", message="query failed, database does not answer",
             outcomes=(Outcome.UPSTREAM, Outcome.TIMEOUT, Outcome.CLIENTS, Outcome.DISK), fields=("category",)),
        Line(op="get", level="error", logger="store.go:140", message="query failed, database does not answer",
             outcomes=(Outcome.UPSTREAM, Outcome.TIMEOUT, Outcome.CLIENTS, Outcome.DISK), fields=("sku",)),
        Line(op="get", level="error", logger="articles.go:64", outcomes=(Outcome.DEFECT,), fields=("sku",), at=0.9,
             message="no price list for currency CHF, request aborted", stack=PANIC),
        Line(op="get", level="warn", logger="articles.go:80", message="slow article", slower_than_ms=400,
             fields=("sku", "took_ms")),
    ),
    routines=(
        Routine(period_s=60, level="info", logger="runtime.go:27", message="runtime", jitter=0.05,
                fields=("cpu_usage=cpu", "memory_usage=mem", "goroutines=threads", "heap_mib=mem_mib")),
        Routine(period_s=600, level="info", logger="prices.go:201", message="price list refreshed",
                fields=("articles", "changed"), draws=(Draw("articles", 6_380, 6_400), Draw("changed", 0, 40))),
    ),
)  # fmt: skip
