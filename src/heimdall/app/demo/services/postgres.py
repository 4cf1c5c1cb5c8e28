"""The database: slow statements, checkpoints, vacuum, and loud complaints when it is out of something."""

from __future__ import annotations

from heimdall.app.demo.effects import Outcome
from heimdall.app.demo.lines import Draw, Line, Routine, Script

_SLOW = 60
"""log_min_duration_statement, in ms"""

SCRIPT = Script(
    knows=(),
    lines=(
        Line(op="select", level="info", logger="", slower_than_ms=_SLOW,
             message="LOG:  duration: {duration_ms} ms  statement: SELECT * FROM articles WHERE sku = '{sku}'"),
        Line(op="insert", level="info", logger="", slower_than_ms=_SLOW,
             message="LOG:  duration: {duration_ms} ms  statement: INSERT INTO ledger (order_id, amount) "
             "VALUES ('{order_id}', {amount})"),
        Line(op="update", level="info", logger="", slower_than_ms=_SLOW,
             message="LOG:  duration: {duration_ms} ms  statement: UPDATE stock SET reserved = reserved + {quantity} "
             "WHERE sku = '{sku}'"),
        Line(op="insert", level="warn", logger="", slower_than_ms=1_000, at=0.9,
             message="LOG:  process {pid} still waiting for ShareLock on transaction {transaction} after 1000.{ms} ms",
             draws=(Draw("pid", 2_000, 9_000), Draw("transaction", 88_000_000, 89_000_000), Draw("ms", 100, 999))),
        *(
            Line(op=op, level="fatal", logger="", outcomes=(Outcome.CLIENTS,),
                 message="FATAL:  sorry, too many clients already")
            for op in ("select", "insert", "update")
        ),
        *(
            Line(op=op, level="error", logger="", outcomes=(Outcome.DISK,),
                 message='ERROR:  could not extend file "base/16384/{file}": No space left on device',
                 draws=(Draw("file", 20_000, 99_999),))
            for op in ("insert", "update")
        ),
    ),
    routines=(
        Routine(period_s=300, level="info", logger="", ranks=(0,),
                message="LOG:  checkpoint complete: wrote {buffers} buffers ({share}%); write={write} s, sync={sync} s",
                draws=(Draw("buffers", 300, 9_000), Draw("share", 0.2, 6, 1), Draw("write", 20, 270, 3),
                       Draw("sync", 0.01, 0.4, 3))),
        Routine(period_s=60, level="info", logger="", ranks=(0,), jitter=0.02,
                message="LOG:  statistics: connections {connections} of 200, cpu {cpu_pct}%, disk {disk_pct}% used, "
                "{disk_free_gib} GiB free"),
        Routine(period_s=60, level="info", logger="", ranks=(1,), jitter=0.02,
                message="LOG:  standby statistics: replay lag {lag} ms, cpu {cpu_pct}%", draws=(Draw("lag", 1, 90),)),
        Routine(period_s=900, level="info", logger="", ranks=(0,), jitter=0.5,
                message='LOG:  automatic vacuum of table "shop.public.carts": {pages} pages removed, {tuples} tuples '
                "removed", draws=(Draw("pages", 0, 60), Draw("tuples", 10, 4_000))),
        Routine(period_s=20, level="info", logger="", ranks=(0,), daily_h=(2.0, 2.45), jitter=0.3,
                message="LOG:  duration: {ms} ms  statement: SELECT day, sum(amount) FROM orders WHERE shop = {tick} "
                "GROUP BY day", draws=(Draw("ms", 900, 7_500, 3),)),
    ),
)  # fmt: skip
