"""Charges cards, in Java with a pooled database connection: the first to feel a slow database."""

from __future__ import annotations

from heimdall.app.demo.effects import Outcome
from heimdall.app.demo.lines import Draw, Line, Routine, Script

_STACK = (
    "org.springframework.jdbc.CannotGetJdbcConnectionException: Failed to obtain JDBC Connection\n"
    "\tat org.springframework.jdbc.datasource.DataSourceUtils.getConnection(DataSourceUtils.java:84)\n"
    "\tat com.shop.payment.LedgerRepository.insert(LedgerRepository.java:41)\n"
    "\tat com.shop.payment.ChargeService.charge(ChargeService.java:118)\n"
    "\tat java.base/java.lang.Thread.run(Thread.java:1583)\n"
    "Caused by: java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed "
    "out after 8000ms (total=20, active=20, idle=0, waiting={waiting})\n"
    "\tat com.zaxxer.hikari.pool.HikariPool.createTimeoutException(HikariPool.java:686)\n"
    "\tat com.zaxxer.hikari.pool.HikariPool.getConnection(HikariPool.java:179)\n"
    "\t... 9 more"
)
_LOG = "c.s.payment.ChargeService"

SCRIPT = Script(
    lines=(
        Line(op="charge", level="info", logger=_LOG, at=0.02,
             message="charging {amount} EUR on {card_brand} ending {card_last4} for order {order_id}"),
        Line(op="charge", level="info", logger=_LOG,
             message="payment of {amount} EUR authorized for order {order_id}, authorization {code}, {took_ms} ms",
             draws=(Draw("code", 100_000, 999_999),)),
        Line(op="charge", level="warn", logger=_LOG, outcomes=(Outcome.DECLINED,),
             message="payment declined for order {order_id}: {card_brand} issuer answered code {code}",
             draws=(Draw("code", 50, 63),)),
        Line(op="charge", level="warn", logger="c.s.payment.RetryPolicy", retried=True, at=0.0,
             outcomes=tuple(Outcome), message="retrying charge for order {order_id}, attempt {attempt} of 2"),
        Line(op="charge", level="error", logger=_LOG, outcomes=(Outcome.POOL,), stack=_STACK,
             message="charge for order {order_id} failed: could not open JDBC connection",
             draws=(Draw("waiting", 4, 60),)),
        Line(op="charge", level="error", logger=_LOG, outcomes=(Outcome.UPSTREAM, Outcome.TIMEOUT, Outcome.CLIENTS),
             message="charge for order {order_id} failed: ledger entry could not be written"),
    ),
    routines=(
        Routine(period_s=60, level="info", logger="c.s.runtime.Heartbeat", jitter=0.05,
                message="cpu {cpu_pct}% heap {mem_mib}M of {limit_mib}M threads {threads}"),
        Routine(period_s=30, level="debug", logger="com.zaxxer.hikari.pool.HikariPool",
                message="HikariPool-1 - Pool stats (total=20, active={pool_active}, idle={pool_idle}, "
                "waiting={waiting})"),
        Routine(period_s=55, level="info", logger="gc", jitter=0.5,
                message="GC({n}) Pause Young (Normal) {heap_before_mib}M->{mem_mib}M({limit_mib}M) {gc_ms}ms",
                draws=(Draw("n", 1000, 90_000),)),
        Routine(period_s=3600, level="info", logger="c.s.payment.Settlement",
                message="settlement file {file} sent with {entries} entries",
                draws=(Draw("file", 10_000, 99_999), Draw("entries", 20, 400))),
    ),
)  # fmt: skip
