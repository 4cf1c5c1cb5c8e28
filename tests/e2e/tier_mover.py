"""A process that fills, moves or shows a node's tiers, to be killed by tests/e2e/test_tier_kill.py.

python tests/e2e/tier_mover.py fill|move|show FOLDER [days]
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from heimdall.model.batch import DEFAULT_TENANT
from heimdall.pipeline import ledger
from heimdall.pipeline.state import PipelineState
from heimdall.storage.mover import Mover
from properties.tiers import BASE, DAY_NS, Node, as_batch, configured

DAYS, RECORDS = 6, 300
CONFIG = configured(hot_days=1, warm_days=2, cold_days=5, policies=("short=1/0/3",))


def fill(node: Node, state: PipelineState) -> None:
    for day in range(DAYS):
        first = 1 + day * RECORDS
        records = [
            {
                "timestamp": BASE + day * DAY_NS + n * 10**9,
                "message": f"record {first + n}",
                "retention_policy": "short" if n % 7 == 0 else None,
            }
            for n in range(RECORDS)
        ]
        batch = as_batch(DEFAULT_TENANT, records, first)
        node.engine.append(batch)
        with state.transaction() as transaction:
            ledger.add(transaction, DEFAULT_TENANT, ledger.count_by_minute(batch.table), accepted=1, stored=1)


def move(node: Node, state: PipelineState, last_day: int) -> None:
    mover = Mover(
        node.engine,
        node.catalogue,
        CONFIG.schedule(),
        node.clock,
        settled=lambda: DAYS * RECORDS,
        on_expired=ledger.Ledger(state).expire,
        on_step=lambda step: print(step, flush=True),
        move_rows=100,
    )
    for day in range(last_day + 1):
        mover.run_once(BASE + day * DAY_NS)


def main() -> int:
    doing, folder = sys.argv[1], Path(sys.argv[2])
    node = Node(folder, CONFIG)
    state = PipelineState(folder / "state.db")
    if doing == "fill":
        fill(node, state)
    elif doing == "move":
        move(node, state, int(sys.argv[3]))
    else:
        entries = ledger.Ledger(state).entries()
        positions = sorted(node.positions(DEFAULT_TENANT).elements())
        facts = {
            "positions": positions,
            "where": node.where(),
            "stored": sum(entry.stored for entry in entries),
            "expired": sum(entry.expired for entry in entries),
            "balanced": all(entry.balanced for entry in entries),
            "owed": len(node.catalogue.outbox()),
        }
        print(json.dumps(facts))
    node.close()
    state.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
