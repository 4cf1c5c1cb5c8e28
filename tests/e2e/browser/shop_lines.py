"""What the seeded node holds: numbered lines of four services, so that a test can say what stands where."""

from __future__ import annotations

import json
from datetime import datetime

LINES = 3_000
"""Fifteen pages of 200 rows: enough that a jump leaves the page the list began with."""

SERVICES = ("web", "cart", "payment", "auth")
MESSAGES = {
    "web": "GET /cart/items 200 in {n} ms",
    "cart": "cart {n} loaded from cache",
    "payment": "payment {n} authorised, 39.90 EUR",
    "auth": "session refreshed for user u{n}",
}


def shop_line(i: int, at: datetime) -> bytes:
    """Line `i`, 0 = newest. Every 97th is an error, every 53rd a warning; four in a row share a trace."""
    service = SERVICES[i % len(SERVICES)]
    level = "error" if i % 97 == 50 else "warn" if i % 53 == 20 else "debug" if i % 7 == 0 else "info"
    record = {
        "timestamp": at.isoformat().replace("+00:00", "Z"),
        "level": level,
        "service": service,
        "message": "pool exhausted after 30000 ms" if level == "error" else MESSAGES[service].format(n=i),
        "trace_id": f"{i // 4 + 1:032x}",
        "user_id": f"u{i % 40}",
        "duration_ms": i % 250,
        "shop": "demo",
        "seq": i,
    }
    return json.dumps(record).encode() + b"\n"
