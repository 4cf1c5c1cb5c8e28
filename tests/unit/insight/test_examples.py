"""Messages that findings show."""

from __future__ import annotations

from heimdall.insight.examples import CHARACTERS, MOST, Examples


def test_the_newest_message_of_a_template_is_shown_and_survives_a_checkpoint() -> None:
    examples = Examples()
    examples.put([1, 2], ["first", "naïve \x00 \ud800"])
    examples.put([1], ["x" * 300])
    restored = Examples()
    restored.load(examples.arrays())
    for kept in (examples, restored):
        assert [kept.get(template) for template in (1, 2, 3)] == ["x" * CHARACTERS, "naïve \x00 \ud800", ""]


def test_templates_that_were_not_seen_for_longest_are_forgotten() -> None:
    examples = Examples()
    examples.put(range(MOST), ["old"] * MOST)
    examples.put([0, MOST], ["again", "new"])
    assert [examples.get(template) for template in (0, 1, 2, MOST)] == ["again", "", "old", "new"]
