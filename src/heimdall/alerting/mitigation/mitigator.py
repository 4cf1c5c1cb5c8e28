"""The life of runs: alerts begin them, guards and people let them through, targets are changed, watched and restored.

Who writes what: people (by the API) and this engine's one thread change runs by compare-and-set; only the thread asks
targets. Before a target is asked to change, the intent is on disk; a run whose intent is there and whose outcome is not
is never applied again before its target has been read.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping

from prometheus_client import Gauge

from heimdall.alerting.alert import Alert
from heimdall.alerting.alert import State as AlertState
from heimdall.alerting.mitigation.action import Action, Call, Outcome, Plan
from heimdall.alerting.mitigation.decisions import Decisions
from heimdall.alerting.mitigation.guards import refusal
from heimdall.alerting.mitigation.journal import WAITING, Incidents
from heimdall.alerting.mitigation.playbook import ActionConfig, Mode, Playbook, Then
from heimdall.alerting.mitigation.run import Run, State
from heimdall.alerting.mitigation.signal import Reading, Signals, has_recovered, is_worse
from heimdall.alerting.mitigation.simulation import Simulated, simulated
from heimdall.alerting.mitigation.store import RunStore, Step
from heimdall.clock import Clock
from heimdall.errors import Denied, HeimdallError, InvalidInput, NotFound, Refused, Unavailable
from heimdall.query.literals import print_duration

_log = logging.getLogger(__name__)

OPEN_RUNS = Gauge("heimdall_actions_open", "Runs of actions that are not over.")

TICK_S = 1.0
_STOP_S = 30.0
MAX_ATTEMPTS = 4
"""Times a change is tried whose target says each time that it has not happened."""
_LATEST_NS = 3600 * 10**9
"""An alert that has been open for longer begins no action: it is with people by now."""
_GIVE_UP_NS = 600 * 10**9
"""Longest that a target which does not answer is asked for a plan."""
_CHECK_NS = 24 * 3600 * 10**9
"""Longest that a target which does not answer is asked what became of a change."""
_FIRST_RETRY_NS = 10**9
_LONGEST_RETRY_NS = 60 * 10**9
_DEFINITE = (Refused, Denied, NotFound, InvalidInput)
"""Errors after which nothing has happened."""


class Mitigator:
    """`tick` is called by one thread; everything else by any. What people do are its `decisions`."""

    def __init__(
        self,
        playbook: Playbook,
        actions: Mapping[str, Action],
        store: RunStore,
        incidents: Incidents,
        signals: Signals,
        clock: Clock,
        token: str = "",
    ) -> None:
        """`token`: what people's decisions have to bring; empty = nothing."""
        self.playbook = playbook
        self.store = store
        self._configs = {each.name: each for each in playbook.actions}
        self._actions = actions
        self._incidents = incidents
        self._signals = signals
        self._clock = clock
        self._seen_ns = 0
        self._wake = threading.Event()
        self.decisions = Decisions(store, self._configs, clock, token, decided=self._wake.set)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, name="mitigation", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends after what is being done, and closes everything."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=_STOP_S)
        for action in self._actions.values():
            action.close()
        self.store.close()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                self.tick()
            except Exception:  # the next second tries again
                _log.exception("actions could not be looked after")
            self._wake.wait(TICK_S)
            self._wake.clear()

    # -- by the clock -----------------------------------------------------------------------------------------------

    def tick(self) -> None:
        """Everything that is due."""
        now_ns = self._clock.time_ns()
        if self._actions:
            self._look_at_alerts(now_ns)
        for run in self.store.due(now_ns):
            try:
                self._advance(run)
            except Exception:  # of one run; the others go on
                _log.exception("action %s on %s could not go on", run.action, run.target)
        self.tell()
        OPEN_RUNS.set(self.store.count_open())

    def _look_at_alerts(self, now_ns: int) -> None:
        alerts = self._incidents.firing_since(self._seen_ns)
        for alert in alerts:
            for config in self.playbook.actions:
                lasts_ns = now_ns - alert.opened_ns
                if config.match.match(alert.matched_labels) and lasts_ns <= config.after_ns + _LATEST_NS:
                    self._begin(config, alert, now_ns)
        self._seen_ns = max([self._seen_ns, *(alert.seen_ns for alert in alerts)])

    def _begin(self, config: ActionConfig, alert: Alert, now_ns: int) -> None:
        """One run an incident, action and target, however many alerts say the same."""
        labels = alert.matched_labels
        try:
            target, problem = str(self._actions[config.name].target(labels)), ""
        except Refused as exc:
            target, problem = "", str(exc)
        run = Run(
            id=run_id(config.name, alert.incident, target or alert.key), tenant=alert.tenant, action=config.name,
            kind=config.kind, mode=config.mode.value, state=State.BLOCKED if problem else State.PENDING,
            incident=alert.incident, alert=alert.key, labels=labels, statement=alert.statement, target=target,
            made_ns=now_ns, due_ns=alert.opened_ns + config.after_ns, reason=problem,
            ended_ns=now_ns if problem else None,
        )  # fmt: skip
        kind = "blocked" if problem else "began"
        step = Step(now_ns, kind, problem or f"{alert.title}: {alert.statement}")
        self.store.begin(run, step, alert.opened_ns)

    def _advance(self, run: Run) -> None:
        config, action = self._configs.get(run.action), self._actions.get(run.action)
        if config is None or action is None:
            if run.state in (State.PENDING, State.WAITING, State.APPROVED):
                self._end(run, State.BLOCKED, "the action is no longer in alerting.actions")
            return  # a target that was touched stays ours until the action is back
        match run.state:
            case State.PENDING:
                self._plan(run, config, action)
            case State.WAITING:
                self._wait(run)
            case State.APPROVED if not self._is_stopped():
                self._approved(run, config, action)
            case State.APPLYING:
                self._find_out(run, config, action)
            case State.WATCHING:
                self._watch(run, config, action)
            case State.UNDOING:
                self._go_back(run, action)

    def _plan(self, run: Run, config: ActionConfig, action: Action) -> None:
        if not self._still_firing(run):
            self._end(run, State.NEEDLESS, "the alert was over, silenced or acknowledged first")
            return
        try:
            plan = action.plan(run.call)
        except Unavailable as exc:
            self._ask_again(run, str(exc))
            return
        except _DEFINITE as exc:
            self._end(run, State.FAILED, f"cannot be planned: {exc}")
            return
        run.adopt(plan)
        if not plan.changes:
            self._end(run, State.NEEDLESS, plan.does)
            return
        stopped = refusal(self.playbook, config, action.target(run.labels), run.id, self.store, self._clock.time_ns())
        if config.mode is Mode.DRY_RUN:
            guard = f"; it would be blocked: {stopped}" if stopped else ""
            back = f"; undo: {plan.undoes}" if plan.undoes else "; it cannot be undone"
            self._end(run, State.DRY_RUN, f"would {plan.does}{back}{guard}")
        elif stopped:
            self._end(run, State.BLOCKED, stopped)
        elif config.mode is Mode.APPROVE or self._incidents.is_storm(run.incident):
            self._ask_people(run, config, plan)
        elif self._move(run, State.APPROVED, "planned", plan.does):
            self._advance(run)

    def _ask_people(self, run: Run, config: ActionConfig, plan: Plan) -> None:
        now_ns = self._clock.time_ns()
        run.approve_until_ns = now_ns + config.approval_expires_ns
        within = print_duration(config.approval_expires_ns)
        who = f" of {', '.join(config.approvers)}" if config.approvers else ""
        self._move(run, State.WAITING, WAITING, f"{plan.does}: waits {within} for approval{who}")

    def _wait(self, run: Run) -> None:
        if self._clock.time_ns() >= (run.approve_until_ns or 0):
            self._end(run, State.EXPIRED, "nobody has approved it in time")
        elif self._is_over(run):
            self._end(run, State.NEEDLESS, "the alert was over first")

    def _approved(self, run: Run, config: ActionConfig, action: Action) -> None:
        """Look once more, write the intent, change the target."""
        approved = run.does
        try:
            plan = action.plan(run.call)
        except Unavailable as exc:
            self._ask_again(run, str(exc))
            return
        except _DEFINITE as exc:
            self._end(run, State.FAILED, f"cannot be done any more: {exc}")
            return
        run.adopt(plan)
        if not plan.changes:
            self._end(run, State.NEEDLESS, plan.does)
            return
        if run.approved_by and plan.does != approved:
            run.approved_by = ""
            self._ask_people(run, config, plan)
            return
        stopped = refusal(self.playbook, config, action.target(run.labels), run.id, self.store, self._clock.time_ns())
        if stopped:
            self._end(run, State.BLOCKED, stopped)
            return
        self._take_baseline(run, config)
        run.intent_ns = run.intent_ns or self._clock.time_ns()
        self._apply(run, config, action)

    def _apply(self, run: Run, config: ActionConfig, action: Action) -> None:
        run.attempts += 1
        if not self._move(run, State.APPLYING, "applying", run.does):
            return
        try:
            action.apply(run.call, run.plan)
        except _DEFINITE as exc:
            self._end(run, State.FAILED, f"not done: {exc}")
        except Exception as exc:
            self._unknown(run, exc)
        else:
            self._applied(run, config, "applied")

    def _find_out(self, run: Run, config: ActionConfig, action: Action) -> None:
        """The intent is on disk and the outcome is not: read the target before anything else."""
        outcome = self._outcome(run, action.check)
        match outcome:
            case Outcome.DONE:
                self._applied(run, config, "found applied")
            case Outcome.NOT_DONE if run.attempts >= MAX_ATTEMPTS:
                self._end(run, State.FAILED, f"not done after {run.attempts} tries")
            case Outcome.NOT_DONE if not self._is_stopped():
                self._apply(run, config, action)
            case Outcome.CHANGED:
                self._end(run, State.UNKNOWN, f"{run.target} is neither as it was nor as planned: it is left alone")
            case Outcome.UNKNOWABLE:
                self._end(run, State.UNKNOWN, f"{run.target} cannot say whether it was done, so it is not repeated")

    def _applied(self, run: Run, config: ActionConfig, how: str) -> None:
        now_ns = self._clock.time_ns()
        run.applied_ns = run.applied_ns or now_ns
        if config.watch is None or run.baseline is None:
            self._end(run, State.KEPT, f"{run.does}: {how}; nothing is watched", kind="applied")
            return
        run.watch_until_ns = now_ns + config.watch.lasts_ns
        run.due_ns = now_ns + max(config.watch.every_ns, config.watch.window_ns)
        lasts = print_duration(config.watch.lasts_ns)
        self._move(run, State.WATCHING, "applied", f"{run.does}: {how}; watched for {lasts}, {run.baseline:g} before")

    # -- the signal -------------------------------------------------------------------------------------------------

    def _take_baseline(self, run: Run, config: ActionConfig) -> None:
        if config.watch is None or run.baseline is not None:
            return
        try:
            reading = self._signals.read(config.watch, run.alert, self._clock.time_ns())
        except HeimdallError as exc:
            text = f"the signal could not be measured before, so nothing will be undone by itself: {exc}"
            self._note(run, "unmeasured", text)
            return
        run.baseline, run.baseline_severity = reading.value, reading.severity

    def _watch(self, run: Run, config: ActionConfig, action: Action) -> None:
        watch, now_ns = config.watch, self._clock.time_ns()
        if watch is None or run.baseline is None:
            self._end(run, State.KEPT, "nothing is watched any more")
            return
        try:
            reading = self._signals.read(watch, run.alert, now_ns)
        except HeimdallError as exc:
            if now_ns >= (run.watch_until_ns or 0):
                self._finish(
                    run, watch.at_end, f"the time of watching is over; it was measured {run.measurements} times"
                )
            else:
                self._note(run, "unmeasured", str(exc), due_ns=now_ns + watch.every_ns)
            return
        run.measurements += 1
        run.measured = reading.value
        worse = is_worse(watch, run.baseline, run.baseline_severity, reading)
        run.worse_in_a_row = run.worse_in_a_row + 1 if worse else 0
        text = _told(run, reading)
        if worse and run.worse_in_a_row >= watch.confirm:
            self._finish(run, Then.REVERT, f"worse: {text}")
        elif not worse and has_recovered(watch, run.baseline, reading):
            self._finish(run, watch.on_recovery, f"recovered: {text}")
        elif now_ns >= (run.watch_until_ns or 0):
            self._finish(run, watch.at_end, f"the time of watching is over: {text}")
        else:
            self._note(run, "measured", f"{'worse: ' if worse else ''}{text}", due_ns=now_ns + watch.every_ns)

    def _finish(self, run: Run, then: Then, why: str) -> None:
        if then is Then.KEEP:
            self._end(run, State.KEPT, why)
        elif not run.undoes:
            self._end(run, State.KEPT, f"{why}; it cannot be undone")
        else:
            run.undo_by, run.undo_attempts, run.undo_ns = "", 0, None
            self._move(run, State.UNDOING, "reverting", why)

    # -- back -------------------------------------------------------------------------------------------------------

    def _go_back(self, run: Run, action: Action) -> None:
        if run.undo_attempts:
            outcome = self._outcome(run, action.check_undo)
            if outcome is Outcome.DONE:
                self._end(run, State.UNDONE, f"{run.undoes}: found done")
                return
            if outcome is not Outcome.NOT_DONE:
                if outcome is not None:
                    self._end(run, State.UNDO_FAILED, f"{run.target}: {outcome.value.replace('_', ' ')}; look at it")
                return
            if run.undo_attempts >= MAX_ATTEMPTS:
                self._end(run, State.UNDO_FAILED, f"not undone after {run.undo_attempts} tries")
                return
        if not run.undo_by and self._is_stopped():
            return
        run.undo_attempts += 1
        run.undo_ns = run.undo_ns or self._clock.time_ns()
        if not self._move(run, State.UNDOING, "undoing", run.undoes):
            return
        try:
            action.undo(run.call, run.plan)
        except _DEFINITE as exc:
            self._end(run, State.UNDO_FAILED, f"not undone: {exc}")
        except Exception as exc:
            self._unknown(run, exc)
        else:
            self._end(run, State.UNDONE, run.undoes)

    # -- what several of them need ----------------------------------------------------------------------------------

    def _outcome(self, run: Run, ask: Callable[[Call, Plan], Outcome]) -> Outcome | None:
        """None: not known yet; it is asked again."""
        try:
            return ask(run.call, run.plan)
        except NotFound:
            return Outcome.CHANGED
        except Exception as exc:
            if self._clock.time_ns() - run.since_ns > _CHECK_NS:
                return Outcome.UNKNOWABLE
            self._unknown(run, exc)
            return None

    def _unknown(self, run: Run, exc: Exception) -> None:
        if not isinstance(exc, HeimdallError):
            _log.error("action %s on %s", run.action, run.target, exc_info=exc)
        text = f"unknown whether it happened; {run.target} is read next: {exc}"
        self._note(run, "unknown", text, due_ns=self._retry_ns(run))

    def _ask_again(self, run: Run, why: str) -> None:
        now_ns = self._clock.time_ns()
        if now_ns - run.made_ns > _GIVE_UP_NS:
            self._end(run, State.FAILED, f"the target does not answer: {why}")
            return
        self._note(run, "unreachable", why, due_ns=self._retry_ns(run))

    def _retry_ns(self, run: Run) -> int:
        """As long again as it has been tried for, between one second and a minute."""
        now_ns = self._clock.time_ns()
        return now_ns + min(max(now_ns - run.since_ns, _FIRST_RETRY_NS), _LONGEST_RETRY_NS)

    def _is_stopped(self) -> bool:
        return self.store.stop() is not None

    def _still_firing(self, run: Run) -> bool:
        alert = self._incidents.alert(run.alert)
        if alert is None or alert.state is not AlertState.FIRING or alert.incident != run.incident:
            return False
        return not self._incidents.is_silenced(alert)

    def _is_over(self, run: Run) -> bool:
        alert = self._incidents.alert(run.alert)
        return alert is None or alert.state is AlertState.RESOLVED or alert.incident != run.incident

    def _note(self, run: Run, kind: str, text: str, due_ns: int | None = None) -> None:
        if due_ns is not None:
            run.due_ns = due_ns
        self._write(run, kind, text)

    def _move(self, run: Run, state: State, kind: str, text: str) -> bool:
        """False: somebody else changed the run meanwhile; it is looked at anew."""
        run.state = state
        return self._write(run, kind, text)

    def _end(self, run: Run, state: State, text: str, kind: str = "") -> None:
        run.state, run.reason, run.ended_ns = state, text, self._clock.time_ns()
        self._write(run, kind or state.value, text)

    def _write(self, run: Run, kind: str, text: str) -> bool:
        return self.store.change(run, Step(self._clock.time_ns(), kind, text))

    def simulate(self, alert: Alert) -> list[Simulated]:
        """What every action that matches would do now. Targets are read; nothing is changed or kept."""
        return simulated(self.playbook, self._actions, self.store, alert, self._clock.time_ns())

    # -- the incident's timeline ------------------------------------------------------------------------------------

    def tell(self) -> None:
        """Steps that the timelines of their incidents do not have yet; each is there once, over a crash too."""
        for untold in self.store.untold():
            if untold.step.kind not in _QUIET:
                self._incidents.note(untold)
            self.store.told(untold.number)


_QUIET = frozenset({"measured", "began", "planned"})
"""Steps that only the run itself tells of."""


def run_id(action: str, incident: str, target: str) -> str:
    return hashlib.sha256(f"action\0{action}\0{incident}\0{target}".encode()).hexdigest()[:16]


def _told(run: Run, reading: Reading) -> str:
    severity = f", severity {reading.severity}" if reading.severity else ""
    return f"{reading.value:g} after {run.baseline:g}{severity}{', the alert is over' if reading.over else ''}"
