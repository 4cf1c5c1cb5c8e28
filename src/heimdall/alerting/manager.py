"""The life of alerts: reports become alerts, alerts incidents, incidents notifications, each change one transaction."""

from __future__ import annotations

import heapq
import logging
import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from prometheus_client import Counter, Gauge

from heimdall.alerting.alert import (
    Alert,
    Incident,
    Matchers,
    Silence,
    State,
    firing_of_finding,
)
from heimdall.alerting.change import Change
from heimdall.alerting.config import AlertingConfig
from heimdall.alerting.escalation import begin, stop, take_step
from heimdall.alerting.incidents import OpenIncidents
from heimdall.alerting.notification import Event, notification
from heimdall.alerting.overrides import OnCall
from heimdall.alerting.owners import OWNER, owner_of
from heimdall.alerting.routing import Routing
from heimdall.alerting.store import AlertStore, Entry, Outgoing
from heimdall.clock import Clock
from heimdall.errors import InvalidInput, NotFound
from heimdall.insight.finding import Finding
from heimdall.insight.rules.firing import Firing, firing_id
from heimdall.model.batch import TenantId

_log = logging.getLogger(__name__)

OPENED = Counter("heimdall_alerts_opened", "Alerts that began, by severity.", ["severity"])
OPEN = Gauge("heimdall_alerts_open", "Alerts that are not over.")
NOTIFICATIONS = Counter("heimdall_alerts_notifications", "Notifications made, by event.", ["event"])
ESCALATED = Counter("heimdall_alerts_escalated", "Steps of escalations taken, by policy.", ["policy"])

MAX_OPEN = 20_000
"""Alerts that are not over, all tenants. Beyond it the one quiet for longest is taken to be over."""
_HOUR_NS = 3600 * 10**9
_PRUNE_EVERY = 200


class AlertManager:
    """Satisfies `FiringSink` and `FindingSink`. Safe from several threads; what is told leaves by the outbox."""

    def __init__(
        self,
        store: AlertStore,
        routing: Routing,
        config: AlertingConfig,
        clock: Clock,
        on_outgoing: Callable[[], None] = lambda: None,
        template_owner: Callable[[TenantId, int], str] = lambda tenant, template_id: "",
    ) -> None:
        """`on_outgoing` is called after something was put into the outbox; it must not block. `template_owner` says
        whose a template is, empty when it has no owner of its own."""
        self.store = store
        self._routing = routing
        self._config = config
        self._clock = clock
        self.on_outgoing = on_outgoing
        self._template_owner = template_owner
        self.on_call = OnCall(store, routing.roster, clock)
        self._lock = threading.RLock()
        self._changes = 0
        self._load()

    def _load(self) -> None:
        """What is open, as the disk has it."""
        self._open = {alert.key: alert for alert in self.store.alerts("state != ?", ["resolved"])}
        self._incidents = OpenIncidents(self._config, self.store.incidents("state != ?", ["resolved"]))
        self._members: dict[str, set[str]] = {}
        self._unrouted: dict[str, set[str]] = {}
        """By incident: open alerts whose channels were not looked at yet."""
        for alert in self._open.values():
            self._members.setdefault(alert.incident, set()).add(alert.key)
            if not alert.routed:
                self._unrouted.setdefault(alert.incident, set()).add(alert.key)
        self._silences = self.store.silences()
        OPEN.set(len(self._open))

    @contextmanager
    def _changing(self) -> Iterator[Change]:
        """One change: in memory and on disk, or in neither."""
        with self._lock:
            change = Change(self._clock.time_ns())
            try:
                with self.store.transaction():
                    yield change
                    self._settle(change)
            except BaseException:
                self._load()
                raise
        if change.outgoing:
            self.on_outgoing()

    @contextmanager
    def _changing_incident(self, tenant: TenantId, incident_id: str) -> Iterator[tuple[Incident, Change]]:
        """A change of one that is open. Raises NotFound; InvalidInput for one that is over."""
        incident = self._incident(tenant, incident_id)
        with self._changing() as change:
            yield incident, change

    # -- reports ------------------------------------------------------------------------------------------------------

    def fired(self, firings: Sequence[Firing]) -> None:
        self._take(firings)

    def report(self, finding: Finding) -> None:
        try:
            self._take([firing_of_finding(finding)])
        except sqlite3.Error:  # the finding itself is kept elsewhere; records must not wait for a full disk here
            _log.exception("a finding could not be made an alert")

    def _take(self, firings: Sequence[Firing]) -> None:
        with self._changing() as change:
            for firing in firings:
                if self.store.is_new(firing.id):
                    self._apply(firing, change)
            if (over := len(self._open) - MAX_OPEN) > 0:
                for alert in heapq.nsmallest(over, self._open.values(), key=lambda each: each.seen_ns):
                    self._resolve(alert, change, "too many alerts are open; this one was quiet for longest")

    def _apply(self, firing: Firing, change: Change) -> None:
        alert = self._open.get(firing.key)
        if firing.resolved:
            if alert is not None:
                self._resolve(alert, change, firing.statement)
            return
        if alert is not None:
            alert.seen_ns = change.now_ns
            alert.detected_ns = max(alert.detected_ns, firing.detected_ns)
            alert.records += firing.records
            alert.value = firing.value
            alert.statement = firing.statement
            alert.severity = min(alert.severity, firing.severity)
            change.alerts[alert.key] = alert
            return
        self._begin(firing, change)

    def _begin(self, firing: Firing, change: Change) -> None:
        now_ns = change.now_ns
        before = next(iter(self.store.alerts("key = ?", [firing.key])), None)
        openings = [at for at in (before.openings if before else []) if now_ns - at < _HOUR_NS][-20:] + [now_ns]
        history = now_ns - firing.detected_ns > self._config.history_s * 1e9
        labels = self._labels(firing)
        if history:
            incident_id = ""
        else:
            incident, began = self._incidents.place(firing, labels.get(OWNER, ""), now_ns)
            incident_id = incident.id
            incident.alerts += 1
            incident.open_alerts += 1
            incident.updated_ns = now_ns
            if incident.state is State.ACKNOWLEDGED and firing.severity < incident.told_severity:
                incident.state, incident.acknowledged_by = State.FIRING, ""  # worse than what was acknowledged
            change.incidents[incident.id] = incident
            self._members.setdefault(incident.id, set()).add(firing.key)
            self._unrouted.setdefault(incident.id, set()).add(firing.key)
            change.note(incident, "opened" if began else "alert", firing.statement, firing.key)
        flapping = len(openings) >= self._config.flap_openings
        alert = Alert(
            key=firing.key, tenant=firing.tenant, rule=firing.rule, title=firing.name, severity=firing.severity,
            labels=labels, service=firing.service, template_id=firing.template_id,
            statement=firing.statement, value=firing.value, started_ns=firing.started_ns,
            detected_ns=firing.detected_ns, records=firing.records, examples=list(firing.examples),
            query=firing.query, quiet_after_ns=firing.quiet_after_ns, lasting=firing.lasting,
            state=State.RESOLVED if history else State.FIRING, incident=incident_id, opened_ns=now_ns, seen_ns=now_ns,
            resolved_ns=now_ns if history else None, times_opened=(before.times_opened if before else 0) + 1,
            openings=openings, flapping=flapping,
        )  # fmt: skip
        change.alerts[alert.key] = alert
        if not history:
            self._open[alert.key] = alert
            OPENED.labels(severity=alert.severity).inc()

    def _labels(self, firing: Firing) -> dict[str, str]:
        """Its key, and whose it is: what the key says, or else its template's owner, or else its service's."""
        own = self._template_owner(firing.tenant, firing.template_id) if firing.template_id else ""
        owner = own or owner_of(self._routing.owners, firing.service)
        return ({OWNER: owner} if owner else {}) | dict(firing.labels)

    # -- time -----------------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """What time alone changes: alerts that have been quiet are over, silences end, incidents are told again."""
        with self._lock:
            now_ns = self._clock.time_ns()
            quiet = [alert for alert in self._open.values() if self._is_quiet(alert, now_ns)]
            due = [incident for incident in self._incidents.by_id.values() if self._is_due(incident, now_ns)]
            if quiet or due:
                with self._changing() as change:
                    for alert in quiet:
                        self._resolve(alert, change, "quiet")
                    change.incidents |= {incident.id: incident for incident in due}

    def _is_quiet(self, alert: Alert, now_ns: int) -> bool:
        if alert.lasting:
            return False
        patience = 4 if alert.flapping else 1
        return now_ns - alert.seen_ns >= alert.quiet_after_ns * patience

    def _is_due(self, incident: Incident, now_ns: int) -> bool:
        """Somebody has to be told of it now."""
        if incident.state is not State.FIRING or not self._routing.channels:
            return False
        change = Change(now_ns)
        if self._has_news(incident, now_ns) or self._first_told(incident, change):
            return True
        return self._is_step_due(incident, now_ns) and bool(self._telling(incident, change))

    def _resolve(self, alert: Alert, change: Change, why: str) -> None:
        alert.state = State.RESOLVED
        alert.resolved_ns = change.now_ns
        change.alerts[alert.key] = alert
        self._open.pop(alert.key, None)
        members = self._members.get(alert.incident, set())
        members.discard(alert.key)
        self._unrouted.get(alert.incident, set()).discard(alert.key)
        incident = self._incidents.by_id.get(alert.incident)
        if incident is None:
            return
        incident.open_alerts = len(members)
        change.incidents[incident.id] = incident
        change.note(incident, "alert_over", f"{alert.title}: over ({why})", alert.key)

    # -- incidents ----------------------------------------------------------------------------------------------------

    def _settle(self, change: Change) -> None:
        """Incidents that changed: over, or somebody has to be told. Then everything is written."""
        for incident in list(change.incidents.values()):
            if not incident.open_alerts and incident.state is not State.RESOLVED:
                self._close(incident, change)
            elif incident.state is State.FIRING:
                self._tell(incident, change)
                self._escalate(incident, change)
        self.store.put_alerts(change.alerts.values())
        self.store.put_incidents(change.incidents.values())
        self.store.put_entries(change.entries)
        self.store.put_outgoing(change.outgoing)
        self._changes += 1
        if self._changes % _PRUNE_EVERY == 0:
            self.store.prune()
        OPEN.set(len(self._open))

    def _close(self, incident: Incident, change: Change) -> None:
        incident.state = State.RESOLVED
        incident.resolved_ns = incident.updated_ns = change.now_ns
        for escalation in incident.escalations:
            stop(escalation, "resolved")
        change.note(incident, "resolved", "every alert is over")
        if incident.channels:
            self._send(Event.RESOLVE, incident, [], incident.channels, change)
        self._incidents.forget(incident)
        self._members.pop(incident.id, None)
        self._unrouted.pop(incident.id, None)

    def _tell(self, incident: Incident, change: Change) -> None:
        news = self._has_news(incident, change.now_ns)
        first = self._first_told(incident, change)
        if not first and not news:
            return
        for alert in first:
            alert.routed = True
            change.alerts[alert.key] = alert
            self._unrouted[incident.id].discard(alert.key)
            self._begin_escalations(alert, incident, change)
        wanted = dict.fromkeys(name for alert in first for name in self._routing.route.channels_of(alert))
        new = [name for name in wanted if name not in incident.channels]
        known = list(incident.channels) if news else []
        telling = self._telling(incident, change) if new or known else []
        if not telling:
            return
        if new:
            incident.channels += new
            self._send(Event.TRIGGER, incident, telling, new, change)
        if known:
            self._send(Event.UPDATE, incident, telling, known, change)

    def _begin_escalations(self, alert: Alert, incident: Incident, change: Change) -> None:
        """Those of the alert's routes, unless they run already; one that was stopped by somebody begins anew."""
        for name in self._routing.route.escalations_of(alert):
            known = next((each for each in incident.escalations if each.policy == name), None)
            if known is not None:
                if known.ended != "acknowledged":
                    continue
                incident.escalations.remove(known)
            incident.escalations.append(begin(self._routing.policies[name], change.now_ns))

    def _is_step_due(self, incident: Incident, now_ns: int) -> bool:
        return any(each.due_ns is not None and each.due_ns <= now_ns for each in incident.escalations)

    def _escalate(self, incident: Incident, change: Change) -> None:
        """Take the steps that are due. While every alert is silenced or inhibited they wait."""
        if not self._is_step_due(incident, change.now_ns) or not (telling := self._telling(incident, change)):
            return
        change.incidents[incident.id] = incident
        for escalation in incident.escalations:
            while escalation.due_ns is not None and escalation.due_ns <= change.now_ns:
                policy = self._routing.policies.get(escalation.policy)
                if policy is None:
                    stop(escalation, "unknown")
                    change.note(incident, "escalated", f"{escalation.policy} is no longer in alerting.file; it ends")
                    break
                taken = take_step(escalation, policy, self.on_call, change.now_ns)
                if taken is None:
                    continue
                ESCALATED.labels(policy=policy.name).inc()
                change.note(incident, "escalated", taken.text)
                new = [name for name in taken.channels if name not in incident.channels]
                known = [name for name in taken.channels if name not in new and (incident.id, name) not in change.told]
                if new:
                    incident.channels += new
                    self._send(Event.TRIGGER, incident, telling, new, change, taken.text)
                if known:
                    self._send(Event.ESCALATE, incident, telling, known, change, taken.text)

    def _has_news(self, incident: Incident, now_ns: int) -> bool:
        """For those who know of the incident."""
        if not incident.channels:
            return False
        since_ns = now_ns - incident.told_ns
        worse = incident.severity < incident.told_severity
        more = incident.alerts > incident.told_alerts and since_ns >= self._config.update_interval_s * 1e9
        return worse or more or since_ns >= self._config.repeat_interval_s * 1e9

    def _first_told(self, incident: Incident, change: Change) -> list[Alert]:
        """Alerts whose channels were not told because of them yet, and may be."""
        keys = self._unrouted.get(incident.id, ())
        return self._tellable([self._open[key] for key in keys if key in self._open], change)

    def _telling(self, incident: Incident, change: Change) -> list[Alert]:
        """Open alerts that are neither silenced nor inhibited nor acknowledged, the worst first."""
        alerts = [self._open[key] for key in self._members.get(incident.id, ()) if key in self._open]
        return sorted(self._tellable(alerts, change), key=lambda alert: (alert.severity, alert.opened_ns, alert.key))

    def _tellable(self, alerts: list[Alert], change: Change) -> list[Alert]:
        alerts = [a for a in alerts if a.state is State.FIRING and not self.is_silenced(a, change.now_ns)]
        if self._routing.inhibitions:
            alerts = [alert for alert in alerts if not self._is_inhibited(alert, change)]
        return alerts

    def _is_inhibited(self, alert: Alert, change: Change) -> bool:
        """While another open alert says more. Who does is worked out once a change, not once an alert."""
        if change.inhibiting is None:
            change.inhibiting = [rule.sources(self._open.values()) for rule in self._routing.inhibitions]
        return any(
            rule.inhibited(alert, sources)
            for rule, sources in zip(self._routing.inhibitions, change.inhibiting, strict=True)
        )

    def is_silenced(self, alert: Alert, now_ns: int) -> bool:
        labels = alert.matched_labels
        return any(s.start_ns <= now_ns < s.end_ns and s.matchers.match(labels) for s in self._silences)

    def _send(
        self,
        event: Event,
        incident: Incident,
        alerts: list[Alert],
        channels: Iterable[str],
        change: Change,
        escalation: str = "",
        approval: str = "",
    ) -> None:
        incident.sequence += 1
        if event not in (Event.RESOLVE, Event.APPROVE):
            incident.told_ns, incident.told_alerts = change.now_ns, incident.alerts
            incident.told_severity = incident.severity
        body = notification(event, incident, alerts, self._config.url, escalation, approval).to_json()
        names = list(channels)
        for name in names:
            key = f"{incident.id}-{incident.sequence}-{name}"
            change.outgoing.append(Outgoing(key, name, incident.id, change.now_ns, body))
            change.told.add((incident.id, name))
        NOTIFICATIONS.labels(event=event.value).inc(len(names))
        change.note(incident, "notified", f"{event.value} to {', '.join(names)}")

    # -- what actions do ------------------------------------------------------------------------------------------

    def wait_for_approval(self, entry: Entry, what: str) -> None:
        """Put it into the incident's timeline, and tell all who know of the incident, if it is not over."""
        with self._lock:
            incident = self._incidents.by_id.get(entry.incident)
            if incident is None:
                with self.store.transaction():
                    self.store.put_entries([entry])
                return
            with self._changing() as change:
                change.incidents[incident.id] = incident
                change.entries.append(entry)
                if incident.channels:
                    self._send(Event.APPROVE, incident, [], incident.channels, change, approval=what)

    # -- what people do -------------------------------------------------------------------------------------------

    def acknowledge(self, tenant: TenantId, incident_id: str, author: str) -> Incident:
        """Somebody looks after it: no more updates. Raises NotFound; InvalidInput for one that is over."""
        with self._lock, self._changing_incident(tenant, incident_id) as (incident, change):
            incident.state = State.ACKNOWLEDGED
            incident.acknowledged_by = author
            incident.updated_ns = change.now_ns
            for escalation in incident.escalations:
                stop(escalation, "acknowledged")
            change.incidents[incident.id] = incident
            for key in self._members.get(incident.id, ()):
                alert = self._open[key]
                alert.state, alert.acknowledged_by = State.ACKNOWLEDGED, author
                change.alerts[key] = alert
            change.note(incident, "acknowledged", f"acknowledged by {author}", author=author)
            if incident.channels:
                self._send(Event.ACKNOWLEDGE, incident, [], incident.channels, change)
        return incident

    def resolve(self, tenant: TenantId, incident_id: str, author: str) -> Incident:
        """Somebody says it is over. Raises as `acknowledge`."""
        with self._lock, self._changing_incident(tenant, incident_id) as (incident, change):
            for key in list(self._members.get(incident.id, ())):
                self._resolve(self._open[key], change, f"resolved by {author}")
            change.incidents[incident.id] = incident
        return incident

    def comment(self, tenant: TenantId, incident_id: str, text: str, author: str) -> None:
        """A line in the timeline. Raises NotFound."""
        with self._lock:
            found = self.store.incidents("id = ? AND tenant = ?", [incident_id, tenant], 1)
            if not found:
                raise NotFound(f"there is no incident {incident_id[:60]}")
            with self.store.transaction():
                entry = Entry(incident_id, self._clock.time_ns(), "comment", text, author=author)
                self.store.put_entries([entry])

    def silence(self, matchers: Matchers, start_ns: int, end_ns: int, comment: str, author: str) -> Silence:
        """Alerts that match are not told for a while. Raises InvalidInput."""
        if not any(value for _, value in matchers.terms):  # a label that has to be missing is missing nearly everywhere
            raise InvalidInput("a silence needs matchers with a value; one without would silence everything")
        if end_ns <= start_ns:
            raise InvalidInput("a silence must end after it begins")
        silence = Silence(
            id=firing_id("silence", matchers, start_ns, end_ns, comment, author)[:16],
            matchers=matchers, start_ns=start_ns, end_ns=end_ns, comment=comment, author=author,
        )  # fmt: skip
        with self._lock:
            self.store.put_silence(silence)
            self._silences = self.store.silences()
        return silence

    def silence_incident(self, tenant: TenantId, incident_id: str, end_ns: int, author: str) -> Silence:
        """Silence its services until then, or its rules where it has none. Raises as `acknowledge`."""
        with self._lock:
            incident = self._incident(tenant, incident_id)
            name, values = ("service", incident.services) if incident.services else ("rule", incident.rules)
            pattern = values[0] if len(values) == 1 else f"/{'|'.join(map(re.escape, values))}/"
            matchers = Matchers.of({name: pattern}, "silence")
            silence = self.silence(matchers, self._clock.time_ns(), end_ns, f"incident {incident.id}", author)
            with self._changing() as change:
                change.incidents[incident.id] = incident
                change.note(incident, "silenced", f"{name} {pattern}", author=author)
        return silence

    def end_silence(self, silence_id: str) -> None:
        """Raises NotFound."""
        with self._lock:
            found = next((each for each in self._silences if each.id == silence_id), None)
            if found is None:
                raise NotFound(f"there is no silence {silence_id[:60]}")
            now_ns = self._clock.time_ns()
            ended = Silence(
                id=found.id, matchers=found.matchers, start_ns=min(found.start_ns, now_ns),
                end_ns=min(found.end_ns, now_ns), comment=found.comment, author=found.author,
            )  # fmt: skip
            self.store.put_silence(ended)
            self._silences = self.store.silences()

    def silences(self) -> list[Silence]:
        return list(self._silences)

    def _incident(self, tenant: TenantId, incident_id: str) -> Incident:
        incident = self._incidents.by_id.get(incident_id)
        if incident is not None and incident.tenant == tenant:
            return incident
        if self.store.incidents("id = ? AND tenant = ?", [incident_id, tenant], 1):
            raise InvalidInput(f"incident {incident_id} is over")
        raise NotFound(f"there is no incident {incident_id[:60]}")
