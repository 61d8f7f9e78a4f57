"""Statistics travel as doubles: one that would round a whole number above 2**53 is refused before anything runs."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from src.config.settings import Settings
from src.errors import ConfigurationError
from src.panes.reading import Reading
from src.preprocess.admission import Admission
from src.preprocess.expression import Expression, coalesce, col, when
from src.preprocess.metric import Metric, Window
from src.preprocess.orderbook import OrderbookQueryOrganization
from src.preprocess.statistics import Count, First, Last, Max, Mean, Min, Statistic, StdDev, Sum, Vwap
from src.schema.record_kinds import large_columns
from src.schema.records import OrderBook, Ticker, Trade
from src.setting.planner import Plan

SEQUENCE = col("sequence")


def plan(stat: Statistic, keys: tuple[str, ...] = ("market",)) -> Plan:
    class Own(OrderbookQueryOrganization):
        def coin_main_columns(self) -> Mapping[str, Expression]:
            return {**super().coin_main_columns(), "numbered": coalesce(SEQUENCE, 0)}

        def cal_own(self) -> Metric:
            return Metric("own", Window("1 minute"), keys, {"newest": stat})

    organization = Own(Settings())
    return Plan(organization, Reading(OrderBook, Admission.of(organization.settings), frozenset(), organization.computed()))


def test_only_what_is_not_bounded_to_2_to_the_53_may_pass_it() -> None:
    assert (large_columns(OrderBook), large_columns(Trade), large_columns(Ticker)) == ({"sequence"}, set(), set())


@pytest.mark.parametrize(
    "stat",
    [
        Sum("sequence"),
        Mean("sequence"),
        StdDev("sequence"),
        Min("sequence"),
        Max("sequence"),
        First("sequence"),
        Last("sequence"),
        Last("numbered"),
        Sum(SEQUENCE - 1),
        Last(when(col("valid"), SEQUENCE)),
        Last("event_time", order="sequence"),
        Vwap("usd_rate", size="sequence"),
    ],
)
def test_a_statistic_that_would_round_is_refused_and_named(stat: Statistic) -> None:
    with pytest.raises(ConfigurationError, match=f"metric own: newest is a {type(stat).__name__} of sequence, whose values may pass 2"):
        plan(stat)


@pytest.mark.parametrize("stat", [Count(where=SEQUENCE > 2**53), Count("sequence"), Last("event_time"), Max(when(SEQUENCE.is_null(), 0, 1))])
def test_what_carries_it_exactly_or_not_at_all_is_not(stat: Statistic) -> None:
    assert [column.name for column in plan(stat, ("market", "sequence")).tables[-1].columns][3:5] == ["market", "sequence"]
