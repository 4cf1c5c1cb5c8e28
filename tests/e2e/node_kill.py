"""Kill a node at random under full load, again and again; then prove that every acknowledged record is there once.

    python tests/e2e/node_kill.py --kills 200 [--seed 1] [--data DIR] [--bus kafka [--nodes 2]]

Two senders post batches of records with rising numbers and note which the node acknowledged. A batch without an
answer may or may not be stored: it is sent again under new numbers, so every number has one fate. After each kill the
node starts again, and about one kill in five falls into that start. The last line is one JSON object; the exit code
is 1 when an acknowledged record is missing or any record is there twice.

With `--bus kafka` the bus is a topic of a real broker, which is killed too, once for every ten kills of a node. Of
several nodes, each has its own partition of the topic and its own senders; the node to kill is drawn each time.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
from node_process import NodeProcess

if TYPE_CHECKING:
    from kafka_broker import KafkaBroker

BATCH = 500


class Sender(threading.Thread):
    """Posts batches until stopped; remembers which number ranges were acknowledged and which have no answer."""

    def __init__(self, node: NodeProcess, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.node = node
        self._url = node.url
        self._stopping = threading.Event()
        self.acknowledged: list[tuple[int, int]] = []
        self.unanswered: list[tuple[int, int]] = []

    def run(self) -> None:
        number = 0
        with httpx.Client(timeout=45) as http:
            while not self._stopping.is_set():
                first, number = number, number + BATCH
                body = b"".join(self._record(n) for n in range(first, number))
                try:
                    response = http.post(f"{self._url}/api/v1/logs", content=body)
                except httpx.HTTPError:
                    self.unanswered.append((first, number))
                    time.sleep(0.05)
                    continue
                if response.status_code == 200 and response.json()["accepted"] == BATCH:
                    self.acknowledged.append((first, number))
                else:
                    self.unanswered.append((first, number))
                    time.sleep(0.1)

    def _record(self, number: int) -> bytes:
        return (
            f'{{"level":"info","service":"{self.name}","seq":{number},'
            f'"message":"order {number} took {number % 977} ms for user u{number % 1000}"}}\n'
        ).encode()

    def finish(self) -> None:
        self._stopping.set()
        self.join()


def wait_for_progress(senders: list[Sender], timeout_s: float = 20.0) -> None:
    """Until every sender has had another batch acknowledged: the node is under load when it is killed."""
    before = [len(sender.acknowledged) for sender in senders]
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if all(len(sender.acknowledged) > count for sender, count in zip(senders, before, strict=True)):
            return
        time.sleep(0.01)


def wait_until_stored(node: NodeProcess, timeout_s: float = 120.0) -> None:
    """Until nothing waits on the bus any more."""
    deadline = time.monotonic() + timeout_s
    while httpx.get(f"{node.url}/api/v1/node", timeout=60).json()["pending"]:
        assert time.monotonic() < deadline, "records still wait on the bus"
        time.sleep(0.2)


def numbers_stored(node: NodeProcess, sender: str) -> list[int]:
    """Every stored number of a sender, read page by page."""
    numbers: list[int] = []
    cursor = ""
    while True:
        page = node.search(f"service:{sender} | fields seq, timestamp", limit=10_000, cursor=cursor)
        numbers += [int(row["seq"]) for row in page["data"]]
        if not page["next"]:
            return numbers
        cursor = page["next"]


def start_kafka(folder: Path) -> KafkaBroker:
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from kafka_broker import KafkaBroker

    return KafkaBroker(folder)


def make_nodes(count: int, folder: Path, broker: KafkaBroker | None) -> list[NodeProcess]:
    if broker is None:
        return [NodeProcess(folder / "data")]
    url = f"kafka://{broker.address}/{broker.topic(count, retention_ms='-1', max_message_bytes='33619968')}"
    return [
        NodeProcess(folder / f"data{n}", environment={"HEIMDALL_BUS__URL": f"{url}?partition={n}"})
        for n in range(count)
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, help="folder for the node's data; kept when given")
    parser.add_argument("--bus", choices=["journal", "kafka"], default="journal")
    parser.add_argument("--nodes", type=int, default=1, help="with --bus kafka: they share a topic's partitions")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    folder = arguments.data or Path(tempfile.mkdtemp(prefix="heimdall-crash-"))
    broker = start_kafka(folder / "kafka") if arguments.bus == "kafka" else None
    nodes = make_nodes(arguments.nodes, folder, broker)
    began = time.monotonic()
    recovery_s: list[float] = []
    during_start = broker_kills = 0

    for node in nodes:
        node.start()
    senders = [Sender(node, f"sender{place}{n}") for place, node in enumerate(nodes) for n in range(2)]
    for sender in senders:
        sender.start()
    for kill in range(arguments.kills):
        node = chance.choice(nodes)
        wait_for_progress(senders)
        time.sleep(chance.expovariate(1 / 0.7))
        node.kill()
        if chance.random() < 0.2:
            during_start += 1
            node.start(wait=False)
            time.sleep(chance.uniform(0, 2.0))
            node.kill()
        recovery_s.append(node.start())
        if broker is not None and kill % 10 == 4:
            broker_kills += 1
            broker.kill()
            broker.start()
        if (kill + 1) % 20 == 0:
            print(f"{kill + 1} kills, {time.monotonic() - began:.0f} s", flush=True)
    time.sleep(1)
    for sender in senders:
        sender.finish()

    result: dict[str, object] = {"kills": arguments.kills + during_start, "killed_while_starting": during_start}
    if broker is not None:
        result |= {"bus": "kafka", "nodes": len(nodes), "broker_kills": broker_kills}
    acknowledged = lost = doubled = unknown = 0
    for node in nodes:
        wait_until_stored(node)
    for sender in senders:
        numbers = numbers_stored(sender.node, sender.name)
        present = set(numbers)
        sure = {n for first, end in sender.acknowledged for n in range(first, end)}
        maybe = {n for first, end in sender.unanswered for n in range(first, end)}
        acknowledged += len(sure)
        lost += len(sure - present)
        doubled += len(numbers) - len(present)
        unknown += len(present - sure - maybe)
    ledger = [row for n in nodes for row in httpx.get(f"{n.url}/api/v1/ledger", timeout=60).json()["data"]]
    result |= {
        "acknowledged": acknowledged,
        "lost": lost,
        "doubled": doubled,
        "never_sent": unknown,
        "ledger_balanced": all(row["balanced"] for row in ledger),
        "ledger_accepted": sum(row["accepted"] for row in ledger),
        "stored": sum(node.count() for node in nodes),
        "recovery_median_s": round(sorted(recovery_s)[len(recovery_s) // 2], 2),
        "recovery_max_s": round(max(recovery_s), 2),
        "seconds": round(time.monotonic() - began),
    }
    for node in nodes:
        node.stop()
    if broker is not None:
        broker.stop()
    if arguments.data is None:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(result))
    return 1 if lost or doubled or unknown or not result["ledger_balanced"] else 0


if __name__ == "__main__":
    sys.exit(main())
