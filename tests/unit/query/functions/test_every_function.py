"""Every function has a test module of its own name."""

from pathlib import Path

import heimdall.query.functions as functions

_NOT_WORDS = {"__init__", "definition", "extremes"}


def test_every_word_is_tested() -> None:
    words = {path.stem for path in Path(str(functions.__file__)).parent.glob("*.py")} - _NOT_WORDS
    tested = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    assert words <= tested
