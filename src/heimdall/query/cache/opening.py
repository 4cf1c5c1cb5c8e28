"""From the setting `query.cache` to the cache it names."""

from __future__ import annotations

import difflib
import re
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from heimdall.clock import Clock
from heimdall.errors import Misconfigured
from heimdall.query.cache.layered import LayeredCache
from heimdall.query.cache.memory import MemoryCache
from heimdall.query.cache.port import Cache, NoCache
from heimdall.query.cache.redis import RedisCache

SCHEMES = ("memory", "none", "redis", "redis+cluster", "rediss", "rediss+cluster")

DEFAULT_BYTES = 128 * 1024 * 1024
_UNITS = {"": 1, "B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


def open_cache(setting: str, clock: Clock) -> Cache:
    """Levels from near to far, separated by spaces: `memory://?size=256MiB redis://host:6379/0?ttl=3600`.

    A Redis server need not be there yet.

    Raises:
        Misconfigured: a URL names no cache, or its driver is not installed.
    """
    levels = [_level(url, clock) for url in setting.split() if url != "none://"]
    if len(levels) < 2:
        return levels[0] if levels else NoCache()
    return LayeredCache(levels)


def check_cache(setting: str) -> None:
    """What `open_cache` would refuse, without opening anything."""
    for url in setting.split():
        _parts(url)


def _level(url: str, clock: Clock) -> Cache:
    scheme, options, rest = _parts(url)
    if scheme == "memory":
        return MemoryCache(_size(options.get("size"), url), clock)
    plain, _, cluster = scheme.partition("+")
    return RedisCache(f"{plain}:{rest}", clock, cluster=bool(cluster), ttl_s=int(options.get("ttl", "3600")))


def _parts(url: str) -> tuple[str, dict[str, str], str]:
    """(scheme, our options, what stands behind the scheme without them)."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        close = difflib.get_close_matches(parts.scheme, SCHEMES, n=1)
        hint = f"; did you mean {close[0]}://?" if close else f"; known: {', '.join(f'{s}://' for s in SCHEMES)}"
        raise Misconfigured(f"setting query.cache: no cache is called {parts.scheme or url!r}{hint}")
    ours = {"size"} if parts.scheme == "memory" else {"ttl"}
    given = parse_qsl(parts.query, keep_blank_values=True)
    options = {name: value for name, value in given if name in ours}
    others = [(name, value) for name, value in given if name not in ours]
    if parts.scheme == "memory":
        if others or parts.netloc or parts.path:
            raise Misconfigured(f"setting query.cache: {url}: write memory://?size=256MiB")
        _size(options.get("size"), url)
    elif not options.get("ttl", "1").isdecimal() or int(options.get("ttl", "1")) < 1:
        raise Misconfigured(f"setting query.cache: {url}: ttl is a number of seconds")
    return parts.scheme, options, urlunsplit(("", parts.netloc, parts.path, urlencode(others), ""))


def _size(text: str | None, url: str) -> int:
    if text is None:
        return DEFAULT_BYTES
    match = re.fullmatch(r"(\d{1,12})\s*([KMG]iB|B|)", text)
    if match is None or int(match[1]) == 0:
        raise Misconfigured(f"setting query.cache: {url}: size is a number of bytes, as 256MiB")
    return int(match[1]) * _UNITS[match[2]]
