"""The streaming jobs. `from src.setting import SparkStreamingTicker` and `SparkStreamingTicker().ticker_spark_streaming()` is a whole program."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from src.collect.aggregate_trade import aggregate_trade
from src.collect.exchange import Channel
from src.collect.message import BINANCE_DEPTH_TOPIC, BINANCE_TRADE_TOPIC
from src.panes.raw_messages import RawTopic
from src.panes.reading import Reading
from src.preprocess.depth_change import depth_change
from src.preprocess.gap_marks import spread_gap_mark
from src.preprocess.orderbook import OrderbookQueryOrganization
from src.preprocess.organization import SparkCoinAverageQueryOrganization
from src.preprocess.ticker import TickerQueryOrganization
from src.preprocess.trade import TradeQueryOrganization
from src.raw.tables import RAW_ORDERBOOKS, RAW_TRADES
from src.schema.records import OrderBook, Record, Region, Ticker, Trade, orderbook_topic, ticker_topic, trade_topic
from src.schema.tables import TableSchema
from src.setting.streaming import SparkStreamingCoinAverage

_DERIVATIVES = ("binance_futures",)


class SparkStreamingTicker(SparkStreamingCoinAverage):
    """All ticker metrics from one read of the ticker topics."""

    channel: ClassVar[Channel] = Channel.TICKER
    record: ClassVar[type[Record]] = Ticker
    topics: ClassVar[tuple[str, ...]] = tuple(ticker_topic(region) for region in Region)
    query_organization: ClassVar[type[SparkCoinAverageQueryOrganization]] = TickerQueryOrganization
    largest_batch: ClassVar[int] = 2_000_000

    def ticker_spark_streaming(self) -> None:
        """Run to the sinks: the database, and each metric's Kafka topic."""
        self.run()

    def debug_ticker_streaming(self) -> None:
        """Run to the console: every batch of every metric is printed, nothing is stored."""
        self.run(debug=True)


class SparkStreamingOrderbook(SparkStreamingCoinAverage):
    """All order-book metrics from one read of the order-book topics and of the changes of Binance's futures books."""

    channel: ClassVar[Channel] = Channel.ORDERBOOK
    record: ClassVar[type[Record]] = OrderBook
    topics: ClassVar[tuple[str, ...]] = (*(orderbook_topic(region) for region in Region), BINANCE_DEPTH_TOPIC)
    query_organization: ClassVar[type[SparkCoinAverageQueryOrganization]] = OrderbookQueryOrganization
    raw_table: ClassVar[TableSchema | None] = RAW_ORDERBOOKS
    derivatives: ClassVar[tuple[str, ...]] = _DERIVATIVES

    def orderbook_spark_streaming(self) -> None:
        """Run to the sinks: the database, and each metric's Kafka topic."""
        self.run()

    def debug_orderbook_streaming(self) -> None:
        """Run to the console: every batch of every metric is printed, nothing is stored."""
        self.run(debug=True)

    def _reading(self) -> Reading:
        return replace(super()._reading(), convert={BINANCE_DEPTH_TOPIC: RawTopic(depth_change)})


class SparkStreamingTrade(SparkStreamingCoinAverage):
    """All trade metrics from one read of the trade topics and of the trades of Binance's futures."""

    channel: ClassVar[Channel] = Channel.TRADE
    record: ClassVar[type[Record]] = Trade
    topics: ClassVar[tuple[str, ...]] = (*(trade_topic(region) for region in Region), BINANCE_TRADE_TOPIC)
    query_organization: ClassVar[type[SparkCoinAverageQueryOrganization]] = TradeQueryOrganization
    raw_table: ClassVar[TableSchema | None] = RAW_TRADES
    # A row of a price and minute holds all its large trades and takers' seconds, and many rows at once are many bytes.
    largest_batch: ClassVar[int] = 200_000
    derivatives: ClassVar[tuple[str, ...]] = _DERIVATIVES

    def trade_spark_streaming(self) -> None:
        """Run to the sinks: the database, and each metric's Kafka topic."""
        self.run()

    def debug_trade_streaming(self) -> None:
        """Run to the console: every batch of every metric is printed, nothing is stored."""
        self.run(debug=True)

    def _reading(self) -> Reading:
        convert = {BINANCE_TRADE_TOPIC: RawTopic(aggregate_trade)}
        return replace(super()._reading(), convert=convert, spreads="gap_since", spread=spread_gap_mark)


JOBS: tuple[type[SparkStreamingCoinAverage], ...] = (SparkStreamingTicker, SparkStreamingOrderbook, SparkStreamingTrade)
