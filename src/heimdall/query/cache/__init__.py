"""Answers and parts of answers that are kept: the `Cache` port, its adapters, and what uses them."""

from heimdall.query.cache.opening import open_cache
from heimdall.query.cache.port import Cache, CacheKey, Entry

__all__ = ["Cache", "CacheKey", "Entry", "open_cache"]
