"""Metrics with every word of the vocabulary, for what the project's own metrics leave unused."""

from __future__ import annotations

from dataclasses import replace

from src.preprocess import Count, First, Last, Max, Mean, Metric, Min, StdDev, Sum, Vwap, Window, col, when
from src.preprocess.organization import SparkCoinAverageQueryOrganization

EACH = {
    "count": Count(),
    "sum": Sum("price"),
    "mean": Mean("price"),
    "low": Min("price"),
    "high": Max("price"),
    "first": First("price"),
    "last": Last("price"),
    "deviation": StdDev("price"),
    "vwap": Vwap("price", size="volume_24h"),
}
KOREAN = {f"korean_{name}": stat.only(col("region").equals("korea")) for name, stat in EACH.items()}


class Everything(SparkCoinAverageQueryOrganization):
    """Each statistic of the vocabulary, with and without `where` and `over`, in windows of several lengths."""

    def cal_each(self) -> Metric:
        longer = {f"longer_{name}": replace(stat, over="3 minutes") for name, stat in EACH.items()}
        return Metric("each", Window("1 minute", "20 seconds"), ("symbol", "market", "quote"), {**EACH, **KOREAN, **longer})

    def cal_packed(self) -> Metric:
        """Keys that another metric has outside of a pack, and one that may be null."""
        stats = {**EACH, **KOREAN, "least_quote": Min("quote"), "last_quote": Last("quote"), "instruments": Count("instrument")}
        return Metric("packed", Window("1 minute", "20 seconds"), ("symbol", "market", "rate_source"), stats, packed=("market", "rate_source"))

    def cal_sides(self) -> Metric:
        """A key that may be null, and counts of texts."""
        return Metric("sides", Window("1 minute"), ("rate_source",), {"quotes": Count("quote"), "sources": Count("bank_rate_source")})

    def cal_slow(self) -> Metric:
        stats = {"share": Mean(when(col("late"), 1.0, 0.0)), "newest": Max("event_time"), "last_quote": Last("quote")}
        return Metric("slow", Window("4 minutes"), (), stats, time="received_time")
