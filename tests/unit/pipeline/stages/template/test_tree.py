"""Patterns with parameters and the keys they take."""

from __future__ import annotations

import itertools

from heimdall.pipeline.stages.template.mask import WILD
from heimdall.pipeline.stages.template.tree import ANY, Tree


def tree(*patterns: tuple[str, ...]) -> Tree:
    made = Tree()
    for number, pattern in enumerate(patterns):
        made.insert(pattern, number)
    return made


def test_a_parameter_takes_any_word_or_variable_with_the_same_space_before_it() -> None:
    found = tree(("user", " " + ANY, " left"))
    assert found.find(("user", " amy", " left")) == 0
    assert found.find(("user", " " + WILD, " left")) == 0
    assert found.find(("user", "amy", " left")) is None
    assert found.find(("user", " =", " left")) is None
    assert found.find(("user", " amy")) is None
    assert found.find(("user", " amy", " left", " now")) is None


def test_constants_win_whatever_the_order_of_insertion() -> None:
    patterns = [("a", ANY, "c"), ("a", "b", ANY), (ANY, "b", "c")]
    for order in itertools.permutations(patterns):
        assert order[tree(*order).find(("a", "b", "c")) or 0] == ("a", "b", ANY)


def test_a_dead_end_is_left_again() -> None:
    assert tree(("a", "b", "x"), ("a", ANY, "c")).find(("a", "b", "c")) == 1


def test_what_is_removed_is_not_found_and_leaves_nothing_behind() -> None:
    found = tree(("a", ANY), ("a", ANY, "c"))
    found.remove(("a", ANY))
    assert found.find(("a", "b")) is None
    assert found.find(("a", "b", "c")) == 1
    found.remove(("a", ANY, "c"))
    found.remove(("never", "there"))
    assert found._root == {}


def test_a_search_that_branches_everywhere_gives_up() -> None:
    patterns = [tuple("b" if bit else ANY for bit in bits) for bits in itertools.product((0, 1), repeat=11)]
    assert tree(*(p + ("end",) for p in patterns)).find(("b",) * 11 + ("other",)) is None
