"""Names that Splunk gives to what every record has."""

from __future__ import annotations

from collections.abc import Mapping

FIELDS: Mapping[str, str] = {
    "_time": "timestamp",
    "_indextime": "observed_timestamp",
    "_raw": "message",
    "log_level": "level",
}
"""Splunk's name → Heimdall's. All others are the sender's own: `index`, `host`, `source` and `sourcetype` are fields of
what came through the HTTP event collector's door."""


def field_name(name: str) -> str:
    return FIELDS.get(name, name)
