"""Server-side rendering in Node.js: one line per page, what it did without, what failed behind it."""

from __future__ import annotations

from heimdall.app.demo.effects import REJECTIONS, Outcome
from heimdall.app.demo.lines import BROKEN, Draw, Line, Routine, Script

_HTTP = ("http.method=method", "http.target=path", "http.status_code=status")
_STACK = (
    "UpstreamError: {method} {path} answered {status}\n"
    "    at UpstreamClient.call (/srv/web/dist/upstream/client.js:88:15)\n"
    "    at process.processTicksAndRejections (node:internal/process/task_queues:105:5)\n"
    "    at async renderPage (/srv/web/dist/pages/render.js:41:20)\n"
    "    at async Router.handle (/srv/web/dist/router.js:203:7)"
)

SCRIPT = Script(
    knows=("user_id", "session_id", "request_id"),
    lines=(
        Line(op="page", level="info", logger="http", message="request completed", fields=_HTTP),
        Line(op="page", level="info", logger="http", message="request completed", outcomes=REJECTIONS, fields=_HTTP),
        Line(
            op="page", level="error", logger="http", message="request failed: upstream answered {status}",
            outcomes=(Outcome.UPSTREAM, Outcome.UNAVAILABLE), fields=_HTTP, stack=_STACK,
        ),
        Line(
            op="page", level="error", logger="http", message="request failed: upstream did not answer in time",
            outcomes=(Outcome.TIMEOUT,), fields=_HTTP,
        ),
        Line(
            op="page", level="warn", logger="pages", degraded=True, at=0.9, fields=("http.target=path",),
            message="recommendation unavailable, page rendered with bestsellers instead",
        ),
        Line(
            op="page", level="debug", logger="pages", share=0.12, at=0.8, fields=("bytes", "components"),
            message="rendered {components} components to {bytes} bytes",
            draws=(Draw("components", 8, 60), Draw("bytes", 9_000, 180_000)),
        ),
        Line(
            op="page", level="warn", logger="http", slower_than_ms=2_500, fields=("http.target=path", "took_ms"),
            message="slow page: {took_ms} ms", outcomes=(Outcome.OK, *BROKEN),
        ),
    ),
    routines=(
        Routine(
            period_s=60, level="info", logger="runtime", jitter=0.05,
            message="event loop lag {lag} ms, heap {mem_mib} of {limit_mib} MiB",
            fields=("cpu_usage=cpu", "memory_usage=mem", "loop.lag_ms=lag"), draws=(Draw("lag", 0.4, 9, 1),),
        ),
        Routine(period_s=30, level="debug", logger="http", message="health check answered", fields=()),
    ),
)  # fmt: skip
