"""Parts of a request as the types they have to have."""

from __future__ import annotations

import math
from typing import Any

from heimdall.query.languages.esdsl.faults import illegal, parsing


def mapping(what: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise parsing(f"[{what}] must be an object")
    return given


def text(what: str, given: Any) -> str:
    if not isinstance(given, str):
        raise parsing(f"[{what}] must be a string, not [{str(given)[:40]}]")
    return given


def optional_text(what: str, given: Any) -> str | None:
    return None if given is None else text(what, given)


def number(what: str, given: Any) -> float:
    """A finite number, also one in quotes."""
    try:
        found = math.nan if isinstance(given, bool) else float(given)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise illegal(f"[{what}] must be a number, not [{str(given)[:40]}]")
    return found


def whole(what: str, given: Any, *, least: int = 0, most: int = 2**31 - 1) -> int:
    found = number(what, given)
    if found != int(found) or not least <= found <= most:
        raise illegal(f"[{what}] must be a whole number from {least} to {most}, not [{str(given)[:40]}]")
    return int(found)


def texts(what: str, given: Any) -> list[str]:
    """One string or several."""
    listed = given if isinstance(given, list) else [given]
    return [text(what, item) for item in listed]
