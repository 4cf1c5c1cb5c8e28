"""What fills the parameters of a template."""

from __future__ import annotations

import math
import random

import polars as pl
import pytest

from heimdall.query.slots import Sampled, distinct_of, parameters_of
from heimdall.query.slottypes import kinds_of, numbers_of, type_of, unit_of


def profile(text: str, messages: list[str], of: int | None = None, most: int = 5):
    sampled = Sampled(pl.Series("message", messages, pl.String), len(messages) if of is None else of)
    return parameters_of(text, sampled, most)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("17", "integer"), ("-3", "integer"), ("2.5", "decimal"), ("10ms", "duration"), ("1m30s", "duration"),
        ("12 KB", "size"), ("930M", "size"), ("26/Nov/2026:18:16:24", "time"),
        ("HTTP/1.1", "id"), ("8MiB", "size"), ("7f3c2a1b-0000-4000-8000-00000000abcd", "uuid"), ("10.0.0.7:443", "ip"),
        ("fe80::1", "ip"), ("2026-11-27T05:00:00Z", "time"), ("05:00:01.250", "time"), ("0x1f", "hex"),
        ("3f2a77c0", "hex"), ("https://a.example/x", "url"), ("a@b.example", "email"), ("/var/log/x", "path"),
        ("db-1.eu.example:5432", "host"), ("checkout", "word"), ("blk_38865", "id"), ("true", "boolean"),
        ("two words", "text"), ("", "empty"),
    ],
)  # fmt: skip
def test_a_value_has_a_kind(value: str, kind: str) -> None:
    assert pl.select(kinds_of(pl.lit(value))).item() == kind


@pytest.mark.parametrize(
    ("value", "kind", "number"),
    [("250ms", "duration", 0.25), ("1m30s", "duration", 90.0), ("2h", "duration", 7200.0), ("3us", "duration", 3e-6),
     ("12 KB", "size", 12_000.0), ("8MiB", "size", 8 * 2**20), ("5B", "size", 5.0),
     ("2K", "size", 2048.0), ("-3", "integer", -3.0)],
)  # fmt: skip
def test_durations_are_seconds_and_sizes_bytes(value: str, kind: str, number: float) -> None:
    assert pl.select(numbers_of(pl.lit(value), kind)).item() == pytest.approx(number)


def test_kinds_that_hold_others_are_one_type() -> None:
    assert type_of({"integer": 0.6, "decimal": 0.4}) == "decimal"
    assert type_of({"hex": 0.9, "integer": 0.1}) == "hex"
    assert type_of({"word": 0.5, "integer": 0.5}) == "text"
    assert type_of({"integer": 0.2, "empty": 0.8}) == "integer"
    assert (unit_of("integer", " ms for"), unit_of("integer", " of them"), unit_of("size", "")) == ("ms", "", "By")


def test_parameters_have_types_frequent_values_and_quantiles() -> None:
    messages = [f"GET /cart/{i} by {'ann' if i % 4 else 'bob'} took {i} ms" for i in range(1, 101)]
    (path, user, took), unmatched = profile("GET <*> by <*> took <*> ms", messages)
    assert unmatched == 0
    assert (path.type, path.distinct.estimate, path.numbers) == ("path", 100, None)
    assert (user.type, user.values) == (
        "word", [{"value": "ann", "count": 75, "share": 0.75}, {"value": "bob", "count": 25, "share": 0.25}],
    )  # fmt: skip
    assert (took.type, took.unit) == ("integer", "ms")
    assert took.numbers == {"min": 1.0, "max": 100.0, "mean": 50.5, "p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0}


def test_a_remark_that_some_messages_lack_is_an_empty_value_there() -> None:
    (bytes_, remark), unmatched = profile(
        "<*> bytes <*> sent", ["90 bytes sent", "1190 bytes (1.2 KB) sent", "something else"]
    )
    assert unmatched == 1
    assert [each["value"] for each in bytes_.values] == ["90", "1190"] or bytes_.distinct.estimate == 2
    assert {each["value"] for each in remark.values} == {"", "(1.2 KB)"}


def test_signs_of_regular_expressions_and_odd_white_space_are_text() -> None:
    (found,), unmatched = profile("a+b (c)?  [<*>] $", ["a+b (c)?  [7] $", "a+b (c)?\t[8] $"])
    assert (found.distinct.estimate, unmatched) == (2, 0)


def test_a_text_without_parameters_and_no_messages_are_no_fault() -> None:
    assert profile("ready", ["ready", "not ready"]) == ([], 1)
    (found,), unmatched = profile("took <*>", [])
    assert (found.values, found.distinct.estimate, unmatched) == ([], 0, 0)


def test_a_sample_keeps_to_the_errors_it_states() -> None:
    """Skewed values: 100,000 records, a hundredth of them read; fifty samples."""
    chance = random.Random(7)
    values = [int(chance.paretovariate(0.7)) % 5_000 for _ in range(100_000)]
    true_distinct, true_share = len(set(values)), values.count(1) / len(values)
    ordered = sorted(values)
    off, within = 0, 0
    for _ in range(50):
        sample = chance.sample(values, 1_000)
        (found,), _ = profile("n <*>", [f"n {value}" for value in sample], of=len(values))
        error = Sampled(pl.Series(["m"] * 1_000), 100_000).error
        assert error == pytest.approx(0.04295, abs=1e-4)
        share = {each["value"]: each["share"] for each in found.values}["1"]
        low, high = (ordered[int(max(0.0, 0.9 + sign * error) * 99_999)] for sign in (-1, 1))
        assert found.numbers is not None
        off += not (abs(float(share) - true_share) <= error and low <= found.numbers["p90"] <= high)
        within += found.distinct.low <= true_distinct <= found.distinct.high
        ratio = max(found.distinct.estimate / true_distinct, true_distinct / found.distinct.estimate)
        assert ratio <= math.sqrt(100)
    assert off <= 5
    assert within >= 45


def test_of_everything_the_number_of_values_is_known() -> None:
    counts = pl.Series([1, 1, 5])
    whole = distinct_of(counts, Sampled(pl.Series(["x"] * 7), 7))
    assert (whole.estimate, whole.low, whole.high) == (3, 3, 3)
    part = distinct_of(counts, Sampled(pl.Series(["x"] * 7), 28))
    assert (part.estimate, part.low, part.high) == (5, 3, 9)
