"""The watch over one tenant's services: steps in, findings out.

Each step every service is judged by all detectors at once. What each says becomes conformal evidence among what it
said of that service before, the votes become one number, numbers are gathered over time, and what passes the alert
budget's bar is told once (`heimdall.insight.telling`). State is bounded by the number of services.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.calendar import Calendar, CalendarConfig
from heimdall.insight.conformal import FloatArray, Rows, TailBank
from heimdall.insight.detectors.counts import CountBank, CountStep
from heimdall.insight.detectors.latency import LatencyBank, LatencyStep
from heimdall.insight.detectors.outliers import OutlierVotes
from heimdall.insight.detectors.schedule import ScheduleBank, by_service
from heimdall.insight.detectors.season import SeasonBank
from heimdall.insight.detectors.silence import SilenceBank, SilenceStep
from heimdall.insight.detectors.states import STATES, ServiceState, StateBank
from heimdall.insight.detectors.templates import MOST_SERVICES, TemplateBank, TemplateStep, grades_of
from heimdall.insight.detectors.values import Occurrences, ValueBank
from heimdall.insight.feedback import Feedback
from heimdall.insight.finding import Finding
from heimdall.insight.fusion import SURE, BudgetConfig, combined
from heimdall.insight.history import history
from heimdall.insight.judged import MIX, VOTES, Judged
from heimdall.insight.step import STEP_NS, STEP_S, PairCounts, StepCounts
from heimdall.insight.telling import LOUD, Subject, Teller
from heimdall.model.batch import TenantId

_DOWN, _NEW_ERROR, _RECURRENCE = 1, 7, 10
_ERRORS, _WARNINGS = 1, 2
OTHER = "(other)"
"""Services beyond the bound are watched together under this name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchConfig:
    budget: BudgetConfig = field(default_factory=BudgetConfig)
    calendar: CalendarConfig = field(default_factory=CalendarConfig)
    services: int = 1_000
    """Services of a tenant watched one by one, 20 kB each, 2,048 at most; what exceeds them is watched together."""
    settling_steps: int = 20
    """Steps of a service before the first finding about it, and steps judged after history that was not: five
    minutes."""
    again_steps: int = 240
    """Steps before a service's finding of the same kind is told again: an hour."""
    trusted_steps: int = 240
    """Steps after which conformal evidence alone decides; before, a model's own probability counts in part."""
    scheduled_days: int = 5
    """Days on which something ran at the same time before it is missed when it does not; for what runs every so many
    hours as many days without a gap. Larger: fewer jobs are known, surer."""
    silence_evidence: float = 4.0
    """Evidence at which a service that stopped logging is told of."""


class Detector(Protocol):
    """State of one kind of detector over all services of a tenant (rows), in arrays of bounded size.

    Called by one thread at a time, step after step. Deterministic: a restored one goes on as the one it was taken from.
    """

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """All of its state, for a checkpoint; not copied, so the caller writes it out before the next step."""

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        """Take the state of `arrays`."""


class TenantWatch:
    """Not safe from several threads."""

    def __init__(self, tenant: TenantId, feedback: Feedback, config: WatchConfig | None = None) -> None:
        self.tenant = tenant
        self._config = config or WatchConfig()
        self._rows: dict[str, int] = {}
        self._counts = CountBank(4)
        self._calendar = Calendar(tenant, self._config.calendar)
        self._season = SeasonBank(self._calendar)
        self._schedule = ScheduleBank(self._calendar, days=self._config.scheduled_days)
        self._in_season = CountBank(1)
        """Records again, by what the time of the week has of them."""
        self._templates = TemplateBank()
        self._latency = LatencyBank()
        self._values = ValueBank()
        self._silence = SilenceBank()
        self._outliers = OutlierVotes()
        self._tails = TailBank(len(VOTES))
        self._states = StateBank()
        self._teller = Teller(
            tenant, feedback, self._calendar, self._templates, self._values, budget=self._config.budget,
            again_steps=self._config.again_steps, silence_evidence=self._config.silence_evidence,
        )  # fmt: skip
        self._first_step = np.zeros(0, np.int64)
        self._ill = np.zeros(0, np.int64)
        self._trouble = np.zeros(0, np.bool_)
        self._judged_from = -1
        self._sure_step = -(10**12)
        """The last one in which some service had evidence that no healthy one shows."""

    # -- services -------------------------------------------------------------------------------------------------

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(self._rows)

    def row_of(self, service: str, step: int) -> int:
        """The service's row; a new one is given out, watched from `step` on, the last one shared once all are."""
        row = self._rows.get(service)
        if row is not None:
            return row
        if len(self._rows) >= min(self._config.services, MOST_SERVICES) - 1:
            service = OTHER
            if service in self._rows:
                return self._rows[service]
        row = self._rows[service] = len(self._rows)
        self._grow(row + 1)
        self._first_step[row] = step
        return row

    def _grow(self, rows: int) -> None:
        for bank in (
            self._counts, self._in_season, self._season, self._templates, self._latency, self._silence, self._tails,
            self._states, self._teller,
        ):  # fmt: skip
            bank.grow(rows)
        more = rows - len(self._first_step)
        self._first_step = np.concatenate([self._first_step, np.zeros(more, np.int64)])
        self._ill = np.concatenate([self._ill, np.zeros(more, np.int64)])
        self._trouble = np.concatenate([self._trouble, np.zeros(more, np.bool_)])

    def states(self) -> list[ServiceState]:
        """Of each row, as of the last step."""
        return [STATES[place] for place in self._states.states(np.arange(len(self._rows)))]

    def scores(self, services: Rows, templates: NDArray[np.uint64], step: int) -> FloatArray:
        """0 (usual) to 1 by pair: how odd a template is in its service just now."""
        evidence = self._templates.now(services, templates, step)
        return np.asarray(1 - 10 ** (-evidence / 3), np.float64)

    def show(self, templates: Sequence[int], messages: Sequence[str]) -> None:
        """One message of each of these templates, for findings about them."""
        self._teller.examples.put(templates, messages)

    def pardon(self) -> None:
        """Steps were skipped in which nobody was heard of: no service is called silent for them."""
        self._silence.pardon()
        self._schedule.pardon()

    def is_open(self, name: str) -> bool:
        """Whether a field has too many values to be watched, in every service."""
        return self._values.is_open(name)

    def learn_values(self, occurrences: Occurrences, after_step: int) -> None:
        """Values of fields, batch by batch; the rare ones in later steps than `after_step` wait for their step."""
        self._values.learn(occurrences, after_step)

    # -- history --------------------------------------------------------------------------------------------------

    def teach(self, pairs: PairCounts, after_step: int, longest_pause: int) -> None:
        """Learn from many steps at once and judge none of them: a thousandth of the time of as many calls of `step`.

        `pairs`: at least one, later than `after_step`, the last step that was learnt from (-1: none). A longer run of
        steps without any record than `longest_pause` says nothing. What is learnt: rates and their scatter, latency,
        gaps, templates and how often new ones come. Ranks (conformal evidence) and the outlier votes come of steps
        that are judged.
        """
        past = history(pairs, after_step, longest_pause)
        records, errors, warnings, duration_sum, durations, odd = past.columns
        exposure = np.column_stack([np.ones(len(records)), records, records, records])
        self._counts.teach(past, np.column_stack([records, errors, warnings, odd]), exposure)
        self._in_season.rescale(1 / self._season.factors)
        self._in_season.teach(past, records[:, None], np.ones((len(records), 1)))
        self._season.teach(pairs)
        self._in_season.rescale(self._season.factors)
        self._schedule.teach(pairs)
        self._latency.teach(past, duration_sum, durations)
        self._silence.teach(past)
        self._templates.teach(pairs, past)
        self._teller.budget.rest(past.steps)
        self._ill[:] = 0
        last_step = int(pairs.steps[-1])
        self._values.passed(last_step)
        self._judged_from = last_step + 1
        # Who fell silent long before is no news.
        self._teller.know_silent(self._silence.gap >= self._config.settling_steps, last_step)

    # -- a step ---------------------------------------------------------------------------------------------------

    def step(self, data: StepCounts) -> list[Finding]:
        """Judge and learn one step. Steps come in order; one in which nobody logged is a step too."""
        if not self._rows:
            return []
        rows = np.arange(len(self._rows))
        silence = self._silent(rows, data)
        judged = self._judge(rows, data, silence)
        together = combined(judged.evidence, _WEIGHTS)
        settled = self._settled(data.step)
        together = np.where(settled & (silence.gap == 0), together, 0.0)
        if (together >= SURE).any():
            self._sure_step = data.step
        quiet = silence.evidence >= self._config.silence_evidence
        states = self._states.step(rows, np.where(quiet, silence.evidence, together))
        self._ill[rows] = np.where(states > 0, self._ill[rows] + 1, 0)
        self._teller.budget.step(rows, together, self._trouble[rows])
        end_ns = (data.step + 1) * STEP_NS
        near = self._teller.near(rows, together)
        findings = self._told(judged, together, near, silence, quiet & settled, end_ns)
        missing = self._schedule.step(data.services, data.templates, data.step)
        for run in by_service(missing):
            about = self._about(run.service, data.step)
            findings.append(self._teller.told_missing(about, run, data.step, silence, end_ns))
        self._values.passed(data.step)
        return [finding for finding in findings if finding is not None]

    def look(self, data: StepCounts, now_ns: int, part: float = 0.0) -> list[Finding]:
        """Findings about a step that is not over, as of `now_ns`, that need not wait for its end; nothing is learnt.

        Only what more records make surer is judged, too many of something, and by what a whole step may have: so the
        evidence is at most what the step itself is going to give, and the tails, the budget and the ids are its own.
        `part` (0 to 1) of the step has passed so long ago that its records have come, if there were any: a service's
        silence may become sure by it.
        """
        rows = np.arange(len(self._rows))
        size = len(rows)
        records, totals = self._totals(data, size)
        usual = np.maximum(self._counts.usual(rows, 0), 1e-9)
        whole = np.maximum(records, usual)
        counts = self._counts.look(rows, totals, np.column_stack([np.ones(size), whole, whole, whole]))
        if self._season.known.any():
            by_season = self._in_season.look(rows, records[:, None], self._season.factors[:, None])
            counts = self._excused(counts, by_season)
        busier = np.maximum(records / usual, 1.0)[data.services]
        grades = grades_of(data.errors, data.warnings)
        templates = self._templates.look(data.services, data.templates, data.records, grades, data.step, busier)
        unknown = np.zeros(size)
        raw = self._raw(data, counts, templates, unknown)
        raw[:, [_DOWN, MIX]] = 0.0
        loud = np.flatnonzero((raw >= LOUD).any(axis=1))
        evidence = self._calibrated(rows, raw, loud)
        latency = LatencyStep(unknown, unknown, unknown, unknown, unknown)
        judged = Judged(data, totals, counts, templates, latency, unknown, evidence)
        together = combined(evidence, _WEIGHTS)
        settled = self._settled(data.step)
        silence = self._silence.look(rows, records, self._due(rows), self._counts.dispersion(rows, 0), part)
        quiet = settled & (silence.evidence >= self._config.silence_evidence)
        near = settled & self._teller.near(rows, together)
        findings = self._told(judged, together, near, silence, quiet, now_ns)
        return [finding for finding in findings if finding is not None]

    def _told(
        self, judged: Judged, together: FloatArray, near: NDArray[np.bool_], silence: SilenceStep,
        quiet: NDArray[np.bool_], now_ns: int,
    ) -> list[Finding | None]:  # fmt: skip
        step = judged.step.step
        told = [
            self._teller.told(self._about(row, step), judged, float(together[row]), now_ns)
            for row in np.flatnonzero(near).tolist()
        ]
        return told + [
            self._teller.told_silent(self._about(row, step), step, silence, now_ns)
            for row in np.flatnonzero(quiet).tolist()
        ]

    def _settled(self, step: int) -> NDArray[np.bool_]:
        """Services of which enough steps were judged to tell anything."""
        return np.asarray(step - np.maximum(self._first_step, self._judged_from) >= self._config.settling_steps)

    def _silent(self, rows: Rows, data: StepCounts) -> SilenceStep:
        self._in_season.rescale(self._season.enter(data.step))
        records = data.by_service(data.records, len(rows))
        return self._silence.step(rows, records, self._due(rows), self._counts.dispersion(rows, 0))

    def _due(self, rows: Rows) -> FloatArray:
        """Records of a step that are surely due: both the last hour and the time of the week have them."""
        usual = self._counts.usual(rows, 0)
        by_season = self._in_season.usual(rows, 0) * self._season.shares
        return np.where(self._season.known, np.minimum(usual, by_season), usual)

    def _excused(self, counts: CountStep, by_season: CountStep) -> CountStep:
        """`counts` with evidence of too many or too few records only where the time of the week does not explain it."""
        upper, lower = counts.upper.copy(), counts.lower.copy()
        for own, other in ((upper, by_season.upper), (lower, by_season.lower)):
            own[:, 0] = np.where(self._season.known, np.minimum(own[:, 0], other[:, 0]), own[:, 0])
        return replace(counts, upper=upper, lower=lower)

    def _judge(self, rows: Rows, data: StepCounts, silence: SilenceStep) -> Judged:
        size = len(rows)
        records, totals = self._totals(data, size)
        exposure = np.column_stack([np.ones(size), records, records, records])
        usual = np.maximum(self._counts.usual(rows, 0), 1e-9)
        # What an incident looks like is not what is usual; what stays for an hour is.
        well = (self._ill[rows] == 0) | (self._ill[rows] > self._config.again_steps)
        learn = ((silence.gap < 2) & well).astype(np.float64)
        counts = self._counts.step(rows, totals, exposure, learn=learn)
        factors = self._season.factors
        by_season = self._in_season.step(
            rows, records[:, None], factors[:, None], learn=learn, pace=np.minimum(factors, 1.0)
        )
        counts = self._excused(counts, by_season)
        self._season.learn(records)
        busier = np.maximum(records / usual, 1.0)[data.services]
        grades = grades_of(data.errors, data.warnings)
        templates = self._templates.step(
            data.services, data.templates, data.records, grades, data.step, busier, well[data.services]
        )
        ill = self._ill[rows] > 0
        self._templates.passed(rows[silence.gap == 0], data.step, rows[ill], self._in_trouble(rows, data.step))
        latency = self._latency.step(
            rows, data.by_service(data.duration_sum, size), data.by_service(data.durations, size), well
        )
        vitals = np.column_stack([
            (records - usual) / (np.sqrt(usual) + 1), totals[:, _ERRORS] / np.maximum(records, 1) * 10,
            totals[:, _WARNINGS] / np.maximum(records, 1) * 10, np.clip(latency.deviation, -10, 10),
        ])  # fmt: skip
        self._outliers.learn(vitals[(silence.gap == 0) & well])
        raw = self._raw(data, counts, templates, latency.evidence)
        # Outlier votes and ranks are looked up where a model says something: elsewhere there is nothing to support or
        # to take back.
        loud = np.flatnonzero((raw[:, :MIX] >= LOUD).any(axis=1))
        if len(loud):
            raw[loud, MIX] = self._outliers.scores(vitals[loud]).mean(axis=1)
        evidence = self._calibrated(rows, raw, loud)
        taught = rows[(silence.gap == 0) & well]
        self._tails.learn(taught, raw[taught])
        mix = np.nan_to_num(raw[:, MIX])
        return Judged(data, totals, counts, templates, latency, mix, evidence)

    def _in_trouble(self, rows: Rows, step: int) -> NDArray[np.bool_]:
        """Services that are ill, or were told of, while it is certain that something is wrong."""
        since = step - self._sure_step
        suspect = (self._ill[rows] > 0) | self._teller.lately(rows, step)
        self._trouble[rows] = (suspect & (since <= _SURE_STEPS)) | (self._trouble[rows] & (since <= 2 * _SURE_STEPS))
        return self._trouble[rows]

    def _totals(self, data: StepCounts, size: int) -> tuple[FloatArray, FloatArray]:
        """(records, and what `CountBank` counts) by service."""
        counted = (data.records, data.errors, data.warnings, data.odd)
        totals = np.column_stack([data.by_service(values, size) for values in counted])
        return totals[:, 0], totals

    def _raw(self, data: StepCounts, counts: CountStep, templates: TemplateStep, latency: FloatArray) -> FloatArray:
        """What each model says by itself, in the order of `VOTES`; the outlier votes not yet."""
        size = len(latency)
        grave = (data.errors + data.warnings) > 0
        return np.column_stack([
            counts.upper[:, 0], counts.lower[:, 0], counts.upper[:, 1:],
            _most(data.services, templates.burst, size),
            _most(data.services, np.where(grave, 0, templates.fresh), size),
            _most(data.services, np.where(grave, templates.fresh, 0), size),
            latency, self._values.evidence(data.step, size), _most(data.services, templates.again, size),
            np.full(size, np.nan),
        ])  # fmt: skip

    def _calibrated(self, rows: Rows, raw: FloatArray, loud: Rows) -> FloatArray:
        """Conformal evidence, never above the model's own; while little is known, the model's own in part."""
        evidence = np.minimum(np.nan_to_num(raw), LOUD)
        if len(loud):
            own, conformal = np.nan_to_num(raw[loud]), self._tails.evidence(rows[loud], raw[loud])
            # A rate of all services together is surer than the rank among one's own zeros, which ends at 1 / (n + 1).
            never = ~self._tails.scored(rows[loud])[:, _NEW_ERROR]
            conformal[never, _NEW_ERROR] = own[never, _NEW_ERROR]
            # Its rate is that of symptoms which nothing came of; ranks would count the true ones against it.
            conformal[:, _RECURRENCE] = own[:, _RECURRENCE]
            own[:, MIX] = np.minimum(conformal[:, MIX], _MIX_MOST)
            trust = np.minimum(self._tails.learnt(rows[loud]) / self._config.trusted_steps, 1.0)
            untested = np.where(np.arange(raw.shape[1]) == MIX, 0.0, 0.5 * own)
            evidence[loud] = trust * np.minimum(own, conformal) + (1 - trust) * untested
        return evidence

    def _about(self, row: int, step: int) -> Subject:
        watched_s = float((step - self._first_step[row]) * STEP_S)
        return Subject(row, list(self._rows)[row], self._states.of(row), watched_s)

    # -- checkpoint -----------------------------------------------------------------------------------------------

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint; not copied."""
        state: dict[str, NDArray[np.generic]] = {
            "services": np.array(list(self._rows), np.str_), "first_step": self._first_step, "ill": self._ill,
            "trouble": self._trouble, "judged_from": np.array([self._judged_from]),
            "sure_step": np.array([self._sure_step]),
        }  # fmt: skip
        for name, bank in self._banks():
            state |= {f"{name}/{key}": value for key, value in bank.arrays().items()}
        return state

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        self._rows = {str(name): row for row, name in enumerate(arrays["services"].tolist())}
        self._first_step = np.array(arrays["first_step"], np.int64)
        self._ill, self._trouble = np.array(arrays["ill"], np.int64), np.array(arrays["trouble"], np.bool_)
        self._judged_from, self._sure_step = int(arrays["judged_from"][0]), int(arrays["sure_step"][0])
        for name, bank in self._banks():
            prefix = f"{name}/"
            bank.load({key.removeprefix(prefix): value for key, value in arrays.items() if key.startswith(prefix)})

    def _banks(self) -> Iterator[tuple[str, Detector]]:
        yield "counts", self._counts
        yield "season", self._season
        yield "schedule", self._schedule
        yield "in_season", self._in_season
        yield "templates", self._templates
        yield "latency", self._latency
        yield "values", self._values
        yield "silence", self._silence
        yield "outliers", self._outliers
        yield "tails", self._tails
        yield "states", self._states
        yield "teller", self._teller


_MIX_MOST = 2.0
"""Evidence of the outlier votes at most: their scores have no probability of their own, so they support others."""
_WEIGHTS = np.array([0.07, 0.07, 0.16, 0.10, 0.03, 0.08, 0.04, 0.25, 0.10, 0.06, 0.20, 0.10]) / 1.26
"""By vote: how much of the chance of a false alarm each may use. Errors and problems never seen before get most."""
_SURE_STEPS = 20
"""Steps after it in which the services that are ill are in trouble for certain: five minutes."""


def _most(services: Rows, evidence: FloatArray, size: int) -> FloatArray:
    """The largest evidence of each service."""
    most = np.zeros(size)
    np.maximum.at(most, services, evidence)
    return most
