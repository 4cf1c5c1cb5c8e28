"""The base of counting, in a file of the data folder: what the group's commit has no room for."""

from __future__ import annotations

import json
from pathlib import Path

from heimdall.bus.buses.kafka.index import Base
from heimdall.durable import replacing
from heimdall.errors import BusUnavailable


def load_base(path: Path, topic_id: str) -> Base | None:
    """None: there is none, or it is of another topic.

    Raises:
        BusUnavailable: it cannot be read; counting anew would give positions twice.
    """
    try:
        said = json.loads(path.read_bytes())
        marks = {bytes.fromhex(producer): (int(epoch), int(sequence)) for producer, epoch, sequence in said["marks"]}
        base = Base(int(said["offset"]), int(said["position"]), marks)
        return base if said["topic_id"] == topic_id else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError) as exc:
        raise BusUnavailable(f"{path}, which says where the Kafka bus goes on, cannot be read: {exc}") from exc


def save_base(path: Path, topic_id: str, base: Base) -> None:
    """Durably.

    Raises:
        OSError: nothing was changed on disk.
    """
    marks = [[producer.hex(), *mark] for producer, mark in base.marks.items()]
    said = {"topic_id": topic_id, "offset": base.offset, "position": base.position, "marks": marks}
    with replacing(path) as file:
        file.write(json.dumps(said).encode())
