"""What is told of what was judged: once, over the budget's bar, in words and numbers that can be checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.calendar import Calendar
from heimdall.insight.conformal import FloatArray, Rows
from heimdall.insight.detectors.schedule import MissedRun
from heimdall.insight.detectors.silence import SilenceStep
from heimdall.insight.detectors.states import ServiceState
from heimdall.insight.detectors.templates import TemplateBank
from heimdall.insight.detectors.values import RareValue, ValueBank
from heimdall.insight.examples import Examples
from heimdall.insight.feedback import Feedback
from heimdall.insight.finding import Feature, Finding, FindingKind, finding_id
from heimdall.insight.fusion import Budget, BudgetConfig, as_of_steps
from heimdall.insight.judged import MIX, VOTES, Judged
from heimdall.insight.statement import Run, query_for, statement
from heimdall.insight.step import STEP_NS, STEP_S, STEPS_PER_DAY
from heimdall.model.batch import TenantId

LOUD = 1.0
"""Evidence from which on a vote is looked at closely, and named beside the one that says most."""
_LEADS = np.where(np.arange(len(VOTES)) == MIX, 0.3, 1.0)
"""How much a vote counts when the kind of a finding is chosen: what a reader can check goes first."""
_LOWEST_OVER = -1.5
"""Useful findings lower a service's bar by at most this."""
PAUSE = 40
"""Steps between two findings of one service of different kinds: ten minutes."""
_SILENCE, _MISSED = len(VOTES), len(VOTES) + 1
"""Where it says when these were told last, behind the votes."""
_NEVER = -(10**12)


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a finding is about."""

    row: int
    service: str
    state: ServiceState
    watched_s: float


class Teller:
    """State: 200 B a service, and the examples."""

    def __init__(
        self,
        tenant: TenantId,
        feedback: Feedback,
        calendar: Calendar,
        templates: TemplateBank,
        values: ValueBank,
        *,
        budget: BudgetConfig,
        again_steps: int,
        silence_evidence: float,
    ) -> None:
        """`again_steps` and `silence_evidence` as `WatchConfig` says."""
        self._tenant = tenant
        self._feedback = feedback
        self._calendar = calendar
        self._templates = templates
        self._values = values
        self._again_steps = again_steps
        self._silence_evidence = silence_evidence
        self.budget = Budget(STEPS_PER_DAY, budget, kinds=len(VOTES) + 1)
        self.examples = Examples()
        self._told_at = np.full((0, len(VOTES) + 2), _NEVER, np.int64)
        self._told_symptom = np.zeros(0, np.int64)

    def grow(self, rows: int) -> None:
        self.budget.grow(rows)
        more = rows - len(self._told_at)
        self._told_at = np.concatenate([self._told_at, np.full((more, len(VOTES) + 2), _NEVER, np.int64)])
        self._told_symptom = np.concatenate([self._told_symptom, np.zeros(more, np.int64)])

    def lately(self, rows: Rows, step: int) -> NDArray[np.bool_]:
        """Whether something was told of each within the last ten minutes."""
        return np.asarray(step - self._told_at[rows].max(axis=1) <= PAUSE, np.bool_)

    def near(self, rows: Rows, evidence: FloatArray) -> NDArray[np.bool_]:
        """Whether it may be enough to be told, for each."""
        return np.asarray(evidence >= self.budget.bars(rows) + _LOWEST_OVER, np.bool_)

    def know_silent(self, silent: NDArray[np.bool_], step: int) -> None:
        """That these (by row) are silent is no news."""
        self._told_at[silent, _SILENCE] = step

    def told(self, about: Subject, judged: Judged, evidence: float, now_ns: int) -> Finding | None:
        """By the vote that says most."""
        row, step = about.row, judged.step.step
        place = int(np.argmax(judged.evidence[row] * _LEADS))
        kind = VOTES[place]
        rare = self._rare(row, kind, step)
        at = judged.template(row, kind, rare)
        lately = step - self._told_at[row, :_SILENCE]
        other = kind is FindingKind.RECURRENCE and at != self._told_symptom[row]
        if lately.min() < PAUSE or (lately[place] < self._again_steps and not other):
            return None
        if evidence - self._feedback.handicap(self._tenant, about.service, kind, at) < self.budget.bar(row, place):
            return None
        self.budget.spend(row, place)
        self._told_at[row, place] = step
        if kind is FindingKind.RECURRENCE:
            self._told_symptom[row] = at
        main = judged.feature(row, kind, at, rare)
        others = [vote for vote, said in zip(VOTES, judged.evidence[row], strict=True) if said >= LOUD and vote != kind]
        shown = (main, *(judged.feature(row, other, at, self._rare(row, other, step)) for other in others))
        if rare is not None:
            return self._of_value(about, rare, step, evidence, shown, now_ns)
        if kind is FindingKind.RECURRENCE:
            last = self._templates.last_trouble(row, at)
            before = self._calendar.clock_text(last * STEP_S)
            made = self._finding(about, kind, step, evidence, shown, at, now_ns=now_ns, before=before)
            return replace(made, last_seen_ns=last * STEP_NS)
        return self._finding(about, kind, step, evidence, shown, at, now_ns=now_ns)

    def told_silent(self, about: Subject, step: int, silence: SilenceStep, now_ns: int) -> Finding | None:
        """That it has stopped logging; once a silence."""
        kind, row = FindingKind.SILENCE, about.row
        gap, evidence = int(silence.gap[row]), float(silence.evidence[row])
        if step - self._told_at[row, _SILENCE] <= gap:
            return None
        if evidence < self._silence_evidence + self._feedback.handicap(self._tenant, about.service, kind, 0):
            return None
        self._told_at[row, _SILENCE] = step
        due = float(silence.due[row])
        feature = Feature("records", 0.0, max(due - 3 * math.sqrt(due), 0.0), due, evidence)
        silent_s = (now_ns - (step + 1 - gap) * STEP_NS) / 1e9
        return self._finding(about, kind, step, evidence, (feature,), 0, now_ns=now_ns, silent_s=silent_s)

    def told_missing(
        self, about: Subject, missed: MissedRun, step: int, silence: SilenceStep, now_ns: int
    ) -> Finding | None:
        """That a run did not come."""
        kind, row = FindingKind.MISSED_RUN, about.row
        if step - self._told_at[row, _MISSED] < self._again_steps:
            return None  # of the same job, most likely
        if silence.evidence[row] >= self._silence_evidence:
            return None  # that is told of the whole service
        evidence = as_of_steps(missed.evidence, missed.tests, STEPS_PER_DAY)
        handicap = self._feedback.handicap(self._tenant, about.service, kind, missed.template)
        if evidence - handicap < self.budget.bar(row, len(VOTES)):
            return None
        self.budget.spend(row, len(VOTES))
        self._told_at[row, _MISSED] = step
        feature = Feature(kind.value, 0.0, 1.0, 1.0, round(evidence, 2), 2 * missed.window * STEP_S)
        expected, last = (self._calendar.clock_text(at * STEP_S) for at in (missed.expected, missed.last))
        run = Run(missed.period * STEP_S, expected, last, missed.came)
        made = self._finding(about, kind, step, evidence, (feature,), missed.template, now_ns=now_ns, run=run)
        expected_ns, last_ns = missed.expected * STEP_NS, missed.last * STEP_NS
        return replace(made, started_ns=expected_ns, expected_ns=expected_ns, last_seen_ns=last_ns, from_ns=last_ns)

    def _of_value(
        self, about: Subject, rare: RareValue, step: int, evidence: float, shown: Sequence[Feature], now_ns: int
    ) -> Finding:
        kind, said = FindingKind.RARE_VALUE, f"{rare.path} = {rare.value}"
        made = self._finding(about, kind, step, evidence, shown, rare.template, now_ns=now_ns, example=said)
        return replace(
            made, examples=(rare.message,) if rare.message else (), field=rare.path, value=rare.value,
            query=query_for(kind, about.service, rare.template, rare.path, rare.value),
            known_since_ns=rare.since * STEP_NS,
        )  # fmt: skip

    def _finding(
        self,
        about: Subject,
        kind: FindingKind,
        step: int,
        evidence: float,
        features: Sequence[Feature],
        template: int,
        *,
        now_ns: int,
        example: str | None = None,
        silent_s: float = 0.0,
        run: Run | None = None,
        before: str = "",
    ) -> Finding:
        example = self.examples.get(template) if example is None else example
        end_ns = (step + 1) * STEP_NS
        started_ns = min(end_ns - STEP_NS, now_ns - round(silent_s) * 10**9)
        said = statement(kind, about.service, features[0], template=example, silent_s=silent_s, run=run, before=before)
        return Finding(
            id=finding_id(self._tenant, about.service, kind, step), tenant=self._tenant, service=about.service,
            kind=kind, state=ServiceState.DEGRADED if about.state is ServiceState.NORMAL else about.state,
            statement=said, started_ns=started_ns, detected_ns=now_ns, evidence=round(evidence, 2),
            features=tuple(features), examples=(example,) if example else (), template_id=template,
            query=query_for(kind, about.service, template), from_ns=started_ns - 2 * STEP_NS, to_ns=end_ns,
            watched_s=about.watched_s,
        )  # fmt: skip

    def _rare(self, row: int, kind: FindingKind, step: int) -> RareValue | None:
        return self._values.rarest(step, row) if kind is FindingKind.RARE_VALUE else None

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint; not copied."""
        state: dict[str, NDArray[np.generic]] = {"told_at": self._told_at, "told_symptom": self._told_symptom}
        for name, part in (("budget", self.budget), ("examples", self.examples)):
            state |= {f"{name}/{key}": value for key, value in part.arrays().items()}
        return state

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._told_at, self._told_symptom = (np.array(arrays[name], np.int64) for name in ("told_at", "told_symptom"))
        for name, part in (("budget", self.budget), ("examples", self.examples)):
            prefix = f"{name}/"
            part.load({key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)})
