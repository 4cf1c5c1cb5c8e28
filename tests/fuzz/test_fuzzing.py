"""A short run of what `make fuzz` does for long; and that it would say so."""

from __future__ import annotations

from collections.abc import Sequence

import fuzzing
import pytest
from fuzzing import Broken, Laws, fuzz
from target import Target, apart
from targets import targets

from heimdall.errors import InvalidInput


@pytest.mark.parametrize("target", targets(), ids=lambda target: target.name)
def test_no_body_breaks_a_decoder(target: Target) -> None:
    assert list(fuzz(target, 10, seed=7)) == []


def test_what_breaks_a_law_is_told_once() -> None:
    def run(body: bytes) -> None:
        if b"x" in body:
            raise KeyError("boom")
        raise InvalidInput("as it should")

    (found,) = fuzz(Target("t", apart(run), (b"x", b"y")), 50, seed=1)
    assert found == Broken("t raised KeyError: 'boom'", (b"x",))


def test_of_many_bodies_in_one_call_the_one_that_breaks_is_told() -> None:
    def run(bodies: Sequence[bytes]) -> None:
        if any(body.startswith(b"no") for body in bodies):
            raise InvalidInput("as it should")
        if b"x" in bodies:
            raise KeyError("boom")

    laws = Laws(Target("t", run, (), at_once=8))
    assert list(laws.broken_by([b"a", b"no", b"b", b"x", b"c"])) == [Broken("t raised KeyError: 'boom'", (b"x",))]
    assert list(laws.broken_by([b"a", b"no"])) == []


def test_bodies_that_break_only_together_are_told_together() -> None:
    def run(bodies: Sequence[bytes]) -> None:
        if {b"a", b"b"} <= set(bodies):
            raise ValueError("both")

    (found,) = Laws(Target("t", run, (), at_once=8)).broken_by([b"z", b"a", b"c", b"d", b"b", b"e", b"f"])
    assert found.bodies == (b"a", b"b")


def test_a_body_that_takes_long_or_much_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzzing, "MAX_CPU_S", -1.0)
    (slow,) = Laws(Target("t", len, ())).broken_by([b"a"])
    assert slow.law.startswith("t took 0.0 s of CPU")
    monkeypatch.undo()
    monkeypatch.setattr(fuzzing, "MAX_PEAK_BYTES", -1)
    (large,) = Laws(Target("t", len, ())).broken_by([b"a"])
    assert large.law == "t took 0 MiB at once"
