"""The signal that says whether an action helped: the alert's own value and severity, or a query's number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from heimdall.alerting.alert import Alert, State
from heimdall.alerting.mitigation.playbook import Watch
from heimdall.errors import InvalidInput, Unavailable
from heimdall.query.languages.hql import parse
from heimdall.query.request import SearchRequest
from heimdall.query.rows import plain_rows, record_table
from heimdall.query.service import QueryService

_TIMEOUT_S = 20.0


@dataclass(frozen=True, slots=True)
class Reading:
    value: float
    severity: str = ""
    """Empty of a query's number."""
    over: bool = False
    """The alert has ended."""


class Signals(Protocol):
    def read(self, watch: Watch, alert_key: str, now_ns: int) -> Reading:
        """As it is now. Raises Unavailable, InvalidInput: it cannot be measured."""


class Alerts(Protocol):
    """Alerts by their key."""

    def alert(self, key: str) -> Alert | None: ...


class MeasuredSignals:
    """Satisfies `Signals`."""

    def __init__(self, alerts: Alerts, queries: QueryService) -> None:
        self._alerts = alerts
        self._queries = queries

    def read(self, watch: Watch, alert_key: str, now_ns: int) -> Reading:
        if watch.query:
            return Reading(measure(self._queries, watch, now_ns))
        alert = self._alerts.alert(alert_key)
        if alert is None:
            raise Unavailable(f"alert {alert_key} is no longer kept")
        return Reading(alert.value, alert.severity, alert.state is State.RESOLVED)


def measure(queries: QueryService, watch: Watch, now_ns: int) -> float:
    """The one number that the query finds in its window before `now_ns`; of a search without pipes, how many records.

    Raises:
        InvalidInput: the answer is not one row with one number.
        Unavailable: as `QueryService.search`.
    """
    text = watch.query if parse(watch.query).pipes else f"{watch.query} | stats count() as n"
    request = SearchRequest(
        q=text, start_ns=now_ns - watch.window_ns, end_ns=now_ns, limit=2, timeout_s=_TIMEOUT_S, fresh=True
    )
    rows = list(plain_rows(record_table(queries.search(request).rows)))
    numbers = [
        value
        for row in rows
        for value in row.values()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    if len(rows) != 1 or len(numbers) != 1:
        raise InvalidInput(f"watch: {watch.query[:200]} must answer with one row that has one number")
    return float(numbers[0])


def is_worse(watch: Watch, baseline: float, severity: str, reading: Reading) -> bool:
    """Than before the action, by the watch's own measure. `P1` is worse than `P2`."""
    if severity and reading.severity and reading.severity < severity:
        return True
    return reading.value > baseline * watch.worse and reading.value > baseline + watch.margin


def has_recovered(watch: Watch, baseline: float, reading: Reading) -> bool:
    if reading.severity:
        return reading.over
    return reading.value <= baseline * watch.recovered
