"""Books parcels with carriers, in Python, from the queue."""

from __future__ import annotations

from heimdall.app.demo.effects import Outcome
from heimdall.app.demo.lines import Draw, Line, Routine, Script

_STACK = (
    "Traceback (most recent call last):\n"
    '  File "/app/shipping/carriers.py", line 64, in book\n'
    "    answer = self.session.post(self.url, json=parcel, timeout=20)\n"
    '  File "/app/.venv/lib/python3.12/site-packages/requests/sessions.py", line 637, in post\n'
    '    return self.request("POST", url, data=data, json=json, **kwargs)\n'
    "requests.exceptions.ConnectionError: ('Connection aborted.', "
    "ConnectionResetError(104, 'Connection reset by peer'))"
)

SCRIPT = Script(
    lines=(
        Line(op="schedule", level="info", logger="shipping.consumer", at=0.0,
             message="received order.created for {order_id} from partition {partition}",
             draws=(Draw("partition", 0, 6),)),
        Line(op="schedule", level="info", logger="shipping.carriers",
             message="parcel for {order_id} booked with {carrier}, tracking {tracking}, {took_ms} ms",
             draws=(Draw("tracking", 10_000_000, 99_999_999),)),
        Line(op="schedule", level="error", logger="shipping.carriers", outcomes=(Outcome.TRANSIENT,), stack=_STACK,
             message="booking of {order_id} with {carrier} failed, will be tried again"),
        Line(op="schedule", level="error", logger="shipping.store",
             outcomes=(Outcome.UPSTREAM, Outcome.TIMEOUT, Outcome.CLIENTS, Outcome.DISK),
             message="parcel for {order_id} could not be stored"),
    ),
    routines=(
        Routine(period_s=60, level="info", logger="shipping.runtime", jitter=0.05,
                message="cpu={cpu_pct}% memory={mem_mib}MiB of {limit_mib}MiB"),
        Routine(period_s=15, level="debug", logger="shipping.consumer", jitter=0.1,
                message="heartbeat to group shipping, lag {lag} records", draws=(Draw("lag", 0, 4),)),
        Routine(period_s=1800, level="info", logger="shipping.tracking",
                message="updated {parcels} parcels from {carriers} carriers",
                draws=(Draw("parcels", 20, 260), Draw("carriers", 3, 5))),
    ),
)  # fmt: skip
