"""What a Prometheus metric is declared as, and how values become what an endpoint shows."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

Shown = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily
"""What an endpoint shows of one family."""
Labels = tuple[str, ...]
"""A value for each label of a family, in their order."""


class FamilyKind(StrEnum):
    """How a family's values behave."""

    COUNTER = "counter"
    """Only grows; begins at 0 with the process."""
    GAUGE = "gauge"
    """Goes up and down."""
    HISTOGRAM = "histogram"
    """How often a measure was at or below each of some bounds."""


@dataclass(frozen=True)
class Family:
    """One metric by its name, with all its labels."""

    name: str
    """As queries write it. That of a counter ends with _total; of a histogram they write it with _bucket, _sum or _count behind it."""
    kind: FamilyKind
    labels: Labels
    help: str
    bounds: tuple[float, ...] = ()
    """Of a histogram."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names that a query can use."""
        return tuple(self.name + end for end in ("_bucket", "_sum", "_count")) if self.kind is FamilyKind.HISTOGRAM else (self.name,)

    def shown(self, values: Mapping[Labels, float]) -> Shown:
        """The counter or gauge with these values."""
        made = (CounterMetricFamily if self.kind is FamilyKind.COUNTER else GaugeMetricFamily)(self.name, self.help, labels=self.labels)
        for labels, value in values.items():
            made.add_metric(labels, value)
        return made

    def shown_distributions(self, values: Mapping[Labels, Distribution]) -> Shown:
        """The histogram with these distributions."""
        made = HistogramMetricFamily(self.name, self.help, labels=self.labels)
        for labels, distribution in values.items():
            made.add_metric(labels, distribution.buckets(), distribution.sum)
        return made


class Distribution:
    """A measure taken many times: how often it was at or below each bound, and the sum. One thread adds, any may look."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self.sum = 0.0

    def add(self, measure: float) -> None:
        """Take one in."""
        self._counts[bisect_left(self._bounds, measure)] += 1
        self.sum += measure

    def buckets(self) -> list[tuple[str, float]]:
        """By bound how many were at or below it; the last is +Inf, which is all of them."""
        found, count = [], 0
        for bound, each in zip((*map(str, map(float, self._bounds)), "+Inf"), self._counts, strict=True):
            count += each
            found.append((bound, float(count)))
        return found
