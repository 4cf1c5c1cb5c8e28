"""Full-text search in Java: queries, index refreshes, and a heap that is worth watching."""

from __future__ import annotations

from heimdall.app.demo.effects import Outcome
from heimdall.app.demo.lines import BROKEN, Draw, Line, Routine, Script

_STACK = (
    'java.lang.NullPointerException: Cannot invoke "java.lang.Double.doubleValue()" because "boost" is null\n'
    "\tat shop.search.ranking.Boosts.apply(Boosts.java:77)\n"
    "\tat shop.search.ranking.Ranking.score(Ranking.java:143)\n"
    "\tat shop.search.QueryService.answer(QueryService.java:96)\n"
    "\tat java.base/java.lang.Thread.run(Thread.java:1583)"
)

SCRIPT = Script(
    lines=(
        Line(op="query", level="info", logger="shop.search.QueryService", message="query answered with {hits} hits",
             fields=("query=words", "hits"), draws=(Draw("hits", 0, 420),)),
        Line(op="query", level="warn", logger="shop.search.SlowLog", slower_than_ms=300, fields=("query=words",),
             message="slow query took {took_ms} ms on {shards} shards", draws=(Draw("shards", 1, 6),)),
        Line(op="query", level="error", logger="shop.search.QueryService", fields=("query=words",),
             outcomes=(Outcome.TRANSIENT,), message="shard {shard} failed, partial result discarded",
             draws=(Draw("shard", 0, 6),)),
        Line(op="query", level="error", logger="shop.search.QueryService", fields=("query=words",),
             outcomes=tuple(o for o in BROKEN if o not in (Outcome.TRANSIENT, Outcome.UNAVAILABLE, Outcome.DEFECT)),
             message="query failed"),
        Line(op="query", level="error", logger="shop.search.Ranking", fields=("query=words",),
             outcomes=(Outcome.DEFECT,), message="ranking of {words} aborted: boost is missing", stack=_STACK),
    ),
    routines=(
        Routine(period_s=60, level="info", logger="shop.search.Runtime", jitter=0.05,
                message="heap {mem_mib} of {limit_mib} MiB, cpu {cpu_pct} %",
                fields=("cpu_usage=cpu", "memory_usage=mem", "jvm.threads=threads")),
        Routine(period_s=45, level="info", logger="jvm.gc", jitter=0.5, fields=("gc.pause_ms=gc_ms",),
                message="pause young (G1 evacuation) {heap_before_mib}M to {mem_mib}M, {gc_ms} ms"),
        Routine(period_s=300, level="info", logger="shop.search.Index",
                message="refreshed {segments} segments in {ms} ms",
                draws=(Draw("segments", 1, 14), Draw("ms", 8, 190))),
        Routine(period_s=6, level="info", logger="shop.search.Reindex", daily_h=(3.0, 3.5), ranks=(0,),
                message="reindexed batch {tick}: {docs} documents", draws=(Draw("docs", 180, 220),)),
    ),
)  # fmt: skip
