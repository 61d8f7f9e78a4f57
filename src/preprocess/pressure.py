"""Whether takers buy or sell, and whether a minute's volume and range stand out."""

from __future__ import annotations

from src.config.settings import Settings
from src.preprocess.candles import PRICE_KEYS, taker_statistics, taker_volumes
from src.preprocess.expression import col, greatest, when
from src.preprocess.metric import Metric, Window
from src.preprocess.statistics import Count, Max, Min, Sum

PERCENT = 100.0
_MINUTES = 20
_SPAN = f"{_MINUTES + 1} minutes"
"""The minutes that the mean is taken over, and the window's own."""


def buy_sell_pressure(settings: Settings) -> Metric:
    """`buy_sell_pressure`; TradeQueryOrganization.cal_buy_sell_pressure says what the columns mean."""
    counted, gap_mark = col("counted"), col("gap_mark")
    # Counts tell exactly whether there was anything: the difference of two sums may leave a rounding.
    earlier_trades = col("_span_trades") - col("trades")
    earlier_marks = col("_span_marks") - col("_marks")
    earlier_volume = greatest(col("_span_volume") - col("volume"), 0.0)
    return Metric(
        "buy_sell_pressure",
        Window("1 minute"),
        keys=PRICE_KEYS,
        where=counted | gap_mark,
        having=col("trades") > 0,
        headline=("buy_volume", "sell_volume", "buy_sell_ratio", "buy_pressure", "volume_surge", "wide_range"),
        stats={
            "high": Max("price", where=counted),
            "low": Min("price", where=counted),
            "volume": Sum("size", where=counted),
            "trades": Count(where=counted),
            **taker_statistics(),
            "_marks": Count(where=gap_mark),
            "_span_volume": Sum("size", where=counted, over=_SPAN),
            "_span_trades": Count(where=counted, over=_SPAN),
            "_span_marks": Count(where=gap_mark, over=_SPAN),
        },
        derived={
            **taker_volumes(),
            "buy_sell_ratio": col("buy_volume") / col("sell_volume"),
            "mean_volume_20_minutes": when((earlier_trades > 0) & earlier_marks.equals(0), earlier_volume / float(_MINUTES)),
            "range_percent": (col("high") - col("low")) / col("low") * PERCENT,
            "buy_pressure": col("buy_volume") > col("sell_volume") * settings.pressure_buy_ratio,
            "volume_surge": col("volume") > col("mean_volume_20_minutes") * settings.pressure_volume_ratio,
            "wide_range": col("range_percent") > settings.pressure_range_percent,
        },
    )
