"""The page senders read says what the code does."""

from pathlib import Path

from heimdall.ingest.decode.canonical import NAMES
from heimdall.ingest.decode.oddity import Oddity

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "ingest.md").read_text()


def test_every_field_name_is_on_the_page() -> None:
    missing = [name for names in NAMES.values() for name in names if f"`{name}`" not in PAGE]
    assert missing == []


def test_every_oddity_is_on_the_page() -> None:
    assert [mark for mark in Oddity if f"`{mark}`" not in PAGE] == []
