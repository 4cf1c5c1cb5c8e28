"""Parameters of VictoriaLogs' routes, from the query string or from the form of a POST, in every form it takes them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs

from starlette.requests import Request

from heimdall.clock import Clock
from heimdall.errors import InvalidInput
from heimdall.model.timerange import MAX_NS, MIN_NS, parse_time
from heimdall.query.literals import parse_duration

_LONGEST_TEXT = 100
_PARTIAL = re.compile(r"(\d{4})(-\d\d)?(-\d\d)?(T\d\d)?(:\d\d)?(:\d\d(?:\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_AGO = re.compile(r"(?:now)?\s*-?\s*(.+)", re.ASCII)

TIMEOUT_S = 30.0
"""As VictoriaLogs' `-search.maxQueryDuration`."""


class Parameters:
    def __init__(self, values: Mapping[str, Sequence[str]], now_ns: int) -> None:
        self._values = values
        self.now_ns = now_ns

    def text(self, *names: str) -> str:
        """The first of these that is given; empty where none is."""
        return next((text for name in names for text in self._values.get(name, ()) if text), "")

    def texts(self, *names: str) -> list[str]:
        return [text for name in names for text in self._values.get(name, ()) if text]

    def required(self, name: str) -> str:
        found = self.text(name)
        if not found:
            raise InvalidInput(f"missing `{name}` arg")
        return found

    def number(self, name: str, default: int) -> int:
        """A whole number; nothing and 0 mean `default`."""
        text = self.text(name)
        if not text:
            return default
        if not text.isdecimal() or len(text) > 12:
            raise InvalidInput(f"cannot parse `{name}` arg {text[:_LONGEST_TEXT]!r}: it must be a whole number")
        return int(text) or default

    def flag(self, name: str) -> bool:
        return self.text(name).lower() not in ("", "0", "f", "false", "no")

    def time_ns(self, name: str) -> int | None:
        text = self.text(name)
        return None if not text else _time_ns(name, text, self.now_ns)

    def duration_ns(self, name: str, default_ns: int) -> int:
        """A duration such as `5m`, or seconds as a number; it may be negative."""
        text = self.text(name)
        if not text:
            return default_ns
        sign, plain = (-1, text[1:]) if text[0] == "-" else (1, text)
        found = parse_duration(plain)
        if found is None and plain.replace(".", "", 1).isdecimal() and len(plain) < 20:
            found = round(float(plain) * 1e9)
        if found is None:
            raise InvalidInput(f"cannot parse `{name}` arg {text[:_LONGEST_TEXT]!r}: it must be a duration such as 5m")
        return sign * found

    def step_ns(self) -> int:
        found = self.duration_ns("step", 86_400 * 10**9)
        if found <= 0:
            raise InvalidInput("`step` must be bigger than zero")
        return found

    def timeout_s(self) -> float:
        found = self.duration_ns("timeout", 0)
        return TIMEOUT_S if found <= 0 else min(TIMEOUT_S, found / 1e9)


async def parameters_of(request: Request, clock: Clock) -> Parameters:
    values: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        values.setdefault(name, []).append(value)
    if request.method == "POST":
        text = (await request.body()).decode("utf-8", "replace")
        try:
            form = parse_qs(text, keep_blank_values=True, max_num_fields=1_000)
        except ValueError as exc:
            raise InvalidInput(f"the form cannot be read: {exc}") from exc
        for name, found in form.items():
            values.setdefault(name, []).extend(found)
    return Parameters(values, clock.time_ns())


def _time_ns(name: str, text: str, now_ns: int) -> int:
    """A moment, or how long ago: epoch in s to ns, RFC 3339 and its beginnings (`2024`, `2024-05`), `now`, `3h`."""
    whole = _PARTIAL.fullmatch(text)
    if whole is not None:
        year, month, day, hour, minute, second, zone = whole.groups()
        text = f"{year}{month or '-01'}{day or '-01'}{hour or 'T00'}{minute or ':00'}{second or ':00'}{zone or 'Z'}"
    elif (ago := _AGO.fullmatch(text)) is not None and (age_ns := parse_duration(ago[1])) is not None:
        return min(max(now_ns - age_ns, MIN_NS), MAX_NS)
    try:
        return parse_time(text, now_ns=now_ns)
    except InvalidInput as exc:
        raise InvalidInput(f"cannot parse `{name}` arg: {exc}") from None
