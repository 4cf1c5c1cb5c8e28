"""What a record that was pushed as an entry of a Loki stream keeps, so that it can be read as one again."""

from __future__ import annotations

LABELS_FIELD = "heimdall.labels"
"""Attribute: names of the labels its stream was pushed with, joined by commas; behind a semicolon those of its
structured metadata, where it has some, or `*` for all its other fields."""

LINE_FIELD = "log.record.original"
"""Attribute: the line as it came, where the message is only a part of it. The name is OpenTelemetry's."""
