"""Every pipe has a test module of its own name."""

from pathlib import Path

from heimdall.query.pipes import pipes


def test_every_word_is_tested() -> None:
    tested = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    assert set(pipes()) <= tested
