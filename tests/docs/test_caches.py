"""The page on caches names what the code has."""

from __future__ import annotations

from pathlib import Path

from heimdall.query.cache import metrics
from heimdall.query.cache.opening import SCHEMES

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "caches.md").read_text(encoding="utf-8")


def test_every_scheme_is_on_the_page() -> None:
    assert [scheme for scheme in SCHEMES if f"{scheme}://" not in PAGE] == []


def test_what_is_counted_is_named_as_the_page_says() -> None:
    names = [one._name for one in vars(metrics).values() if hasattr(one, "_name")]
    assert names
    assert all(name.startswith("heimdall_query_cache_") for name in names)
