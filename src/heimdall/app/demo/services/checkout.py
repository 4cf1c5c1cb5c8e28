"""Turns a basket into an order, in Java: asks inventory, payment and order in turn."""

from __future__ import annotations

from heimdall.app.demo.effects import Outcome
from heimdall.app.demo.lines import Draw, Line, Routine, Script

_STACK = (
    "com.shop.checkout.CheckoutException: order {order_id} could not be completed\n"
    "\tat com.shop.checkout.CheckoutService.place(CheckoutService.java:142)\n"
    "\tat com.shop.checkout.CheckoutController.post(CheckoutController.java:58)\n"
    "\tat java.base/java.lang.Thread.run(Thread.java:1583)\n"
    "Caused by: com.shop.http.UpstreamException: POST http://payment:8080/charge answered 503\n"
    "\tat com.shop.http.Client.execute(Client.java:97)\n"
    "\tat com.shop.checkout.PaymentClient.charge(PaymentClient.java:33)\n"
    "\t... 12 more"
)
_TIMEOUT = (
    "java.net.http.HttpTimeoutException: request timed out\n"
    "\tat java.net.http/jdk.internal.net.http.HttpClientImpl.send(HttpClientImpl.java:586)\n"
    "\tat com.shop.http.Client.execute(Client.java:91)\n"
    "\tat com.shop.checkout.PaymentClient.charge(PaymentClient.java:33)\n"
    "\tat com.shop.checkout.CheckoutService.place(CheckoutService.java:131)\n"
    "\tat java.base/java.lang.Thread.run(Thread.java:1583)"
)
_LOG = "com.shop.checkout.CheckoutService"

SCRIPT = Script(
    lines=(
        Line(op="place", level="info", logger=_LOG, at=0.01,
             message="Checkout started for cart of {user_id} with {items} items, total {amount} EUR"),
        Line(op="place", level="info", logger=_LOG,
             message="Order {order_id} placed by {user_id}: {items} items, {amount} EUR, took {took_ms} ms"),
        Line(op="place", level="warn", logger=_LOG, outcomes=(Outcome.DECLINED,),
             message="Order {order_id} not placed: payment declined"),
        Line(op="place", level="warn", logger=_LOG, outcomes=(Outcome.STOCK,),
             message="Order {order_id} not placed: {sku} sold out"),
        Line(op="place", level="error", logger=_LOG, stack=_STACK,
             outcomes=(Outcome.UPSTREAM, Outcome.UNAVAILABLE, Outcome.TRANSIENT),
             message="Order {order_id} failed: upstream error"),
        Line(op="place", level="error", logger=_LOG, outcomes=(Outcome.TIMEOUT,), stack=_TIMEOUT,
             message="Order {order_id} failed: payment did not answer within 10000 ms"),
    ),
    routines=(
        Routine(period_s=60, level="info", logger="com.shop.runtime.Heartbeat", jitter=0.05,
                message="cpu {cpu_pct}% heap {mem_mib}M/{limit_mib}M threads {threads}"),
        Routine(period_s=50, level="info", logger="gc", jitter=0.5,
                message="GC({n}) Pause Young (Normal) {heap_before_mib}M->{mem_mib}M({limit_mib}M) {gc_ms}ms",
                draws=(Draw("n", 1000, 90_000),)),
    ),
)  # fmt: skip
