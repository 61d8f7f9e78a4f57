"""The metrics, and the vocabulary they are declared with. Nothing here does IO."""

from src.preprocess.expression import coalesce, col, greatest, least, lit, sqrt, when
from src.preprocess.metric import Metric, Window
from src.preprocess.statistics import Count, First, Last, Max, Mean, Min, PerMarket, PerRegion, StdDev, Sum, Vwap

__all__ = [
    "Count",
    "First",
    "Last",
    "Max",
    "Mean",
    "Metric",
    "Min",
    "PerMarket",
    "PerRegion",
    "StdDev",
    "Sum",
    "Vwap",
    "Window",
    "coalesce",
    "col",
    "greatest",
    "least",
    "lit",
    "sqrt",
    "when",
]
