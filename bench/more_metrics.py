"""Jobs with more metrics than the four of the ticker: a user's own, each added as a method of a subclass."""

from __future__ import annotations

from typing import ClassVar

from src.preprocess.expression import col
from src.preprocess.metric import Metric, Window
from src.preprocess.organization import SparkCoinAverageQueryOrganization
from src.preprocess.statistics import Count, First, Last, Max, Mean, Min, PerMarket, PerRegion, Statistic, StdDev, Sum, Vwap
from src.preprocess.ticker import TickerQueryOrganization
from src.setting.jobs import SparkStreamingTicker

_MINUTE = Window("1 minute")
_FIVE_MINUTES = Window("5 minutes", "1 minute")


def _by_pair(name: str, window: Window = _MINUTE, **statistics: Statistic) -> Metric:
    return Metric(name, window, keys=("symbol", "market"), where=col("priced"), stats=statistics)


class EightMetrics(TickerQueryOrganization):
    """The four and four of a user's."""

    def cal_price_range(self) -> Metric:
        """High minus low of each market, USD, per minute."""
        return Metric(
            "price_range",
            _MINUTE,
            keys=("symbol", "market"),
            where=col("priced"),
            stats={"high_price_usd": Max("price_usd"), "low_price_usd": Min("price_usd")},
            derived={"price_range_usd": col("high_price_usd") - col("low_price_usd")},
        )

    def cal_quoted_spread(self) -> Metric:
        """Mean of ask minus bid in percent of the bid, 5-minute windows every minute."""
        return _by_pair("quoted_spread", _FIVE_MINUTES, spread_percent=Mean((col("ask") - col("bid")) / col("bid") * 100.0))

    def cal_region_volume(self) -> Metric:
        """Base coin traded in each region per minute."""
        return Metric("region_volume", _MINUTE, keys=("symbol",), where=col("priced"), stats={"volume": PerRegion(Sum("traded_volume"))})

    def cal_market_volatility(self) -> Metric:
        """Sample deviation of each market's price, USD, 5-minute windows every minute."""
        stats = {"price_deviation_usd": PerMarket(StdDev("price_usd"))}
        return Metric("market_volatility", _FIVE_MINUTES, keys=("symbol",), where=col("priced"), stats=stats)


class SixteenMetrics(EightMetrics):
    """The four and twelve of a user's."""

    def cal_first_and_last(self) -> Metric:
        """First and last price of each market, USD, per minute."""
        return _by_pair("first_and_last", first_price_usd=First("price_usd"), last_price_usd=Last("price_usd"))

    def cal_weighted_price(self) -> Metric:
        """Price weighted with what is bid, USD, per minute."""
        return _by_pair("weighted_price", weighted_price_usd=Vwap("price_usd", size="bid_size"))

    def cal_record_rate(self) -> Metric:
        """Records of each market per minute."""
        return _by_pair("record_rate", records=Count())

    def cal_best_bid(self) -> Metric:
        """Greatest and last bid of each market, quote currency, per minute."""
        return _by_pair("best_bid", high_bid=Max("bid"), last_bid=Last("bid"))

    def cal_best_ask(self) -> Metric:
        """Least and last ask of each market, quote currency, per minute."""
        return _by_pair("best_ask", low_ask=Min("ask"), last_ask=Last("ask"))

    def cal_turnover(self) -> Metric:
        """Mean of the rolling 24 h quote volume, quote currency, 5-minute windows every minute."""
        return _by_pair("turnover", _FIVE_MINUTES, mean_quote_volume_24h=Mean("quote_volume_24h"))

    def cal_day_position(self) -> Metric:
        """Where the price lies between the day's low (0) and high (1), mean of 5-minute windows every minute."""
        return _by_pair("day_position", _FIVE_MINUTES, position=Mean((col("price") - col("low")) / (col("high") - col("low"))))

    def cal_size_imbalance(self) -> Metric:
        """Mean of what is bid minus what is asked, base coin, 5-minute windows every minute."""
        return _by_pair("size_imbalance", _FIVE_MINUTES, size_imbalance=Mean(col("bid_size") - col("ask_size")))


class EightMetricsTicker(SparkStreamingTicker):
    """The ticker job with eight metrics."""

    query_organization: ClassVar[type[SparkCoinAverageQueryOrganization]] = EightMetrics


class SixteenMetricsTicker(SparkStreamingTicker):
    """The ticker job with sixteen metrics."""

    query_organization: ClassVar[type[SparkCoinAverageQueryOrganization]] = SixteenMetrics
