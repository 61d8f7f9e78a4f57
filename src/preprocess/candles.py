"""Candles and mean prices of trades, per price: market, symbol, quote and instrument."""

from __future__ import annotations

from src.preprocess.expression import Expression, coalesce, col, when
from src.preprocess.metric import Metric, Window
from src.preprocess.statistics import Count, First, Last, Max, Mean, Min, Statistic, Sum

PRICE_KEYS = ("symbol", "market", "quote", "instrument")
"""What identifies a price."""
INTERVALS = {
    "1m": Window("1 minute"),
    "5m": Window("5 minutes"),
    "15m": Window("15 minutes"),
    "1h": Window("1 hour"),
    "1d": Window("1 day"),
    # Korea is 9 hours ahead: its days begin at 15:00 UTC.
    "1d_kst": Window("1 day", offset="15 hours"),
    # 1970 began on a Thursday; weeks begin on Mondays.
    "1w": Window("7 days", offset="4 days"),
    "1w_kst": Window("7 days", offset="87 hours"),
}


def candles() -> Metric:
    """`candles`; TradeQueryOrganization.cal_candles says what the columns mean."""
    counted = col("counted")
    missing = col("gap_mark") | col("left_out")
    numbered = counted & col("consecutive") & col("trade_number").is_not_null()
    numbers = col("_last_number") - col("_first_number") + 1.0
    is_proven = numbers.equals(col("trades")) & col("_numbered").equals(col("trades"))
    return Metric(
        "candles",
        INTERVALS,
        keys=PRICE_KEYS,
        where=counted | missing,
        having=col("trades") > 0,
        headline=("open", "high", "low", "close", "volume", "trades", "complete"),
        stats={
            "open": First("price", where=counted, order="trade_number"),
            "high": Max("price", where=counted),
            "low": Min("price", where=counted),
            "close": Last("price", where=counted, order="trade_number"),
            "volume": Sum("size", where=counted),
            "quote_volume": Sum("notional", where=counted),
            "trades": Count(where=counted),
            **taker_statistics(),
            "first_trade_id": First("trade_id", where=counted, order="trade_number"),
            "last_trade_id": Last("trade_id", where=counted, order="trade_number"),
            "_first_number": Min("trade_number", where=numbered),
            "_last_number": Max("trade_number", where=numbered),
            "_numbered": Count(where=numbered),
            "_missing": Count(where=missing),
        },
        derived={
            **taker_volumes(),
            "vwap": col("quote_volume") / col("volume"),
            "complete": when((col("_missing") > 0) | (numbers > col("trades")), "gap", when(is_proven, "proven", "no_known_gap")),
        },
    )


def average_price() -> Metric:
    """`average_price`; TradeQueryOrganization.cal_average_price says what the columns mean."""
    return Metric(
        "average_price",
        Window("10 seconds"),
        keys=PRICE_KEYS,
        where=col("counted"),
        headline=("mean_price", "vwap", "mean_price_usd", "volume"),
        stats={
            "mean_price": Mean("price"),
            "mean_price_usd": Mean(col("price") * col("usd_rate")),
            "volume": Sum("size"),
            "trades": Count(),
            "_notional": Sum("notional"),
        },
        derived={"vwap": col("_notional") / col("volume")},
    )


def taker_statistics() -> dict[str, Statistic]:
    """What `taker_volumes` is derived from."""
    counted = col("counted")
    return {
        "_bought": Sum("size", where=counted & col("side").equals("buy")),
        "_sold": Sum("size", where=counted & col("side").equals("sell")),
        "_sided": Count(where=counted & col("side").is_not_null()),
    }


def taker_volumes() -> dict[str, Expression]:
    """Base coin that takers bought and sold: 0 where none did, null where no trade says its side."""
    sided = col("_sided") > 0
    return {"buy_volume": when(sided, coalesce(col("_bought"), 0.0)), "sell_volume": when(sided, coalesce(col("_sold"), 0.0))}
