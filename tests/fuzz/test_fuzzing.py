"""A short run of what `make fuzz` does for long; and that it would say so."""

from __future__ import annotations

import pytest
from fuzzing import Broken, fuzz
from targets import Target, targets

from heimdall.errors import InvalidInput


@pytest.mark.parametrize("target", targets(), ids=lambda target: target.name)
def test_no_body_breaks_a_decoder(target: Target) -> None:
    assert list(fuzz(target, 10, seed=7)) == []


def test_what_breaks_a_law_is_told_once() -> None:
    def run(body: bytes) -> None:
        if b"x" in body:
            raise KeyError("boom")
        raise InvalidInput("as it should")

    (found,) = fuzz(Target("t", run, (b"x", b"y")), 50, seed=1)
    assert found == Broken("t raised KeyError: 'boom'", b"x")
