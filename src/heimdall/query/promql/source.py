"""Where series come from: the port, and several sources as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from heimdall.errors import InvalidInput
from heimdall.model.batch import TenantId
from heimdall.query.languages.promql.ast import Matcher
from heimdall.query.languages.promql.parser import matches
from heimdall.query.logql.series import Floats, Labels

MAX_SAMPLES = 10_000_000
"""Samples one question may load, 16 bytes each."""

MAX_SERIES = 20_000
"""Series one selector may choose."""


@dataclass(frozen=True, slots=True)
class Series:
    """Samples of one series, oldest first; no two have the same time."""

    labels: Labels
    times_ns: npt.NDArray[np.int64]
    values: Floats


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a selector needs: samples in (after_ns, until_ns]."""

    matchers: tuple[Matcher, ...]
    after_ns: int
    until_ns: int
    window_ns: int
    """Length of the windows they are looked at through: several samples should lie in each."""
    tenant: TenantId
    timeout_s: float


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a metric is; `kind` is counter, gauge, histogram, summary or unknown."""

    kind: str
    help: str
    unit: str = ""


class SeriesSource(Protocol):
    """Safe from several threads."""

    def select(self, wanted: Wanted) -> list[Series]:
        """Series that fulfil all matchers and have a sample in the range; labels hold the name as `__name__`.

        Raises:
            InvalidInput: there are more of them than one question may load.
        """

    def labels(self, wanted: Wanted) -> list[Labels]:
        """Label sets of the series `select` would give, or of somewhat more: no samples are read for it."""

    def metadata(self) -> Mapping[str, Metadata]:
        """By name of metric."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Several sources as one. Their metrics have different names."""

    sources: Sequence[SeriesSource]

    def select(self, wanted: Wanted) -> list[Series]:
        found = [series for source in self.sources for series in source.select(wanted)]
        check_samples(sum(len(series.times_ns) for series in found))
        return found

    def labels(self, wanted: Wanted) -> list[Labels]:
        return [labels for source in self.sources for labels in source.labels(wanted)]

    def metadata(self) -> Mapping[str, Metadata]:
        return {name: each for source in self.sources for name, each in source.metadata().items()}


@dataclass(frozen=True, slots=True)
class SeriesInMemory:
    """A source of given series."""

    series: Sequence[Series]

    def select(self, wanted: Wanted) -> list[Series]:
        found = []
        for each in self.series:
            if not chosen(wanted.matchers, each.labels):
                continue
            inside = slice(*np.searchsorted(each.times_ns, [wanted.after_ns, wanted.until_ns], side="right"))
            if inside.stop > inside.start:
                found.append(Series(each.labels, each.times_ns[inside], each.values[inside]))
        return found

    def labels(self, wanted: Wanted) -> list[Labels]:
        return [series.labels for series in self.select(wanted)]

    def metadata(self) -> Mapping[str, Metadata]:
        return {}


def chosen(matchers: Sequence[Matcher], labels: Labels) -> bool:
    """A label that is absent has the value ""."""
    pairs = dict(labels)
    return all(matches(each, pairs.get(each.name, "")) for each in matchers)


def check_samples(count: int) -> None:
    if count > MAX_SAMPLES:
        raise InvalidInput("query processing would load too many samples into memory in query execution")
