"""Parameters of Loki's routes: from the query string, or from the form of a POST, in every form Loki takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qs

from starlette.requests import Request

from heimdall.clock import Clock
from heimdall.errors import InvalidInput
from heimdall.query.languages.logql.amounts import parse_duration
from heimdall.query.logql.lines import Direction
from heimdall.query.logql.service import Asked

_HOUR_NS = 3600 * 10**9
_LONGEST_TEXT = 100
DEFAULT_LIMIT = 100


class Parameters:
    def __init__(self, values: Mapping[str, Sequence[str]], now_ns: int) -> None:
        self._values = values
        self._now_ns = now_ns

    def text(self, name: str, default: str = "") -> str:
        return next(iter(self._values.get(name, ())), default)

    def texts(self, *names: str) -> list[str]:
        return [text for name in names for text in self._values.get(name, ())]

    def number(self, name: str, default: int) -> int:
        text = self.text(name)
        if not text:
            return default
        if not text.lstrip("-").isdecimal() or len(text) > 18:
            raise InvalidInput(f'strconv.Atoi: parsing "{text[:_LONGEST_TEXT]}": invalid syntax')
        return int(text)

    def limit(self, default: int = DEFAULT_LIMIT) -> int:
        found = self.number("limit", default)
        if found <= 0:
            raise InvalidInput("limit must be a positive value")
        return found

    @property
    def direction(self) -> Direction:
        text = self.text("direction", "backward").lower()
        if text not in ("backward", "forward"):
            raise InvalidInput(f"invalid direction '{text[:_LONGEST_TEXT]}'")
        return Direction(text)

    def time_ns(self, name: str, default_ns: int) -> int:
        text = self.text(name)
        return default_ns if not text else parse_time_ns(text)

    def duration_ns(self, name: str, default_ns: int) -> int:
        """Seconds as a number, or a duration."""
        text = self.text(name)
        if not text:
            return default_ns
        try:
            return round(float(text) * 1e9)
        except (ValueError, OverflowError):
            found = parse_duration(text)
        if found is None:
            raise InvalidInput(f'cannot parse "{text[:_LONGEST_TEXT]}" to a valid duration')
        return found

    def asked(self) -> Asked:
        """The range: the last hour where nothing else is said."""
        end_ns = self.time_ns("end", self._now_ns)
        since_ns = self.duration_ns("since", _HOUR_NS)
        start_ns = self.time_ns("start", min(end_ns, self._now_ns) - since_ns)
        if end_ns < start_ns:
            raise InvalidInput("end timestamp must not be before or equal to start time")
        return Asked(start_ns=start_ns, end_ns=end_ns)

    def instant(self) -> Asked:
        at_ns = self.time_ns("time", self._now_ns)
        return Asked(start_ns=at_ns, end_ns=at_ns)

    def step_ns(self, asked: Asked) -> int:
        seconds = max((asked.end_ns - asked.start_ns) // 10**9 // 250, 1)
        found = self.duration_ns("step", seconds * 10**9)
        if found <= 0:
            raise InvalidInput("zero or negative query resolution step widths are not accepted. Try a positive integer")
        return found


async def parameters_of(request: Request, clock: Clock) -> Parameters:
    values: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        values.setdefault(name, []).append(value)
    if request.method == "POST":
        form = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=1_000)
        for name, found in form.items():
            values.setdefault(name, []).extend(found)
    return Parameters(values, clock.time_ns())


def parse_time_ns(text: str) -> int:
    """Seconds with a fraction, ns since 1970, or RFC 3339."""
    digits = text.lstrip("-")
    try:
        if digits.isdecimal():
            number = int(text)
            found = number * 10**9 if len(digits) <= 10 else number
        elif digits.replace(".", "", 1).isdecimal():
            whole, _, fraction = text.partition(".")
            found = int(whole or 0) * 10**9 + int((fraction + "0" * 9)[:9])
        elif digits[:1].isdigit() and "e" in text and "T" not in text:
            found = round(float(text) * 1e9)
        else:
            found = _rfc3339_ns(text)
    except (ValueError, OverflowError):
        raise InvalidInput(f'could not parse "{text[:_LONGEST_TEXT]}" as a time') from None
    if not -(2**63) <= found < 2**63 - 1:
        raise InvalidInput(f'could not parse "{text[:_LONGEST_TEXT]}" as a time')
    return found


def _rfc3339_ns(text: str) -> int:
    head, dot, rest = text.partition(".")
    count = next((place for place, char in enumerate(rest) if not char.isdigit()), len(rest))
    moment = datetime.fromisoformat(head + rest[count:] if dot else text)
    if moment.tzinfo is None:
        raise ValueError("no zone")
    return int(moment.timestamp()) * 10**9 + (int((rest[:count] + "0" * 9)[:9]) if dot else 0)
