"""Versions of time ranges: what moves them, what they are while a change is under way, how much they hold."""

from __future__ import annotations

import pyarrow as pa
import pytest

from heimdall.model.batch import TenantId
from heimdall.storage import versions as module
from heimdall.storage.versions import BUCKET_NS, MOST_IN_ONE_CHANGE, Versions

ACME, OTHER = TenantId("acme"), TenantId("other")


def times(*buckets: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array([bucket * BUCKET_NS for bucket in buckets], pa.int64())])


def append(versions: Versions, *buckets: int, tenant: TenantId = ACME) -> None:
    with versions.appending(tenant, times(*buckets)):
        pass


def at(versions: Versions, first: int | None, last: int | None, tenant: TenantId | None = ACME) -> str | None:
    ends = (None if bucket is None else bucket * BUCKET_NS for bucket in (first, last))
    return versions.version(tenant, *ends)


def test_a_range_has_no_version_while_its_records_change() -> None:
    versions = Versions("e")
    with versions.appending(ACME, times(7)):
        assert at(versions, 7, 8) is None
        assert at(versions, None, None) is None
        assert at(versions, None, None, None) is None
        assert at(versions, 8, 9) == "e.0"
        assert at(versions, 7, 8, OTHER) == "e.0"
    assert at(versions, 7, 8) == "e.1"


def test_a_change_that_fails_moves_the_version_all_the_same() -> None:
    versions = Versions("e")
    with pytest.raises(OSError, match="disk"), versions.appending(ACME, times(7)):
        raise OSError("disk")
    assert at(versions, 7, 8) == "e.1"


def test_a_range_moves_with_each_of_its_buckets() -> None:
    versions = Versions("e")
    append(versions, 1, 100)
    append(versions, 50)
    assert at(versions, 1, 2) == "e.1"
    assert at(versions, 2, 50) == "e.0"
    assert at(versions, 50, 51) == "e.2"
    assert at(versions, 0, 101) == "e.2"
    assert at(versions, 51, None) == "e.1"


def test_the_past_of_all_tenants_moves_together() -> None:
    versions = Versions("e")
    with versions.changing(None, 10 * BUCKET_NS):
        assert at(versions, 9, 20) is None
        assert at(versions, 10, 20) == "e.0"
    assert at(versions, 9, 20, OTHER) == "e.1"
    assert at(versions, 10, 20, OTHER) == "e.0"


def test_a_batch_scattered_over_years_counts_as_a_change_of_everything() -> None:
    versions = Versions("e")
    append(versions, *range(MOST_IN_ONE_CHANGE + 1))
    assert at(versions, 10**6, 10**6 + 1) == "e.1"
    assert at(versions, 10**6, 10**6 + 1, OTHER) == "e.0"


def test_what_is_forgotten_moves_versions_and_leaves_none_standing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BUCKETS", 1_000)
    versions = Versions("e")
    numbers: dict[int, int] = {}
    for number, bucket in enumerate(range(3_000), start=1):
        append(versions, bucket)
        numbers[bucket] = number
    for bucket, number in numbers.items():
        known = at(versions, bucket, bucket + 1)
        assert known is not None
        assert int(known.split(".")[1]) >= number
    assert versions._held <= 1_000


def test_many_tenants_hold_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BUCKETS", 1_000)
    versions = Versions("e")
    for number in range(2_500):
        append(versions, 5, tenant=TenantId(f"t{number}"))
    assert len(versions._tenants) <= 1_000
    seen = at(versions, 5, 6, TenantId("t3"))
    append(versions, 5, tenant=TenantId("t3"))
    assert at(versions, 5, 6, TenantId("t3")) != seen
