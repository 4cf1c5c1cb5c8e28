"""What the mask hides, and what it leaves for `tokens` to think about."""

from __future__ import annotations

import polars as pl
import pytest

from heimdall.pipeline.stages.template.mask import MINED_PREFIX_CHARS, WILD, mask


def masked(message: str) -> str:
    return str(mask(pl.Series([message]))[0]).replace(WILD, "*")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("took -1.5 s, 10ms, 3%", "took * s, *, *%"),
        ("10.0.0.1:80 and 1,234", "* and *,*"),
        ("user u20417 on node-7 eth0 ssh2", "user * on node-* eth0 ssh2"),
        ("id 0x1fae9 deadbeef017 c83fe8 a1b2c3", "id * * * *"),
        ("GET /v1/a/b?x=1&y=z HTTP/1.1", "GET * HTTP/*"),
        ("either/or load/store", "either/or load/store"),
        ("key=/etc/passwd, (/a/b)", "key=*, (*)"),
        ("C:\\Windows\\x.dll C:ok", "* C:ok"),
        ("std::vector a::b fe80::1:2", "std::vector a::b *"),
        ("on 2026-11-22 or 2026-11-22T01:02:03Z", "on * or *"),
        ("plain words only", "plain words only"),
        ("é 5 日本 7", "é * 日本 *"),
        ("literal <*> stays", "literal <*> stays"),
        ("", ""),
    ],
)
def test_mask(message: str, expected: str) -> None:
    assert masked(message) == expected


def test_only_the_beginning_of_a_long_message_counts() -> None:
    assert masked("a" * 5_000) == "a" * MINED_PREFIX_CHARS
