"""Spark sessions, the streaming jobs, and the planner that runs all metrics in one pass.

A program of one's own needs nothing else: `from src.setting import SparkStreamingTicker, TickerQueryOrganization, Metric, ...`.
"""

from src.collect.options import CollectOptions, SourceChoice
from src.command.own_job import run_job
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
from src.setting.abstract import AbstractSparkSettingOrganization
from src.setting.jobs import SparkStreamingOrderbook, SparkStreamingTicker, SparkStreamingTrade
from src.setting.streaming import SparkStreamingCoinAverage

__all__ = [
    "AbstractSparkSettingOrganization",
    "CollectOptions",
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
    "SourceChoice",
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
    "run_job",
    "sqrt",
    "when",
]
