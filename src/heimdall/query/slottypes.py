"""What kind of value stands in a parameter of a template, and the number in it where there is one."""

from __future__ import annotations

from typing import Final

import polars as pl

_HOST: Final = r"[0-9A-Za-z](?:[0-9A-Za-z_-]*[0-9A-Za-z])?(?:\.[0-9A-Za-z](?:[0-9A-Za-z_-]*[0-9A-Za-z])?)+"
_CLOCK: Final = r"^\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?$"
_IPV4: Final = r"(?:\d{1,3}\.){3}\d{1,3}"
_IPV6: Final = r"\[?(?:(?:[0-9a-fA-F]{0,4}:){3,}|(?:[0-9a-fA-F]{1,4}:)*:)[0-9a-fA-F.:]*(?:\]:\d+)?"

PATTERNS: Final[tuple[tuple[str, str], ...]] = (
    ("empty", r"^\s*$"),
    ("integer", r"^[-+]?\d{1,18}$"),
    ("decimal", r"^[-+]?\d+\.\d+(?:[eE][-+]?\d+)?$"),
    ("boolean", r"^(?i:true|false)$"),
    ("duration", r"^\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h|d)$|^(?:\d+d)?(?:\d+h)?(?:\d+m)(?:\d+(?:\.\d+)?s)?$"),
    ("size", r"^\d+(?:\.\d+)?(?: ?(?:[KkMGTP]i?)?(?:B|bytes)(?:/s)?|[KMGT])$"),
    ("uuid", r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"),
    ("ip", rf"^/?{_IPV4}(?::\d+)?(?:/\d+)?$|^{_IPV6}$"),
    ("time", r"^\d{4}[-/]\d{2}[-/]\d{2}(?:[T ].*)?$|^\d{1,2}/[A-Z][a-z]{2}/\d{4}:[\d:]+$|" + _CLOCK),
    ("hex", r"^0[xX][0-9a-fA-F]+$|^[0-9a-fA-F]{6,}$"),
    ("url", r"^[a-z][a-z0-9+.-]*://"),
    ("email", r"^[^\s@]+@[^\s@]+\.[^\s@]+$"),
    ("path", r"^(?:\.{0,2}|~)/\S*$|^[A-Za-z]:\\|^[^\s/]+(?:/[^\s/]+){2,}/?$"),
    ("host", rf"^{_HOST}(?::\d+)?$"),
    ("word", r"^[\pL_$][\pL_$.'-]*$"),
    ("id", r"^[^\s,;|]*\d[^\s,;|]*$"),
)  # fmt: skip
"""In this order: the first that fits is a value's kind. What fits none is `text`. RE2 syntax."""

KINDS: Final = (*(name for name, _ in PATTERNS), "text")

NUMERIC: Final = frozenset({"integer", "decimal", "duration", "size"})

SURE: Final = 0.95
"""Share of records whose values must be of one kind, or of kinds one of which holds the other, to call it that."""

_WIDER: Final[tuple[tuple[str, frozenset[str]], ...]] = (
    ("decimal", frozenset({"integer", "decimal"})),
    ("hex", frozenset({"hex", "integer"})),
    ("duration", frozenset({"duration", "integer"})),
    ("size", frozenset({"size", "integer"})),
    ("host", frozenset({"host", "ip", "word"})),
    ("id", frozenset({"id", "hex", "integer", "uuid"})),
    ("id", frozenset({"id", "hex", "integer", "uuid", "word"})),
)
"""(kind, the kinds it holds): digits alone are an id in hexadecimal, too."""

_UNITS: Final = {
    "ns": "ns", "us": "us", "µs": "us", "ms": "ms", "milliseconds": "ms", "s": "s", "sec": "s", "secs": "s",
    "second": "s", "seconds": "s", "min": "min", "minutes": "min", "h": "h", "hours": "h", "days": "d",
    "B": "By", "byte": "By", "bytes": "By", "KB": "kBy", "kB": "kBy", "KiB": "KiBy", "MB": "MBy", "MiB": "MiBy",
    "GB": "GBy", "GiB": "GiBy", "%": "%", "percent": "%",
}  # fmt: skip
"""Words behind a number that say its unit → UCUM."""

_SIZES: Final = {"": 0, "k": 1, "K": 1, "M": 2, "G": 3, "T": 4, "P": 5}


def kinds_of(values: pl.Expr) -> pl.Expr:
    """The kind of each value, by itself."""
    found = [pl.when(values.str.contains(pattern)).then(pl.lit(name)) for name, pattern in PATTERNS]
    return pl.coalesce(*found, pl.lit("text"))


def type_of(shares: dict[str, float]) -> str:
    """One kind for a parameter whose values are of several, by their shares of its records; values that are missing
    do not count."""
    there = {kind: share for kind, share in shares.items() if kind != "empty"}
    total = sum(there.values())
    if not total:
        return "empty"
    most = max(there, key=lambda kind: there[kind])
    if there[most] >= SURE * total:
        return most
    for name, held in _WIDER:
        if there.get(name) and sum(share for kind, share in there.items() if kind in held) >= SURE * total:
            return name
    return "text"


def numbers_of(values: pl.Expr, kind: str) -> pl.Expr:
    """The number in each value of a numeric kind: durations in seconds, sizes in bytes; null where there is none."""
    if kind == "duration":
        return _seconds(values)
    if kind == "size":
        return _bytes(values)
    return values.cast(pl.Float64, strict=False)


def unit_of(kind: str, behind: str) -> str:
    """UCUM unit of a numeric parameter's numbers, as far as it is known. `behind`: the constant text that follows."""
    if kind in ("duration", "size"):
        return {"duration": "s", "size": "By"}[kind]
    word = behind.split(maxsplit=1)[0] if behind.strip() else ""
    return _UNITS.get(word.rstrip(".,;:)]}\"'"), "")


def _seconds(values: pl.Expr) -> pl.Expr:
    number = r"(\d+(?:\.\d+)?)"
    parts = (
        (rf"{number}d", 86_400.0), (rf"{number}h", 3_600.0), (rf"{number}m(?:$|\d)", 60.0), (rf"{number}s$", 1.0),
        (rf"{number}ms$", 1e-3), (rf"{number}(?:us|µs)$", 1e-6), (rf"{number}ns$", 1e-9),
    )  # fmt: skip
    found = [values.str.extract(pattern).cast(pl.Float64, strict=False) * factor for pattern, factor in parts]
    known = values.str.contains(r"^\d.*[a-zµ]$")
    return pl.when(known).then(pl.sum_horizontal(found)).otherwise(None)


def _bytes(values: pl.Expr) -> pl.Expr:
    number = values.str.extract(r"^(\d+(?:\.\d+)?) ?(?:[KkMGTP]i?)?(?:B|bytes|$)").cast(pl.Float64, strict=False)
    power = values.str.extract(r"^[\d.]+ ?([KkMGTP]?)").replace_strict(_SIZES, default=0, return_dtype=pl.Float64)
    base = pl.when(values.str.contains(r"^[\d.]+ ?[KkMGTP](?:i|$)")).then(1024.0).otherwise(1000.0)
    return number * base.pow(power)
