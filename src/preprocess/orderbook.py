"""The order-book metrics: prices, sizes and spreads by region and market, what can be executed across markets, and how busy futures books are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from src.config.fees import taker_fee_percents
from src.preprocess.book_columns import DISTANCES_BP, BookColumns
from src.preprocess.computed import Computed
from src.preprocess.depth_columns import DEPTH_MARKET, DepthColumns
from src.preprocess.expression import Expression, coalesce, col, greatest, least, when
from src.preprocess.metric import Metric, Window
from src.preprocess.organization import SparkCoinAverageQueryOrganization
from src.preprocess.statistics import Count, Last, Max, Mean, PerMarket, Statistic, Sum

PERCENT = 100.0
DEPTH_SECONDS = 10
_NONE = -1.0
"""Stands for "this book has none": `Last` leaves nulls out and would go on with the value of an older book. All these columns are 0 or more."""
_SIZES = tuple(f"{side}_size{within}_usd" for within in ("", *(f"_within_{distance}bp" for distance in DISTANCES_BP)) for side in ("bid", "ask"))
_AVERAGED = ("best_bid_usd", "best_ask_usd", "mid_usd", "spread_usd", "spread_bp", *_SIZES)
_HEADLINE = ("last_best_bid_usd", "last_best_ask_usd", "mean_spread_bp", "mean_bid_size_usd", "mean_ask_size_usd", "imbalance", "invalid_share")


class OrderbookQueryOrganization(SparkCoinAverageQueryOrganization):
    """The order-book job's metrics. "usd" in a name means USDT taken at par, at the rate that travels in the record."""

    channel: ClassVar[str] = "orderbook"

    def computed(self) -> tuple[Computed, ...]:
        """Add what the levels of a book say, and what a change of a futures book says."""
        return (
            *super().computed(),
            BookColumns(self.settings.book_size_levels, self.settings.executable_notionals_usd),
            DepthColumns(),
        )

    def coin_main_columns(self) -> Mapping[str, Expression]:
        """Add `convertible`: accepted and with a USD rate; and `book_invalid`: said to be so, or its best bid is not below its best ask."""
        return {
            **super().coin_main_columns(),
            "convertible": col("accepted") & col("usd_rate").is_not_null(),
            "book_invalid": ~col("valid") | (coalesce(col("crossed"), 0.0) > 0.0),
        }

    def cal_region_stats(self) -> Metric:
        """Order books by region, 1-minute windows.

        mean_*: over the books in which there is such a value; last_*: of the latest book, null when that is invalid, or empty on that side.
        best_bid_usd, best_ask_usd, mid_usd, spread_usd: USD; spread_bp: basis points of the mid; bid_size_usd, ask_size_usd: price times size, USD,
        of the first levels (COINSPARK_BOOK_SIZE_LEVELS); *_size_within_<n>bp_usd: of the levels at most n basis points from the mid, as far as
        the records reach: mean_bid_reach_bp and mean_ask_reach_bp say how far from the mid that is, basis points;
        imbalance: (bid - ask) / (bid + ask) of mean_bid_size_usd and mean_ask_size_usd, last_imbalance: of the last ones, -1 to 1;
        records: how many, invalid ones too; invalid_share: the share of them whose book was invalid; those count in no other column.
        """
        return self._state("order_cal_region", ("symbol", "region"))

    def cal_all_regions_stats(self) -> Metric:
        """Order books over all regions, 1-minute windows; columns as in order_cal_region, and the best prices across markets.

        best_bid_usd: highest of the markets' last bids, best_ask_usd: lowest of their last asks, USD, of books that are not older than allowed
        (COINSPARK_BOOK_MAX_AGE_SECONDS) against the newest event of the window; best_bid_region, best_bid_market, best_ask_region, best_ask_market:
        where that is (of equal ones the first in the settings).
        """
        metric = self._state("order_cal_all", ("symbol",))
        derived = dict(metric.derived)
        for side, best in (("bid", greatest), ("ask", least)):
            prices = {}
            for venue in self.venues:
                last = col(f"_last_{side}_{venue.market}")
                derived[f"_fresh_{side}_{venue.market}"] = when(self._fresh(f"_last_time_{venue.market}") & (last >= 0.0), last)
                prices[venue] = col(f"_fresh_{side}_{venue.market}")
            found = col(f"best_{side}_usd")
            derived[f"best_{side}_usd"] = best(*prices.values())
            derived[f"best_{side}_region"] = coalesce(*(when(price.equals(found), venue.region.value) for venue, price in prices.items()))
            derived[f"best_{side}_market"] = coalesce(*(when(price.equals(found), venue.market) for venue, price in prices.items()))
        across: dict[str, Statistic | PerMarket] = {
            "_last_bid": PerMarket(_latest("best_bid_usd")),
            "_last_ask": PerMarket(_latest("best_ask_usd")),
            "_last_time": PerMarket(Max("event_time")),
            "_newest": Max("event_time"),
        }
        return replace(
            metric,
            stats={**metric.stats, **across},
            derived=derived,
            headline=("best_bid_usd", "best_bid_market", "best_ask_usd", "best_ask_market", "mean_spread_bp", "imbalance", "invalid_share"),
        )

    def cal_market_stats(self) -> Metric:
        """Order books of each market, 1-minute windows; columns as in order_cal_region."""
        return self._state("order_cal_market", ("symbol", "market", "region"))

    def cal_executable_spread(self) -> Metric:
        """What remains of the premium between two markets when their books are walked, for each ordered pair, 1-minute windows.

        For each notional n (COINSPARK_EXECUTABLE_NOTIONALS_USD): buy_price_usd_<n>: average price of buying for n USD in buy_market, best asks first;
        sell_price_usd_<n>: of selling for n USD in sell_market, best bids first; premium_percent_<n>: (sell - buy) / buy, percent;
        net_premium_percent_<n>: the same after both taker fees (src/config/fees.py has them with their date; COINSPARK_TAKER_FEE_PERCENTS): of
        sell x (1 - fee) over buy x (1 + fee); null where a fee is not known. Prices are of each market's latest book in the window; null when
        that is invalid, too thin for n, or older than allowed (COINSPARK_BOOK_MAX_AGE_SECONDS) against the newest event of the window.
        A pair has a row once both books could be walked for the smallest notional at some time in the window.
        """
        notionals = self.settings.executable_notionals_usd
        stats: dict[str, Statistic | PerMarket] = {"_last_time": PerMarket(Max("event_time")), "_newest": Max("event_time")}
        derived: dict[str, Expression] = {"_buy_fee": self._fee("buy_market"), "_sell_fee": self._fee("sell_market")}
        for leg in ("buy", "sell"):
            # A count only grows. Whether a price is there and fresh at the end does not, and a row that was written stays.
            stats[f"_walked_{leg}"] = PerMarket(Count(where=col(f"{leg}_price_usd_{notionals[0]}").is_not_null()))
        for notional in notionals:
            for leg in ("buy", "sell"):
                stats[f"_{leg}_price_{notional}"] = PerMarket(_latest(f"{leg}_price_usd_{notional}"))
                last = col(f"_{leg}_price_{notional}_{leg}")
                derived[f"{leg}_price_usd_{notional}"] = when(self._fresh(f"_last_time_{leg}") & (last >= 0.0), last)
            buy, sell = col(f"buy_price_usd_{notional}"), col(f"sell_price_usd_{notional}")
            paid, received = buy * (1.0 + col("_buy_fee") / PERCENT), sell * (1.0 - col("_sell_fee") / PERCENT)
            derived[f"premium_percent_{notional}"] = (sell - buy) / buy * PERCENT
            derived[f"net_premium_percent_{notional}"] = (received - paid) / paid * PERCENT
        return Metric(
            "executable_spread",
            Window("1 minute"),
            keys=("symbol",),
            where=col("convertible"),
            stats=stats,
            pairs=tuple(name for name, stat in stats.items() if isinstance(stat, PerMarket)),
            derived=derived,
            having=(col("_walked_buy_buy") > 0) & (col("_walked_sell_sell") > 0),
            headline=tuple(name for name in derived if name.startswith("net_premium_percent")),
        )

    def cal_depth_intensity(self) -> Metric:
        """How busy the books of Binance's perpetuals are, from the changes on `binance-depth`, 10-second windows. Dated contracts are not in it.

        messages_per_second; bid_updates_per_second, ask_updates_per_second: levels changed; bid_size_per_second, ask_size_per_second: sum of the
        sizes that changed levels got, base coin; gaps: marks in the window that messages are missing before them, so the figures may be too low.
        """
        seconds = float(DEPTH_SECONDS)
        return Metric(
            "depth_intensity",
            Window(f"{DEPTH_SECONDS} seconds"),
            keys=("symbol", "market", "quote", "instrument"),
            where=col("problem").is_null() & ~col("late") & ~col("dated") & col("market").equals(DEPTH_MARKET),
            stats={
                "gaps": Count(where=~col("valid")),
                "_messages": Count(where=col("valid")),
                **{f"_{side}_{what}": Sum(f"{side}_{what}") for side in ("bid", "ask") for what in ("updates", "update_size")},
            },
            derived={
                "messages_per_second": col("_messages") / seconds,
                "bid_updates_per_second": col("_bid_updates") / seconds,
                "ask_updates_per_second": col("_ask_updates") / seconds,
                "bid_size_per_second": col("_bid_update_size") / seconds,
                "ask_size_per_second": col("_ask_update_size") / seconds,
            },
        )

    def _state(self, name: str, keys: tuple[str, ...]) -> Metric:
        stats: dict[str, Statistic | PerMarket] = {"records": Count(), "_invalid": Count(where=col("book_invalid"))}
        derived: dict[str, Expression] = {"invalid_share": col("_invalid") / col("records")}
        for column in _AVERAGED:
            stats[f"mean_{column}"] = Mean(column)
            stats[f"_last_{column}"] = _latest(column)
            derived[f"last_{column}"] = when(col(f"_last_{column}") >= 0.0, col(f"_last_{column}"))
        for column in ("bid_reach_bp", "ask_reach_bp"):
            stats[f"mean_{column}"] = Mean(column)
        derived["imbalance"] = _imbalance("mean")
        derived["last_imbalance"] = _imbalance("last")
        return Metric(name, Window("1 minute"), keys, stats, derived, where=col("convertible"), headline=_HEADLINE)

    def _fresh(self, last_time: str) -> Expression:
        """Whether that time is not older than allowed, against the newest event of the window (`_newest`)."""
        return (col("_newest") - col(last_time)) <= self.settings.book_max_age_seconds * 1000.0

    def _fee(self, market: str) -> Expression:
        """Taker fee in percent of the market in that column, null where it is not known."""
        known = taker_fee_percents(self.settings.taker_fee_percents)
        return coalesce(*(when(col(market).equals(venue), known.get(venue)) for venue in self.markets))


def _latest(column: str) -> Last:
    """The value of the latest book, _NONE where that has none. Of books with equal times it is the largest, in each column for itself."""
    return Last(coalesce(col(column), _NONE))


def _imbalance(which: str) -> Expression:
    bid, ask = col(f"{which}_bid_size_usd"), col(f"{which}_ask_size_usd")
    return (bid - ask) / (bid + ask)
