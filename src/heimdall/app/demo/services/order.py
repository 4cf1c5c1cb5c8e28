"""Keeps orders, in Python: writes to the database, tells the queue."""

from __future__ import annotations

from heimdall.app.demo.effects import Outcome
from heimdall.app.demo.lines import BROKEN, Draw, Line, Routine, Script

_STACK = (
    "Traceback (most recent call last):\n"
    '  File "/app/order/store.py", line 57, in insert\n'
    "    async with self.engine.begin() as connection:\n"
    '  File "/app/.venv/lib/python3.12/site-packages/sqlalchemy/ext/asyncio/engine.py", line 1066, in begin\n'
    "    async with conn:\n"
    "sqlalchemy.exc.OperationalError: (asyncpg.exceptions.TooManyConnectionsError) sorry, too many clients already"
)

SCRIPT = Script(
    lines=(
        Line(op="create", level="info", logger="order.store", message="order stored",
             fields=("order_id", "items", "amount", "currency"), draws=(Draw("currency", 978, 979),)),
        Line(op="create", level="info", logger="order.events", message="event order.created published",
             fields=("order_id", "partition", "offset"), at=0.97,
             draws=(Draw("partition", 0, 6), Draw("offset", 1_000_000, 9_999_999))),
        Line(op="get", level="info", logger="order.store", message="order read", fields=("order_id",)),
        Line(op="create", level="error", logger="order.store", message="order could not be stored: no connection",
             outcomes=(Outcome.CLIENTS,), fields=("order_id",), stack=_STACK),
        Line(op="create", level="error", logger="order.store", message="order could not be stored: disk full",
             outcomes=(Outcome.DISK,), fields=("order_id",)),
        Line(op="create", level="error", logger="order.store", message="order could not be stored",
             outcomes=tuple(o for o in BROKEN if o not in (Outcome.CLIENTS, Outcome.DISK)), fields=("order_id",)),
        Line(op="get", level="error", logger="order.store", message="order could not be read", outcomes=BROKEN,
             fields=("order_id",)),
    ),
    routines=(
        Routine(period_s=60, level="info", logger="order.runtime", message="runtime statistics", jitter=0.05,
                fields=("cpu_usage=cpu", "memory_usage=mem", "pool.active=pool_active")),
        Routine(period_s=600, level="info", logger="order.outbox", message="outbox drained",
                fields=("events", "oldest_s"), draws=(Draw("events", 0, 30), Draw("oldest_s", 0, 9, 1))),
    ),
)  # fmt: skip
