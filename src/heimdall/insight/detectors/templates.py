"""Templates per service: one that was never there, one that comes far more often than it does.

A pair of service and template has a rate that forgets, as `counts` has, but is touched only in steps in which it
occurs, so a thousand quiet templates cost nothing. How surprising a new template is depends on how often this service
brings new ones (Good–Turing's view: the rate of first occurrences estimates that of the next), separately for warnings
and for errors, which a healthy service rarely invents. How rarely is learnt from all services of a tenant together
where one has little past of its own; news that trouble follows is not learnt. Several new problems within minutes are
judged together: the second one makes sure what the first suggested.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from heimdall.insight.conformal import FloatArray, Rows
from heimdall.insight.detectors.counts import _deviance
from heimdall.insight.detectors.recurrence import RecurrenceBank
from heimdall.insight.history import History, kernel
from heimdall.insight.step import PairCounts, distinct_of

_CURRENT_STEPS = 20
"""Steps for which a pair's newest burst is its evidence: five minutes."""
_RECENT = 0.85
"""Weight of a pair's earlier occurrences a step later, in its recent count: about the last two minutes."""
_NEW_RECENT = 0.9
"""Weight of a service's earlier new problems a step later, in their recent count: about the last two minutes."""
_PROVING_STEPS = 20
"""Steps after which new problems that led to nothing are learnt as what a healthy service brings: five minutes."""
_PLAIN, _WARNING, _ERROR = 0, 1, 2
"""Kinds of templates, by the level of their records."""
_UNKNOWN = 3.0
"""Evidence of a record whose template its service never had, before its step is judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateConfig:
    pairs: int = 20_000
    """Pairs of service and template remembered; the longest unseen go first. 64 B each, and their key."""
    memory_steps: float = 960.0
    """Steps until an occurrence weighs 1/e in the pair's rate."""
    novelty_memory_steps: float = 20_000.0
    """Steps until a first occurrence weighs 1/e in the service's rate of new templates."""
    settling_steps: int = 80
    """Steps of a service in which every template is new and none is news."""
    pooled_steps: float = 2_880.0
    """Steps of its own at which a service's rate of new problems counts as much as that of all services: half a day."""


@dataclass(frozen=True, slots=True)
class TemplateStep:
    """Evidence by pair, in the order given to `step`."""

    burst: FloatArray
    fresh: FloatArray
    expected: FloatArray
    known: NDArray[np.bool_]
    again: FloatArray
    """Evidence of what so far came only in trouble."""


class TemplateBank:
    """Pairs are kept by their packed keys in order, so that those of a step are looked up at once. Not safe from
    several threads."""

    def __init__(self, config: TemplateConfig | None = None) -> None:
        self._config = config or TemplateConfig()
        size = self._config.pairs
        self._keys = np.zeros(0, np.uint64)
        self._rows = np.zeros(0, np.int64)
        """Where each key's numbers are; row `size` is for pairs that there is no room for."""
        self._free = np.arange(size, dtype=np.int64)
        self._events = np.zeros(size + 1)
        self._exposure = np.zeros(size + 1)
        self._dispersion = np.ones(size + 1)
        self._last = np.zeros(size + 1, np.int64)
        self._burst = np.zeros(size + 1)
        self._recent = np.zeros(size + 1)
        self.recurrence = RecurrenceBank(size + 1)
        self._first_rates = np.zeros((0, 3))
        self._first_recent = np.zeros((0, 3))
        self._first_last = np.zeros((0, 3), np.int64)
        self._waiting = np.zeros((0, 3))
        self._first_steps = np.zeros(0)
        self._known_pairs = np.zeros(0)

    def grow(self, services: int) -> None:
        self.recurrence.grow(services)
        more = services - len(self._first_steps)
        if more > 0:
            self._first_rates = np.concatenate([self._first_rates, np.zeros((more, 3))])
            self._first_recent = np.concatenate([self._first_recent, np.zeros((more, 3))])
            self._waiting = np.concatenate([self._waiting, np.zeros((more, 3))])
            self._first_last = np.concatenate([self._first_last, np.zeros((more, 3), np.int64)])
            self._first_steps = np.concatenate([self._first_steps, np.zeros(more)])
            self._known_pairs = np.concatenate([self._known_pairs, np.zeros(more)])

    def _found(self, services: Rows, templates: NDArray[np.uint64]) -> tuple[Rows, NDArray[np.bool_]]:
        """(row, known) of each pair; where it is not known, the row that is nobody's."""
        keys = packed(services, templates)
        if not len(self._keys):
            return np.full(len(keys), self._config.pairs), np.zeros(len(keys), np.bool_)
        at = np.minimum(np.searchsorted(self._keys, keys), len(self._keys) - 1)
        known = self._keys[at] == keys
        return np.where(known, self._rows[at], self._config.pairs), known

    def rows_of(self, services: Rows, templates: NDArray[np.uint64], step: int) -> tuple[Rows, NDArray[np.bool_]]:
        """(row, known before) of each pair, which are distinct. What is not known gets a row, if need be that of the
        longest unseen; where these pairs are more than are remembered at all, the last of them get nobody's."""
        rows, known = self._found(services, templates)
        new = np.flatnonzero(~known)
        if not len(new):
            return rows, known
        if len(new) > len(self._free):
            self._make_room(len(new) - len(self._free), rows[known])
        kept = new[: len(self._free)]
        rows[kept], self._free = self._free[: len(kept)], self._free[len(kept) :]
        keys = packed(services[kept], templates[kept])
        order = np.argsort(keys)
        places = np.searchsorted(self._keys, keys[order])
        self._keys = np.insert(self._keys, places, keys[order])
        self._rows = np.insert(self._rows, places, rows[kept][order])
        started = rows[new]
        self._events[started], self._exposure[started], self._dispersion[started] = 0.0, 0.0, 1.0
        self._last[started], self._burst[started], self._recent[started] = step, 0.0, 0.0
        self.recurrence.begin(rows[kept], services[kept])
        return rows, known

    def _make_room(self, wanted: int, spared: Rows) -> None:
        """Forget the longest unseen but the rows `spared`, those of services that have more than a quarter of all
        first, since others are not to forget for them. An eighth at a time, so that a flood of new templates pays for
        the search once in a while."""
        stays = np.isin(self._rows, spared)
        services = (self._keys >> _TEMPLATE_BITS).astype(np.int64)
        modest = np.bincount(services)[services] <= self._config.pairs // 4
        by_age = np.lexsort((self._keys, self._last[self._rows], modest, stays))
        gone = by_age[: min(max(self._config.pairs // 8, wanted), len(by_age) - len(spared))]
        self._free = np.concatenate([self._free, self._rows[gone]])
        self._keys, self._rows = np.delete(self._keys, gone), np.delete(self._rows, gone)

    def now(self, services: Rows, templates: NDArray[np.uint64], step: int) -> FloatArray:
        """Evidence of each pair: of its newest burst, or of being new where it is not known yet."""
        rows, known = self._found(services, templates)
        lately = np.where(step - self._last[rows] <= _CURRENT_STEPS, self._burst[rows], 0.0)
        settled = self._first_steps[services] >= self._config.settling_steps
        return np.where(known, lately, np.where(settled, _UNKNOWN, 0.0))

    def step(
        self, services: Rows, templates: NDArray[np.uint64], counts: FloatArray, grades: Rows, step: int,
        busier: FloatArray, learn: NDArray[np.bool_],
    ) -> TemplateStep:  # fmt: skip
        """Judge and learn the pairs that occurred in a step; each pair once.

        `grades`: 0, or 1 where the pair has warnings, 2 errors. `busier` (by pair, ≥ 1): by how much the whole service
        is busier than usual, which a template may be too. `learn` (by pair): whether a known one learns from this step.
        """
        config = self._config
        rows, known = self.rows_of(services, templates, step)
        shape, exposure, mean = self._predicted(rows, step, busier)
        burst, recent = self._bursts(services, rows, known, counts, step, (shape, mean))
        again = self.recurrence.evidence(services, rows, step)
        own = rows < config.pairs
        self.recurrence.step(services[own], rows[own], grades[own] > _PLAIN, step)
        self._recent[rows] = recent
        variance = mean + mean**2 / shape
        taken = np.where(~learn, mean, counts)
        taken = np.where(
            known & learn, np.minimum(counts, mean + 4 * np.sqrt(variance * self._dispersion[rows]) + 2), taken
        )
        scatter = np.minimum((taken - mean) ** 2 / np.maximum(variance, 0.05), 25.0)
        self._events[rows] = shape - 0.5 + taken
        self._exposure[rows] = exposure + 1.0
        blend = learn * 20 / config.memory_steps
        self._dispersion[rows] = np.maximum(self._dispersion[rows] * (1 - blend) + scatter * blend, 1.0)
        self._last[rows] = step
        self._burst[rows] = burst
        fresh, recent_news = self._novelty(services, ~known, grades, step)
        self._learn_new(services, ~known, grades, step, recent_news)
        return TemplateStep(burst, fresh, np.where(known, mean, 0.0), known, again)

    def look(
        self, services: Rows, templates: NDArray[np.uint64], counts: FloatArray, grades: Rows, step: int,
        busier: FloatArray,
    ) -> TemplateStep:  # fmt: skip
        """What `step` would say of these pairs; nothing is learnt."""
        rows, known = self._found(services, templates)
        shape, _, mean = self._predicted(rows, step, busier)
        burst, _ = self._bursts(services, rows, known, counts, step, (shape, mean))
        fresh, _ = self._novelty(services, ~known, grades, step)
        again = self.recurrence.evidence(services, rows, step)
        return TemplateStep(burst, fresh, np.where(known, mean, 0.0), known, again)

    def _predicted(self, rows: Rows, step: int, busier: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(shape, exposure, mean) of each row's count in this step; `exposure`: steps before this one, those without
        the pair among them."""
        memory = self._config.memory_steps
        keep = (1 - 1 / memory) ** np.maximum(step - self._last[rows], 0)
        shape = self._events[rows] * keep + 0.5
        exposure = np.maximum(self._exposure[rows] * keep + (1 - keep) * memory - 1.0, 0.0)
        return shape, exposure, shape / np.maximum(exposure, 1.0) * busier

    def _bursts(
        self, services: Rows, rows: Rows, known: NDArray[np.bool_], counts: FloatArray, step: int,
        predicted: tuple[FloatArray, FloatArray],
    ) -> tuple[FloatArray, FloatArray]:  # fmt: skip
        """(evidence of too many, recent count) of each pair."""
        shape, mean = predicted
        quiet = np.maximum(step - self._last[rows], 0)
        recent = self._recent[rows] * _RECENT**quiet + counts
        burst = np.where(known & (counts > mean), _deviance(counts, mean, shape), 0.0)
        due = mean / (1 - _RECENT)
        burst = np.maximum(burst, np.where(known & (recent > due), _deviance(recent, due, shape), 0.0))
        burst = burst / self._dispersion[rows] / np.log(10) - np.log10(2)
        return np.maximum(burst - np.log10(np.maximum(self._known_pairs[services], 1.0)), 0.0), recent

    def teach(self, pairs: PairCounts, past: History) -> None:
        """Learn the pairs of a stretch, all of its steps at once. `past` is made of them."""
        config = self._config
        distinct, first, place = distinct_of(packed(pairs.services, pairs.templates))
        last = np.zeros(len(distinct), np.int64)
        last[place] = pairs.steps  # in order of time, so the last one stays
        services, templates = pairs.services[first], pairs.templates[first]
        # Those seen last are remembered; more than half of all are not let in at once.
        newest = np.sort(np.argsort(-last, kind="stable")[: config.pairs // 2])
        services, templates, first, last = services[newest], templates[newest], first[newest], last[newest]
        chosen = np.full(len(distinct), -1)
        chosen[newest] = np.arange(len(newest))
        place = chosen[place]
        rows, known = self.rows_of(services, templates, int(pairs.steps[-1]))
        # Sums are of steps up to one before a new pair's first.
        since = np.where(known, self._last[rows], pairs.steps[first] - 1)
        self._teach_rates(pairs, place, rows, since, last)
        self._last[rows] = last
        self._burst[rows] = 0.0
        self.recurrence.teach(rows)
        grades = grades_of(pairs.columns[1][first], pairs.columns[2][first])
        self._teach_novelty(past, services[~known], past.pair_times[first[~known]], grades[~known])

    def _teach_rates(self, pairs: PairCounts, place: Rows, rows: Rows, since: Rows, last: Rows) -> None:
        """`place`: which of `rows` each of the pairs is about, -1 for none."""
        config, size = self._config, len(rows)
        of = place[place >= 0]
        counts, steps = pairs.columns[0][place >= 0], pairs.steps[place >= 0]

        def total(values: FloatArray) -> FloatArray:
            return np.bincount(of, weights=values, minlength=size).astype(np.float64)

        times = np.bincount(of, minlength=size)
        usual = np.expm1(total(np.log1p(counts)) / times)  # a burst hardly moves the logarithms' mean
        dispersion = self._dispersion[rows]
        taken = np.minimum(counts, (usual + 4 * np.sqrt((usual + usual**2) * dispersion) + 2)[of])
        ago = last[of] - steps
        weight = kernel(config.memory_steps, ago)
        keep = kernel(config.memory_steps, np.maximum(last - since, 0))
        self._events[rows] = self._events[rows] * keep + total(weight * taken)
        self._exposure[rows] = self._exposure[rows] * keep + (1 - keep) * config.memory_steps
        mean = (self._events[rows] + 0.5) / np.maximum(self._exposure[rows], 1.0)
        variance = mean + mean**2 / (self._events[rows] + 0.5)
        scatter = np.minimum((taken - mean[of]) ** 2 / np.maximum(variance, 0.05)[of], 25.0)
        stays = (1 - 20 / config.memory_steps) ** times
        self._dispersion[rows] = np.maximum(dispersion * stays + (1 - stays) * total(scatter) / times, 1.0)
        self._recent[rows] = self._recent[rows] * _RECENT ** np.maximum(last - since, 0) + total(counts * _RECENT**ago)

    def _teach_novelty(self, past: History, services: Rows, times: Rows, grades: Rows) -> None:
        """`services` had a template for the first time at each of `times`."""
        config, present = self._config, past.present
        keep = kernel(config.novelty_memory_steps, past.sizes)
        before = past.seen_before(services, times)
        sizes = np.zeros(len(self._first_steps), np.int64)
        sizes[present] = past.sizes
        told = self._first_steps[services] + before >= config.settling_steps
        weight = kernel(config.novelty_memory_steps, sizes[services] - before)
        self._first_rates[present] *= keep[:, None]
        np.add.at(self._first_rates, (services[told], grades[told]), weight[told])
        self._first_steps[present] = self._first_steps[present] * keep + (1 - keep) * config.novelty_memory_steps
        np.add.at(self._known_pairs, services, 1.0)

    def last_trouble(self, service: int, template: int) -> int:
        """The step in which it was a symptom of trouble last; it was one."""
        rows, _ = self._found(np.array([service]), np.array([template], np.uint64))
        return self.recurrence.last(int(rows[0]))

    def passed(self, services: Rows, step: int, ill: Rows, certain: NDArray[np.bool_]) -> None:
        """A step has passed for `services`; call after `step`. What was new in the rows `ill` is not learnt from.
        `certain`: by row of all services, those whose trouble is certain."""
        self.recurrence.passed(step, certain)
        keep = 1 - 1 / self._config.novelty_memory_steps
        self._first_rates[services] *= keep
        self._first_steps[services] = self._first_steps[services] * keep + 1
        self._waiting[ill, _WARNING:] = 0.0
        proven = (step - self._first_last >= _PROVING_STEPS) & (self._waiting > 0)
        self._first_rates[proven] += self._waiting[proven]
        self._waiting[proven] = 0.0

    def _novelty(
        self, services: Rows, news: NDArray[np.bool_], grades: Rows, step: int
    ) -> tuple[FloatArray, FloatArray]:
        """(evidence by pair, recent count of news by service and kind)."""
        config = self._config
        steps = self._first_steps[services]
        settled = steps >= config.settling_steps
        watched = np.maximum(self._first_steps - config.settling_steps + 20, 1.0)
        alone = (self._first_rates[services, grades] + 0.5) / watched[services]
        pool = (self._first_rates.sum(axis=0) + 0.5) / watched.sum()
        events = self._first_rates[services, grades] + config.pooled_steps * pool[grades]
        together = events / (watched[services] + config.pooled_steps)
        rate = np.where(grades == _PLAIN, alone, together)
        recent = self._first_recent * _NEW_RECENT ** np.maximum(step - self._first_last, 0)
        np.add.at(recent, (services[news], grades[news]), 1.0)
        # Vocabularies are learnt for hours: one new problem is never rarer than once in all the time watched so far.
        single = -np.log10(-np.expm1(-np.maximum(rate, np.where(grades == _PLAIN, 0.0, 1.0) / watched[services])))
        # Of a second one, given the first: what is due of the window that both lie in.
        count, due = recent[services, grades], rate / (1 - _NEW_RECENT)
        several = np.where((grades > _PLAIN) & (count > 1.2), -2 * np.log10(due) - np.log10(2), 0.0)
        fresh = np.where(news & settled, np.maximum(single, several), 0.0)
        return np.asarray(np.maximum(fresh, 0.0), np.float64), recent

    def _learn_new(self, services: Rows, news: NDArray[np.bool_], grades: Rows, step: int, recent: FloatArray) -> None:
        """Plain ones at once; problems when nothing came of them, several within minutes as one."""
        told = news & (self._first_steps[services] >= self._config.settling_steps)
        plain = told & (grades == _PLAIN)
        np.add.at(self._first_rates, (services[plain], grades[plain]), 1.0)
        self._waiting[services[told & ~plain], grades[told & ~plain]] = 1.0
        changed = (services[news], grades[news])
        self._first_recent[changed], self._first_last[changed] = recent[changed], step
        np.add.at(self._known_pairs, services[news], 1.0)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """State for a checkpoint; pairs in the order of their keys."""
        keys = np.column_stack([self._keys >> _TEMPLATE_BITS, self._keys & _TEMPLATE_MASK])
        state: dict[str, NDArray[np.generic]] = {"keys": keys, "rows": np.arange(len(keys))}
        state |= {name: table[self._rows] for name, table in self._by_pair()}
        return state | {
            "first_rates": self._first_rates, "first_recent": self._first_recent, "first_last": self._first_last,
            "waiting": self._waiting,
            "first_steps": self._first_steps, "known_pairs": self._known_pairs,
        } | self.recurrence.arrays()  # fmt: skip

    def load(self, arrays: dict[str, NDArray[np.generic]]) -> None:
        keys, rows = np.asarray(arrays["keys"], np.uint64), np.asarray(arrays["rows"], np.int64)
        named = packed(keys[:, 0].astype(np.int64), keys[:, 1])
        order = np.argsort(named)
        self._keys, self._rows = named[order], rows[order]
        self._free = np.setdiff1d(np.arange(self._config.pairs), rows)
        for name, table in self._by_pair():
            table[: len(rows)] = arrays[name]
        self._first_rates = np.array(arrays["first_rates"], np.float64)
        self._first_recent = np.array(arrays["first_recent"], np.float64)
        self._first_last = np.array(arrays["first_last"], np.int64)
        self._waiting = np.array(arrays["waiting"], np.float64)
        self._first_steps = np.array(arrays["first_steps"], np.float64)
        self._known_pairs = np.array(arrays["known_pairs"], np.float64)
        self.recurrence.load(arrays)

    def _by_pair(self) -> tuple[tuple[str, NDArray[np.generic]], ...]:
        return (
            ("events", self._events), ("exposure", self._exposure), ("dispersion", self._dispersion),
            ("last", self._last), ("burst", self._burst), ("recent", self._recent), *self.recurrence.by_pair(),
        )  # fmt: skip


def grades_of(errors: FloatArray, warnings: FloatArray) -> Rows:
    """Kind of each pair by the records it has: plain, warnings or errors."""
    return np.where(errors > 0, _ERROR, np.where(warnings > 0, _WARNING, _PLAIN)).astype(np.int64)


MOST_SERVICES = 2_048
"""Rows of services that a packed pair has room for."""
_TEMPLATE_BITS = np.uint64(53)
_TEMPLATE_MASK = np.uint64((1 << 53) - 1)


def packed(services: Rows, templates: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Each pair as one number: template ids are below 2**53, rows of services below `MOST_SERVICES`."""
    return services.astype(np.uint64) << _TEMPLATE_BITS | templates


def unpacked(pairs: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """(rows of services, template ids)."""
    return pairs >> _TEMPLATE_BITS, pairs & _TEMPLATE_MASK
