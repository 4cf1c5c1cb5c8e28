"""Numbers, durations and sizes as LogQL writes them, and numbers as its answers do."""

from __future__ import annotations

import math
import re
from decimal import Decimal

_NS = {
    "ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
    "d": 86_400 * 10**9, "w": 604_800 * 10**9, "y": 31_536_000 * 10**9,
}  # fmt: skip
_DURATION = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h|d|w|y)")
_PIECE = re.compile(r"((?:\d+(?:\.\d*)?|\.\d+))(ns|us|µs|μs|ms|s|m|h|d|w|y)")

_SIZES = {"b": 1, "": 1}
for _power, _letter in enumerate("kmgtpe", start=1):
    _SIZES |= {_letter: 1000**_power, f"{_letter}b": 1000**_power}
    _SIZES |= {f"{_letter}i": 1024**_power, f"{_letter}ib": 1024**_power}
_SIZE = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?|[iI]nf(?:inity)?|[nN]a[nN])")


def parse_duration(text: str) -> int | None:
    """Nanoseconds of `1h30m`, `250ms`, `-1.5s`; None where it is none."""
    rest = text.lstrip("+-") if text[:1] in ("+", "-") else text
    if rest == "0":
        return 0
    total, place = 0.0, 0
    while place < len(rest):
        piece = _PIECE.match(rest, place)
        if piece is None:
            return None
        whole = piece[1].isdigit() and len(piece[1]) < 20  # more are no nanoseconds of 64 bits, and not always an int
        total += int(piece[1]) * _NS[piece[2]] if whole else float(piece[1]) * _NS[piece[2]]
        place = piece.end()
    if not rest or not math.isfinite(total) or abs(total) >= 2**63:
        return None
    return -round(total) if text[0] == "-" else round(total)


def parse_bytes(text: str) -> int | None:
    """Bytes of `5MB`, `1.5 KiB`, `42`; None where it is none."""
    found = _SIZE.fullmatch(text.strip())
    if found is None or found[2].lower() not in _SIZES:
        return None
    amount = float(found[1]) * _SIZES[found[2].lower()]
    return int(amount) if amount < 2**64 else None


def parse_number(text: str) -> float | None:
    if _NUMBER.fullmatch(text) is None:
        return None
    try:
        return float(int(text, 16)) if "0x" in text.lower() else float(text)
    except OverflowError:
        return math.copysign(math.inf, -1 if text[0] == "-" else 1)


def format_number(value: float) -> str:
    """Shortest decimal form, never with an exponent."""
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e15:
        return str(int(value)) if value or math.copysign(1.0, value) > 0 else "-0"
    text = repr(value)
    if "e" in text:
        text = format(Decimal(text), "f")
    return text.removesuffix(".0")


def format_duration(nanoseconds: int) -> str:
    """`90000000000` → `1m30s`: as ranges are printed."""
    if nanoseconds < 0:
        return "-" + format_duration(-nanoseconds)
    if nanoseconds == 0:
        return "0s"
    parts = []
    for unit in ("y", "w", "d", "h", "m", "s", "ms", "us", "ns"):
        if unit in ("y", "w", "d") and nanoseconds % _NS[unit]:
            continue  # larger units only where nothing would be left
        count, nanoseconds = divmod(nanoseconds, _NS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)
