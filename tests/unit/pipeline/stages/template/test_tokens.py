"""How a masked message is cut into cells, and how two texts of a cell become one."""

from __future__ import annotations

import pytest

from heimdall.pipeline.stages.template.mask import WILD
from heimdall.pipeline.stages.template.tokens import LIST, common_text, is_word, shape


def cells(masked: str) -> list[str]:
    return [key.replace(WILD, "*") for key in shape(masked.replace("*", WILD)).key]


@pytest.mark.parametrize(
    ("masked", "keys"),
    [
        ("a=b, c", ["a", "=", "*", ",", " c"]),
        ("core.* ok.", ["*", " ok", "."]),
        ("x: [y] {z}", ["x", ":", " [", "y", "]", " {", "z", "}"]),
        ("see a.b.c.D now", ["see", " *", " now"]),
        ("* * *", ["*"]),
        ("*, *, * end", ["*", " end"]),
        ("got ()", ["got"]),
        ("call f()", ["call", " f", "(", ")"]),
        ("is true", ["is", " *"]),
        ("obj@* gone", ["obj", "@", "*", " gone"]),
        ("id *##x", ["id", " *", "##", "x"]),
    ],
)
def test_keys(masked: str, keys: list[str]) -> None:
    assert cells(masked) == keys


def test_a_list_of_any_length_has_one_key() -> None:
    assert shape(f"put {WILD}|{WILD}|{WILD}").key == shape(f"put {WILD}|{WILD}|{WILD}|{WILD}|{WILD}").key


@pytest.mark.parametrize("masked", ["a  b", f"x={WILD};y", ' "q" ', f"n-{WILD} <ok> n-{WILD} <ok>", "a () b", "k= v"])
def test_the_text_of_a_shape_is_the_message(masked: str) -> None:
    assert "".join(shape(masked).text) == masked


@pytest.mark.parametrize(
    ("key", "one", "other", "common"),
    [
        (WILD, "root", "root", "root"),
        (WILD, "root", "guest", WILD),
        (" " + WILD, " root", "  root", " root"),
        (" " + WILD, " root", " guest", " " + WILD),
        (f'"{WILD}"', '"a"', '"b"', f'"{WILD}"'),
        (" bytes", " bytes (1 KB)", " bytes (2 KB)", f" bytes ({WILD})"),
        (" bytes", " bytes (1 KB)", " bytes", " bytes\x06"),
        (f"{LIST}{WILD}|", "a|1|", "b|1|", f"{WILD}|1|"),
        (f"{LIST}{WILD}|", "a|1|", "a|1|2|", WILD),
    ],
)
def test_common_text(key: str, one: str, other: str, common: str) -> None:
    assert common_text(key, one, other) == common
    assert common_text(key, common, one) == common_text(key, common, other) == common


def test_words_are_what_statistics_may_question() -> None:
    assert [is_word(k) for k in ("word", " eth\x02", WILD, " =", "", " ", f'"{WILD}"', f"{LIST}a")] == [
        True, True, False, False, False, False, False, False,
    ]  # fmt: skip
