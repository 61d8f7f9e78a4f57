"""The ticker metrics: time windows, arbitrage between regions and between markets, and signals."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import ClassVar

from src.preprocess.admission import LARGEST
from src.preprocess.expression import Expression, coalesce, col, greatest, least, lit, when
from src.preprocess.metric import Metric, Window
from src.preprocess.organization import SparkCoinAverageQueryOrganization
from src.preprocess.statistics import Count, First, Last, Max, Mean, Min, PerMarket, PerRegion, StdDev, Sum

PERCENT = 100.0


class TickerQueryOrganization(SparkCoinAverageQueryOrganization):
    """The ticker job's metrics.

    "usd" in a name means USDT taken at par, at the rate that travels in the record; "bank_usd" a bank's dollars: a price in KRW at the bank's rate
    in the record, one in USD as it is, one in USDT at par, as no bank has a rate of it.
    """

    channel: ClassVar[str] = "ticker"

    def coin_main_columns(self) -> Mapping[str, Expression]:
        """Add `price_usd`, `price_bank_usd`, and `priced`: accepted and with a USD price."""
        bank = col("bank_usd_rate")
        return {
            **super().coin_main_columns(),
            "price_usd": col("price") * col("usd_rate"),
            "priced": col("accepted") & col("price_usd").is_not_null(),
            "price_bank_usd": col("price")
            * when(
                bank.is_null(),
                when(col("quote").equals("USD") | col("quote").equals("USDT"), 1.0),
                # Whatever else a record says is no rate, and of no use to a mean.
                when((bank > 0.0) & (bank < LARGEST), bank),
            ),
        }

    def cal_time_based_metrics(self) -> Metric:
        """Price and volume by region, 1-minute windows every 30 seconds.

        mean_price_usd, high_price_usd, low_price_usd: of the records' last prices, USD; price_deviation_usd: their sample deviation, USD;
        records: how many; ma_price: mean price over the 5 minutes that end with the window, USD; volume: traded in the window, base coin,
        where every market of the region counts it (else null); ma_volume: traded per minute over those 5 minutes, base coin;
        volume_24h_change: by how much the venues' rolling 24 h volumes moved within the window, base coin (not traded volume).
        """
        moves = [col(f"_last_volume_24h_{market}") - col(f"_first_volume_24h_{market}") for market in self.markets]
        total: Expression = lit(0.0)
        for move in moves:
            total = total + coalesce(move, 0.0)
        return Metric(
            "time_metrics",
            Window("1 minute", "30 seconds"),
            keys=("symbol", "region"),
            where=col("priced"),
            topic="TimeProcessedCoin",
            headline=("mean_price_usd", "high_price_usd", "low_price_usd", "price_deviation_usd", "records", "ma_price", "volume"),
            stats={
                "mean_price_usd": Mean("price_usd"),
                "high_price_usd": Max("price_usd"),
                "low_price_usd": Min("price_usd"),
                "price_deviation_usd": StdDev("price_usd"),
                "records": Count(),
                "ma_price": Mean("price_usd", over="5 minutes"),
                "_traded": Sum("traded_volume"),
                "_untold": Count(where=col("traded_volume").is_null()),
                "_ma_traded": Sum("traded_volume", over="5 minutes"),
                "_ma_untold": Count(where=col("traded_volume").is_null(), over="5 minutes"),
                "_first_volume_24h": PerMarket(First("volume_24h")),
                "_last_volume_24h": PerMarket(Last("volume_24h")),
            },
            derived={
                "volume": when(col("_untold").equals(0), col("_traded")),
                "ma_volume": when(col("_ma_untold").equals(0), col("_ma_traded") / 5.0),
                "volume_24h_change": when(coalesce(*moves).is_not_null(), total),
            },
        )

    def cal_arbitrage(self) -> Metric:
        """Mean price of each region and the premium between each pair, 5-minute windows every minute.

        mean_price_usd_<region>: USD, null without records; spread_usd_<a>_<b>: price of a minus price of b, USD;
        premium_percent_<a>_<b>: how much dearer a is than b, percent of b's price. A region whose last record is older than the allowed age,
        against the newest event of the window, leaves spreads and premiums. mean_price_bank_usd_<region>: of the same records in a bank's USD, null
        where none has its rate; spread_bank_usd_<a>_<b>: price of a minus price of b, a bank's USD; bank_premium_percent_<a>_<b>: how much dearer a
        is than b at the bank's rate, percent of b's price. Of Korea and another region the two premiums differ by what USDT costs in
        Korea above a dollar at the bank.
        """
        derived: dict[str, Expression] = {}
        for region in self.regions:
            derived[f"_fresh_{region}"] = self._fresh(f"mean_price_usd_{region}", f"_last_time_{region}")
            derived[f"_fresh_bank_{region}"] = self._fresh(f"mean_price_bank_usd_{region}", f"_last_bank_time_{region}")
        for fresh, spread_usd, premium in (("_fresh", "spread_usd", "premium_percent"), ("_fresh_bank", "spread_bank_usd", "bank_premium_percent")):
            for one, other in combinations(self.regions, 2):
                spread = col(f"{fresh}_{one}") - col(f"{fresh}_{other}")
                derived[f"{spread_usd}_{one}_{other}"] = spread
                derived[f"{premium}_{one}_{other}"] = spread / col(f"{fresh}_{other}") * PERCENT
        with_bank_rate = col("price_bank_usd").is_not_null()
        return Metric(
            "arbitrage",
            Window("5 minutes", "1 minute"),
            keys=("symbol",),
            where=col("priced"),
            stats={
                "mean_price_usd": PerRegion(Mean("price_usd")),
                "mean_price_bank_usd": PerRegion(Mean("price_bank_usd")),
                "_last_time": PerRegion(Max("event_time")),
                "_last_bank_time": PerRegion(Max("event_time", where=with_bank_rate)),
                "_newest": Max("event_time"),
            },
            derived=derived,
            headline=tuple(name for name in derived if name.startswith("premium_percent")),
        )

    def cal_market_arbitrage(self) -> Metric:
        """Last price of each market and the best premium over all pairs of them, 5-minute windows every minute.

        last_price_usd_<market>: USD; age_seconds_<market>: of that price, against the newest event of the window; high_market and low_market:
        where the coin is dearest and cheapest among prices not older than allowed (of equal ones the first in the settings);
        best_spread_usd: between those two, USD; best_premium_percent: the same in percent of the low price; null below two fresh markets.
        """
        derived: dict[str, Expression] = {}
        for market in self.markets:
            derived[f"age_seconds_{market}"] = (col("_newest") - col(f"_last_time_{market}")) / 1000.0
            derived[f"_fresh_{market}"] = self._fresh(f"last_price_usd_{market}", f"_last_time_{market}")
        fresh = {market: col(f"_fresh_{market}") for market in self.markets}
        count: Expression = lit(0)
        for price in fresh.values():
            count = count + when(price.is_null(), 0.0, 1.0)
        derived["_compared"] = count > 1.0
        derived["_high"] = when(col("_compared"), greatest(*fresh.values()))
        derived["_low"] = when(col("_compared"), least(*fresh.values()))
        derived["high_market"] = coalesce(*(when(price.equals(col("_high")), market) for market, price in fresh.items()))
        derived["low_market"] = coalesce(*(when(price.equals(col("_low")), market) for market, price in fresh.items()))
        derived["best_spread_usd"] = col("_high") - col("_low")
        derived["best_premium_percent"] = col("best_spread_usd") / col("_low") * PERCENT
        return Metric(
            "market_arbitrage",
            Window("5 minutes", "1 minute"),
            keys=("symbol",),
            where=col("priced"),
            stats={
                "last_price_usd": PerMarket(Last("price_usd")),
                "_last_time": PerMarket(Max("event_time")),
                "_newest": Max("event_time"),
            },
            derived=derived,
            headline=("best_premium_percent", "best_spread_usd", "high_market", "low_market"),
        )

    def cal_market_arbitrage_signal(self) -> Metric:
        """How far a market's price and 24 h volume moved, 5-minute windows every minute.

        first_price, last_price: quote currency of the market (so that a move of the USD rate is no signal); price_change_percent: last
        against first; volume_24h_change_percent: the same of the venue's rolling 24 h volume; volatility_percent: sample deviation of the price
        in percent of its mean; records: how many; signal: PRICE_ALERT, VOLUME_SURGE, both joined by a comma, or null.
        """
        price_alert = abs(col("price_change_percent")) >= self.settings.price_alert_percent
        volume_surge = col("volume_24h_change_percent") >= self.settings.volume_surge_percent
        return Metric(
            "market_arbitrage_signal",
            Window("5 minutes", "1 minute"),
            keys=("symbol", "market", "region"),
            where=col("accepted") & col("price").is_not_null(),
            headline=("last_price", "price_change_percent", "volume_24h_change_percent", "volatility_percent", "signal"),
            stats={
                "first_price": First("price"),
                "last_price": Last("price"),
                "records": Count(),
                "_first_volume_24h": First("volume_24h"),
                "_last_volume_24h": Last("volume_24h"),
                "_mean_price": Mean("price"),
                "_deviation": StdDev("price"),
            },
            derived={
                "price_change_percent": (col("last_price") - col("first_price")) / col("first_price") * PERCENT,
                "volume_24h_change_percent": (col("_last_volume_24h") - col("_first_volume_24h")) / col("_first_volume_24h") * PERCENT,
                "volatility_percent": col("_deviation") / col("_mean_price") * PERCENT,
                "signal": when(
                    price_alert & volume_surge,
                    "PRICE_ALERT,VOLUME_SURGE",
                    when(price_alert, "PRICE_ALERT", when(volume_surge, "VOLUME_SURGE")),
                ),
            },
        )

    def _fresh(self, price: str, last_time: str) -> Expression:
        """The price while it is not older than allowed, against the newest event of the window (`_newest`)."""
        return when((col("_newest") - col(last_time)) <= self.settings.ticker_max_age_seconds * 1000.0, col(price))
