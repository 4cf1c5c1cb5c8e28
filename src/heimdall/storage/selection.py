"""`Selection`: which records of a tier a move takes, said in terms every engine understands."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from heimdall.model.batch import TenantId
from heimdall.storage.schedule import DAY_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Records of one tenant, policy and kept day, in [start_ns, end_ns), up to bus position `last_position`.

    A record's *kept day* is that of its timestamp or of when it was observed, whichever is later: old logs that were
    just brought in are kept as long as new ones. Records that come later lie behind `last_position`, so a selection
    means the same records whenever it is asked.
    """

    tenant: TenantId
    policy: str
    """'' = every record whose policy is none of `named`."""
    named: tuple[str, ...] = ()
    day: int
    start_ns: int
    end_ns: int
    """Times up to 2**63 - 1; a range that ends there includes it."""
    last_position: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Selection:
        return cls(**{**values, "named": tuple(values["named"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """How many records of a tenant and policy have one kept day and one hour of their own time."""

    tenant: TenantId
    policy: str
    day: int
    start_ns: int
    """First moment of the hour."""
    end_ns: int
    rows: int


def kept_day(timestamp_ns: int, observed_ns: int) -> int:
    """Number of a record's kept day since 1970; towards zero, as engines divide."""
    later = max(timestamp_ns, observed_ns)
    return later // DAY_NS if later >= 0 else -(-later // DAY_NS)


def pack(ages: list[Age], named: tuple[str, ...], last_position: int, max_rows: int) -> list[Selection]:
    """Few selections that hold all of `ages`: neighbouring hours of one tenant, policy and day together.

    None holds more than `max_rows` unless one hour alone does.
    """
    found: list[Selection] = []
    rows = 0
    for age in sorted(ages, key=lambda age: (age.tenant, age.policy, age.day, age.start_ns)):
        last = found[-1] if found else None
        same = last is not None and (last.tenant, last.policy, last.day) == (age.tenant, age.policy, age.day)
        if last is not None and same and rows + age.rows <= max_rows:
            found[-1] = _until(last, age.end_ns)
            rows += age.rows
            continue
        rows = age.rows
        found.append(
            Selection(
                tenant=age.tenant, policy=age.policy, named=named, day=age.day,
                start_ns=age.start_ns, end_ns=age.end_ns, last_position=last_position,
            )
        )  # fmt: skip
    return found


def _until(selection: Selection, end_ns: int) -> Selection:
    return Selection.from_dict({**selection.as_dict(), "end_ns": end_ns})
