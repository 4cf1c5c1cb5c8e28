"""nginx at the edge: one access line per request, its own errors, the load balancer's health checks."""

from __future__ import annotations

from heimdall.app.demo.effects import Outcome
from heimdall.app.demo.lines import BROKEN, Draw, Line, Routine, Script

_ACCESS = '"{method} {path} HTTP/1.1" {status} {bytes} "https://shop.example.com/" "{agent}"'
_ANSWER = (
    Outcome.OK, Outcome.DECLINED, Outcome.PASSWORD, Outcome.STOCK, Outcome.LOCKED, Outcome.LIMITED,
)  # fmt: skip

SCRIPT = Script(
    knows=(),
    lines=(
        Line(
            op="http", level="info", logger="{ip} - -", message=_ACCESS, outcomes=_ANSWER,
            draws=(Draw("bytes", 640, 48_000),),
        ),
        Line(
            op="http", level="info", logger="{ip} - -", message=_ACCESS, outcomes=BROKEN,
            draws=(Draw("bytes", 157, 560),),
        ),
        Line(
            op="http", level="error", logger="", outcomes=(Outcome.TIMEOUT,), at=0.999,
            message='*{connection} upstream timed out (110: Connection timed out) while reading response header from '
            'upstream, client: {ip}, server: shop.example.com, request: "{method} {path} HTTP/1.1", '
            'upstream: "http://web:3000{path}", host: "shop.example.com"',
            draws=(Draw("connection", 100_000, 999_999),),
        ),
        Line(
            op="http", level="error", logger="", outcomes=(Outcome.UNAVAILABLE,), at=0.999,
            message='*{connection} connect() failed (111: Connection refused) while connecting to upstream, '
            'client: {ip}, server: shop.example.com, request: "{method} {path} HTTP/1.1", host: "shop.example.com"',
            draws=(Draw("connection", 100_000, 999_999),),
        ),
        Line(
            op="http", level="error", logger="", outcomes=(Outcome.LIMITED,), at=0.999,
            message='*{connection} limiting requests, excess: {excess} by zone "login", client: {ip}, '
            'server: shop.example.com, request: "{method} {path} HTTP/1.1", host: "shop.example.com"',
            draws=(Draw("connection", 100_000, 999_999), Draw("excess", 5, 20, 3)),
        ),
    ),
    routines=(
        Routine(
            period_s=30, level="info", logger="10.0.{subnet}.7 - -", jitter=0.02,
            message='"GET /healthz HTTP/1.1" 200 2 "-" "kube-probe/1.31"', draws=(Draw("subnet", 1, 5),),
        ),
        Routine(
            period_s=300, level="info", logger="", message="signal process started, {workers} worker processes active",
            draws=(Draw("workers", 4, 5),),
        ),
        Routine(
            period_s=1800, level="warn", logger="", share=0.4,
            message="*{connection} a client request body is buffered to a temporary file "
            "/var/cache/nginx/client_temp/{file}, client: 10.0.3.{host}",
            draws=(Draw("connection", 100_000, 999_999), Draw("file", 1_000_000, 9_999_999), Draw("host", 2, 250)),
        ),
    ),
)  # fmt: skip
