"""The trade metrics: candles, mean prices, whales, buying and selling pressure, and indicators over closed candles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

from src.preprocess.candles import average_price, candles
from src.preprocess.computed import Computed
from src.preprocess.expression import Expression, col, lit
from src.preprocess.indicators import indicators
from src.preprocess.metric import Metric
from src.preprocess.organization import SparkCoinAverageQueryOrganization
from src.preprocess.pressure import buy_sell_pressure
from src.preprocess.series import SeriesMetric
from src.preprocess.taker_runs import taker_half_seconds, taker_seconds
from src.preprocess.trade_columns import CONSECUTIVE, TradeColumns
from src.preprocess.whales import floor_usd, large_trade_columns, large_trades, whale_trades


class TradeQueryOrganization(SparkCoinAverageQueryOrganization):
    """The trade job's metrics. "usd" in a name means USDT taken at par, at the rate that travels in the record.

    Every price counts, that is every market, symbol, quote and instrument: no metric here compares markets. Futures and options alone do not, as
    several of their contracts would be one price. Gap marks must come cut at the minutes (src/preprocess/gap_marks.py).
    """

    channel: ClassVar[str] = "trade"

    def computed(self) -> tuple[Computed, ...]:
        """Add `trade_number`, `second` and `half_second`."""
        return (*super().computed(), TradeColumns())

    def coin_main_columns(self) -> Mapping[str, Expression]:
        """Add `notional` (quote currency), `notional_usd`, and what a record is.

        `counted`: a trade with price and size, neither late nor a dead letter nor of a dated contract; `left_out`: a late trade; `gap_mark`: says
        that trades may be missing; `consecutive`: of a market whose trade ids rise by one; `identified`: a counted trade that can be a whale's,
        `large_trade_id` and `large_trade_side`: its id and side where it is a large one.
        """
        consecutive: Expression = lit(value=False)
        for market in CONSECUTIVE:
            consecutive = consecutive | col("market").equals(market)
        is_whole = col("problem").is_null() & ~col("dated")
        is_trade = is_whole & col("gap_since").is_null()
        return {
            **super().coin_main_columns(),
            "notional": col("price") * col("size"),
            "notional_usd": col("price") * col("size") * col("usd_rate"),
            "counted": is_trade & ~col("late") & col("price").is_not_null() & col("size").is_not_null(),
            "left_out": is_trade & col("late"),
            "gap_mark": is_whole & col("gap_since").is_not_null(),
            "consecutive": consecutive,
            **large_trade_columns(self.settings),
        }

    def cal_input_quality(self) -> Metric:
        """What came in, per market and minute of reception, so that nothing is left out unseen. Gap marks are not among it.

        records: all; late: received later after the event than allowed, not used; without_usd_rate: of the venue's spot trades in its quote those
        to which no fresh market gave a rate, left out of USD columns; not_comparable: another instrument or quote than the venue's, used all the
        same, but for dated_contracts: futures and options, whose delivery day no record says, used nowhere; malformed: to the dead letters;
        delay_ms: mean of reception minus event, of the rest; newest_event_time, newest_received_time: ms since 1970 UTC.
        """
        return replace(super().cal_input_quality(), where=col("gap_since").is_null())

    def cal_candles(self) -> Metric:
        """Candles of each price by event time. Without trades there is no candle.

        interval: 1m, 5m, 15m, 1h; 1d and 1w (from Monday) by UTC, 1d_kst and 1w_kst by Korean time. open, high, low, close: quote currency;
        first and last by event time, then reception, then trade id where a market's ids rise. volume: base coin; quote_volume: quote currency;
        trades: how many; buy_volume, sell_volume: of takers that bought and sold, base coin, null where no trade says its side; vwap: quote_volume
        over volume, quote currency; first_trade_id, last_trade_id: in the order of open and close, null where trades have none. complete: `gap`
        when trades are known to be missing or may be (a gap mark in the window, as after a start; a late trade that was left out; a jump of
        consecutive ids); `proven` when ids are consecutive and as many as the trades; else `no_known_gap`.
        """
        return candles()

    def cal_average_price(self) -> Metric:
        """Mean price, volume and VWAP of each price, 10-second windows.

        mean_price: of the trades, each counting once, quote currency; mean_price_usd: the same in USD, of trades with a rate; volume: base coin;
        trades: how many; vwap: volume-weighted average price, quote currency, null where the volume is 0.
        """
        return average_price()

    def cal_large_trades(self) -> Metric:
        """Each single trade above COINSPARK_WHALE_FLOOR_USD, and one row for all smaller ones; of these whale_trades are made.

        Only trades that have an id, a side and a notional in USD. large_trade_id, large_trade_side: of the trade, the side the taker's; both empty
        in the row for all smaller ones, whose other columns but trades are null. trades: how many. price: quote currency; size: base coin;
        notional_usd: price x size, USD; event_time: ms since 1970 UTC. Window: the minute of the trade. The floor is COINSPARK_WHALE_NOTIONAL_USD
        where that is less.
        """
        return large_trades(self.settings)

    def cal_taker_seconds(self) -> Metric:
        """What takers of one side traded at one price in one full second, above COINSPARK_WHALE_FLOOR_USD; of these whale_trades are made.

        At least two trades; those below COINSPARK_WHALE_RUN_TRADE_USD are not counted. second: of the minute, 0 to 59. trades: how many; size: base
        coin; notional: quote currency; notional_usd: USD; first_price, last_price: quote currency; first_trade_id; event_time, last_event_time:
        of the first and the last trade, ms since 1970 UTC.
        """
        return taker_seconds(self.settings, floor_usd(self.settings))

    def cal_taker_half_seconds(self) -> Metric:
        """The same for seconds that begin halfway between two full ones; of these whale_trades are made.

        half_second: their beginning in the minute, seconds, 0.5 to 58.5. The second on the turn of a minute is in two parts, 59.5 in the one
        minute and -0.5 in the next, which have a row of any notional. trades: how many; size: base coin;
        notional: quote currency; notional_usd: USD; first_price, last_price: quote currency; first_trade_id; event_time, last_event_time: of
        the first and the last trade, ms since 1970 UTC.
        """
        return taker_half_seconds(self.settings, floor_usd(self.settings))

    def cal_whale_trades(self) -> SeriesMetric:
        """Whales: single trades, and runs of trades of one taker, when the minute in which they end is closed.

        kind: `single`, or `run`: at least two trades of one taker side at one price within a second. Venues do not say who the taker was, so takers
        of one side in the same second are one run. Seconds begin every half second, so a run of up to 500 ms is whole, a longer one may be cut; of
        overlapping ones the largest notional is kept. A run that is a whale's before the turn of the minute ends there.
        reason: `notional`: above COINSPARK_WHALE_NOTIONAL_USD; `percentile`: above percentile_usd; `both`. percentile_usd: the price's own percentile
        (COINSPARK_WHALE_PERCENTILE, nearest rank) of the notionals of its single trades in the 60 minutes before the row's minute, USD, as the upper
        edge of its bin in a histogram of 8 bins an octave: never below the true one, and at most 9.1 % above it; not below
        COINSPARK_WHALE_FLOOR_USD. Null where the hour has too few trades for one to lie above it (below 1000 for 99.9): then the notional alone
        counts. hour_trades: trades in those 60 minutes.
        side: the taker's; trade_id: of the (first) trade; price: quote currency, of a run its volume-weighted average; first_price, last_price:
        quote currency; size: base coin; notional_usd: USD; trades: how many; event_time, last_event_time: of the first and the last trade, ms since
        1970 UTC. Trades without id, side or USD rate are not in it.
        """
        return whale_trades(self.settings)

    def cal_buy_sell_pressure(self) -> Metric:
        """Buying and selling by takers, per minute and price.

        buy_volume, sell_volume, volume: base coin; trades: how many; buy_sell_ratio: buys over sells, null without sells; high, low: quote
        currency; range_percent: high minus low in percent of low. mean_volume_20_minutes: base coin per minute over the 20 minutes before the
        window, minutes without trades counting 0; null where none of the 20 had a trade, or a gap mark lies in them, as after a start.
        buy_pressure: buys above COINSPARK_PRESSURE_BUY_RATIO x sells; volume_surge: volume above COINSPARK_PRESSURE_VOLUME_RATIO x that mean;
        wide_range: range_percent above COINSPARK_PRESSURE_RANGE_PERCENT; each null where what it compares is.
        """
        return buy_sell_pressure(self.settings)

    def cal_indicators(self) -> SeriesMetric:
        """Indicators on closed candles, per price and interval, over the candles there are: a window without trades makes none and is passed over.

        close: of the candle, quote currency; sma_20, ema_20: simple and exponential mean of 20 closes, quote currency; rsi_14: Wilder's relative
        strength index, 0 to 100, null where no price changed; macd: EMA(12) minus EMA(26), quote currency; macd_signal: its EMA(9), quote
        currency; macd_histogram: their difference, quote currency; bollinger_upper, bollinger_middle, bollinger_lower: mean of 20 closes and
        twice their population deviation about it, quote currency; atr_14: Wilder's average true range, quote currency. Null until there are
        enough candles: 20 for means and bands, 15 for rsi_14 and atr_14, 34 for macd.
        """
        return indicators()
