"""What every query organization shares: how `cal_*` methods become metrics, and the metric that counts the input itself."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from src.config.settings import Settings
from src.errors import ConfigurationError
from src.preprocess.computed import Computed
from src.preprocess.expression import Expression, col, lit
from src.preprocess.metric import Metric, Window
from src.preprocess.series import SeriesMetric
from src.preprocess.statistics import Count, Max, Mean
from src.preprocess.venues import Venue, venues


class SparkCoinAverageQueryOrganization:
    """The metrics of one kind of record. Every method named `cal_*` returns a `Metric` or `SeriesMetric`; a subclass adds one by adding a method.

    `cal_*` and `coin_main_columns` are called once, when a job is built, and must not touch Spark or any server. A mistake in a
    metric is a ConfigurationError before anything starts.
    """

    channel: ClassVar[str] = "ticker"
    """The kind of records, as the command of the job is called."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.venues: tuple[Venue, ...] = venues(settings)

    @property
    def markets(self) -> tuple[str, ...]:
        """The configured markets, in the settings' order."""
        return tuple(venue.market for venue in self.venues)

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions that have a configured market, in order of first appearance."""
        return tuple(dict.fromkeys(venue.region.value for venue in self.venues))

    def coin_main_columns(self) -> Mapping[str, Expression]:
        """Columns added to every record before any metric sees it, by name, over the record's columns and those before it.

        Plug point: extend the mapping of `super()` to give all metrics of a job another column. `accepted` is what metrics filter by.
        """
        comparable: Expression = lit(value=False)
        for venue in self.venues:
            comparable = comparable | (col("market").equals(venue.market) & col("quote").equals(venue.quote))
        return {
            "channel": lit(self.channel),
            # The identity of a price is (market, symbol, quote, instrument): metrics across markets compare spot in one quote a venue.
            "comparable": comparable & col("instrument").equals("spot"),
            # No record says the delivery day: several contracts would be one price.
            "dated": col("instrument").equals("future") | col("instrument").equals("option"),
            "accepted": col("problem").is_null() & ~col("late") & col("comparable"),
        }

    def cal_input_quality(self) -> Metric:
        """What came in, per market and minute of reception, so that nothing is left out unseen.

        channel: the job's; records: all; late: received later after the event than allowed, not used; without_usd_rate: accepted, but no fresh
        market gave a rate, so left out of USD metrics; not_comparable: another instrument or quote than the venue's; dated_contracts: of those the
        futures and options, whose delivery day no record says, used nowhere; malformed: to the dead letters; delay_ms: mean of reception minus
        event, of the rest; newest_event_time, newest_received_time: ms since 1970 UTC.
        """
        fine = col("problem").is_null()
        return Metric(
            "input_quality",
            Window("1 minute"),
            keys=("channel", "market"),
            time="received_time",
            stats={
                "records": Count(),
                "late": Count(where=fine & col("late")),
                "without_usd_rate": Count(where=col("accepted") & col("usd_rate").is_null()),
                "not_comparable": Count(where=fine & ~col("comparable")),
                "dated_contracts": Count(where=fine & col("dated")),
                "malformed": Count(where=~fine),
                "delay_ms": Mean(col("received_time") - col("event_time"), where=fine & ~col("late")),
                "newest_event_time": Max("event_time", where=fine),
                "newest_received_time": Max("received_time", where=fine),
            },
        )

    def computed(self) -> tuple[Computed, ...]:
        """Plug point: columns computed of whole records, which main columns and metrics may read. Extend the tuple of `super()`."""
        return ()

    def metrics(self) -> tuple[Metric, ...]:
        """The metrics of windows, base class first, in the order of their methods; descriptions are the methods' docstrings."""
        return tuple(metric.resolved(self.markets, self.regions) for metric in self._declared() if isinstance(metric, Metric))

    def series(self) -> tuple[SeriesMetric, ...]:
        """The metrics over closed windows of others, in the same order."""
        return tuple(metric for metric in self._declared() if isinstance(metric, SeriesMetric))

    def _declared(self) -> list[Metric | SeriesMetric]:
        names = dict.fromkeys(name for owner in reversed(type(self).__mro__) for name in vars(owner) if name.startswith("cal_"))
        found: list[Metric | SeriesMetric] = []
        for name in names:
            method = getattr(self, name)
            metric = method()
            if not isinstance(metric, Metric | SeriesMetric):
                raise ConfigurationError(f"{type(self).__name__}.{name} must return a Metric, not {type(metric).__name__}")
            found.append(replace(metric, description=metric.description or inspect.getdoc(method) or ""))
        for attribute in ("name", "topic"):
            values = [getattr(metric, attribute) for metric in found]
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                raise ConfigurationError(f"{type(self).__name__}: two metrics have the {attribute} {', '.join(twice)}")
        return found
