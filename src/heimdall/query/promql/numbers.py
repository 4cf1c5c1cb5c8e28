"""Numbers and moments as Prometheus' answers write them."""

from __future__ import annotations

import math
from decimal import Decimal


def format_sample(value: float) -> str:
    """Shortest decimal that reads back the same: with an exponent below 1e-6 and from 1e21 on."""
    if value == 0 or not math.isfinite(value) or 1e-6 <= abs(value) < 1e21:
        return format_value(value)
    digits, _, exponent = repr(value).partition("e")
    return f"{digits.removesuffix('.0')}e{int(exponent):+d}"


def format_value(value: float) -> str:
    """Shortest decimal that reads back the same, without an exponent: a number by itself, or as a label."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return format(Decimal(repr(value)), "f").removesuffix(".0")


def seconds(time_ns: int) -> int | float:
    """Seconds to the millisecond; whole ones without a fraction."""
    millis = time_ns // 10**6
    return millis // 1_000 if millis % 1_000 == 0 else millis / 1_000
