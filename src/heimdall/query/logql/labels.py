"""How a record's fields are named as labels, and where a label is looked for.

| label | field |
|---|---|
| `service_name` | service; `unknown_service` where there is none |
| `detected_level` | level; `unknown` where there is none |
| `level`, `service` | the same, absent where there is none |
| `instance`, `region`, `environment`, ids, measurements | the canonical field of that name |
| any other | the sender's field; what is no letter, digit or `_` in its name becomes `_` |

Every field can be asked for under its label. What a line *shows* is narrower: an entry that was pushed to Loki's door
has the labels and the structured metadata it was pushed with, as it would in Loki; fields that were read out of its
line are *hidden*: a filter, a grouping or a template finds them, but they are not listed, and a parser that finds them
again uses their plain names. A record from another door shows all its fields; labels of its stream are `service_name`,
`instance`, `region` and `environment`, all others are structured metadata. `level` and `service` are hidden unless
pushed.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from heimdall.model.severity import LEVELS, Level
from heimdall.model.stream import LABELS_FIELD, LINE_FIELD
from heimdall.query.fields import BY_NAME

SERVICE, LEVEL = "service_name", "detected_level"
UNKNOWN_SERVICE, UNKNOWN_LEVEL = "unknown_service", "unknown"
STREAM_FIELDS = ("instance", "region", "environment")
"""Canonical fields that are labels of every stream."""

ID_FIELDS = ("trace_id", "span_id", "parent_span_id", "user_id", "session_id", "request_id", "customer_id")
NUMBER_FIELDS = ("duration_ms", "cpu_usage", "memory_usage", "error_rate")
CANONICAL_LABELS = (*STREAM_FIELDS, *ID_FIELDS, *NUMBER_FIELDS)
"""Canonical fields that are labels under their own name."""

ERROR, ERROR_DETAILS = "__error__", "__error_details__"
LEVEL_NAMES = tuple(level.value for level in LEVELS if level is not Level.UNSET)
_MAX_GAPS = 4
"""Places of a label's name where the field may have a dot: 16 fields at most are looked at for one label."""

_OTHER = re.compile(r"[^A-Za-z0-9_]")


@lru_cache(maxsize=65_536)
def sanitized(name: str) -> str:
    """A field's name as a label: `http.status_code` → `http_status_code`."""
    plain = _OTHER.sub("_", name)
    return f"_{plain}" if plain[:1].isdigit() else plain


@lru_cache(maxsize=4_096)
def fields_of(label: str) -> tuple[str, ...]:
    """Fields, in HQL's names, where the value of a label may lie; the first that is there counts."""
    if label == SERVICE:
        return ("service",)
    if label == LEVEL:
        return ("level",)
    if label in (*CANONICAL_LABELS, "level", "service"):
        return (label,)
    return tuple(_attribute(name) for name in _spellings(label))


def _attribute(name: str) -> str:
    hidden = name in BY_NAME or name == "attributes" or name.startswith("attributes.")
    return f"attributes.{name}" if hidden else name


def _spellings(label: str) -> Iterator[str]:
    """The label itself, then with dots for underscores inside it."""
    parts = re.split(r"(?<=[A-Za-z0-9])_(?=[A-Za-z0-9])", label)
    yield label
    if 1 < len(parts) <= _MAX_GAPS + 1:
        for joints in itertools.islice(itertools.product("_.", repeat=len(parts) - 1), 1, None):
            yield parts[0] + "".join(joint + part for joint, part in zip(joints, parts[1:], strict=True))
    elif len(parts) > _MAX_GAPS + 1:
        yield ".".join(parts)


@dataclass(frozen=True, slots=True)
class Shown:
    """Which labels of a line are shown: `stream` and `metadata`; None = all that are left."""

    stream: frozenset[str]
    metadata: frozenset[str] | None

    def shows(self, name: str) -> bool:
        if name in (SERVICE, LEVEL) or name in self.stream:
            return True
        if self.metadata is None:
            return name not in ("level", "service")
        return name in self.metadata


@lru_cache(maxsize=4_096)
def shown_by(marker: str | None) -> Shown:
    """`marker`: the record's `LABELS_FIELD`."""
    if not marker:
        return Shown(frozenset({SERVICE, *STREAM_FIELDS}), None)
    labels, _, metadata = marker.partition(";")
    return Shown(
        frozenset({SERVICE, *(sanitized(name) for name in labels.split(",") if name)}),
        None if metadata == "*" else frozenset(sanitized(name) for name in metadata.split(",") if name),
    )


INNER_FIELDS = frozenset({LABELS_FIELD, LINE_FIELD})
"""Attributes that are no labels."""
