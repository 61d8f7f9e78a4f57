"""Spark sessions, the streaming jobs, and the planner that runs all metrics in one pass.

A program of one's own needs nothing else: `from src.setting import SparkStreamingTicker, TickerQueryOrganization, Metric, ...`.
"""

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
from src.preprocess.organization import SparkCoinAverageQueryOrganization
from src.preprocess.ticker import TickerQueryOrganization
from src.setting.abstract import AbstractSparkSettingOrganization
from src.setting.streaming import SparkStreamingCoinAverage, SparkStreamingTicker

__all__ = [
    "AbstractSparkSettingOrganization",
    "Count",
    "First",
    "Last",
    "Max",
    "Mean",
    "Metric",
    "Min",
    "PerMarket",
    "PerRegion",
    "Settings",
    "SparkCoinAverageQueryOrganization",
    "SparkStreamingCoinAverage",
    "SparkStreamingTicker",
    "StdDev",
    "Sum",
    "TickerQueryOrganization",
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
