"""The queue: group membership, segments, replication."""

from __future__ import annotations

from heimdall.app.demo.effects import Outcome
from heimdall.app.demo.lines import Draw, Line, Routine, Script

SCRIPT = Script(
    knows=(),
    lines=(
        Line(op="produce", level="warn", logger="kafka.server.ReplicaManager", outcomes=(Outcome.TRANSIENT,),
             message="Produce request to order-events-{partition} failed: not enough in-sync replicas",
             draws=(Draw("partition", 0, 6),)),
    ),
    routines=(
        Routine(period_s=600, level="info", logger="kafka.log.UnifiedLog", jitter=0.4,
                message="[UnifiedLog partition=order-events-{partition}, dir=/data] Rolled new log segment at offset "
                "{offset} in {ms} ms",
                draws=(Draw("partition", 0, 6), Draw("offset", 1_000_000, 9_999_999), Draw("ms", 1, 30))),
        Routine(period_s=600, level="info", logger="kafka.coordinator.group.GroupMetadataManager",
                message="[GroupMetadataManager brokerId={broker}] Removed {expired} expired offsets in {ms} "
                "milliseconds",
                draws=(Draw("broker", 1, 4), Draw("expired", 0, 9), Draw("ms", 0, 12))),
        Routine(period_s=60, level="info", logger="kafka.server.BrokerMetrics", jitter=0.05,
                message="[Broker] {rate} messages/s in, under-replicated partitions {under}, heap {mem_mib}M, cpu "
                "{cpu_pct}%", draws=(Draw("rate", 20, 90, 1), Draw("under", 0, 1))),
        Routine(period_s=10_800, level="info", logger="kafka.coordinator.group.GroupCoordinator", share=0.7,
                message="[GroupCoordinator] Stabilized group shipping generation {generation} with {members} members",
                draws=(Draw("generation", 40, 400), Draw("members", 2, 5))),
    ),
)  # fmt: skip
