"""Spark sessions, the streaming jobs, and the planner that runs all metrics in one pass.

A program of one's own needs nothing else: `from src.setting import SparkStreamingTicker, TickerQueryOrganization, Metric, ...`.
What needs Spark is loaded when it is asked for, so that whoever reads a job's status need not wait for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from src.config import Settings, load_settings
from src.preprocess import (
    Count,
    First,
    Last,
    Max,
    Mean,
    Metric,
    Min,
    PerMarket,
    PerRegion,
    StdDev,
    Sum,
    Vwap,
    Window,
    coalesce,
    col,
    greatest,
    least,
    lit,
    sqrt,
    when,
)
from src.preprocess.computed import Computed
from src.preprocess.orderbook import OrderbookQueryOrganization
from src.preprocess.organization import SparkCoinAverageQueryOrganization
from src.preprocess.series import Series, SeriesMetric
from src.preprocess.ticker import TickerQueryOrganization
from src.preprocess.trade import TradeQueryOrganization

if TYPE_CHECKING:
    from src.setting.abstract import AbstractSparkSettingOrganization
    from src.setting.jobs import SparkStreamingOrderbook, SparkStreamingTicker, SparkStreamingTrade
    from src.setting.streaming import SparkStreamingCoinAverage

_OF_SPARK = {
    "AbstractSparkSettingOrganization": "src.setting.abstract",
    "SparkStreamingCoinAverage": "src.setting.streaming",
    "SparkStreamingOrderbook": "src.setting.jobs",
    "SparkStreamingTicker": "src.setting.jobs",
    "SparkStreamingTrade": "src.setting.jobs",
}

__all__ = [
    "AbstractSparkSettingOrganization",
    "Computed",
    "Count",
    "First",
    "Last",
    "Max",
    "Mean",
    "Metric",
    "Min",
    "OrderbookQueryOrganization",
    "PerMarket",
    "PerRegion",
    "Series",
    "SeriesMetric",
    "Settings",
    "SparkCoinAverageQueryOrganization",
    "SparkStreamingCoinAverage",
    "SparkStreamingOrderbook",
    "SparkStreamingTicker",
    "SparkStreamingTrade",
    "StdDev",
    "Sum",
    "TickerQueryOrganization",
    "TradeQueryOrganization",
    "Vwap",
    "Window",
    "coalesce",
    "col",
    "greatest",
    "least",
    "lit",
    "load_settings",
    "sqrt",
    "when",
]


def __getattr__(name: str) -> Any:
    """Load what needs Spark (PEP 562)."""
    if name in _OF_SPARK:
        return getattr(import_module(_OF_SPARK[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
