"""Bybit spot, v5.

Peculiar: the spot ticker has no bid and no ask, and the event time is the envelope's. It is always a snapshot: the deltas and the
figures of open interest belong to the derivative sockets, whose frames look alike, so they are refused here rather than taken for spot.
Trade ids are digits; the document of the former interface says that pairs share them, so a jump is no gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from src.collect.exchanges.bybit_messages import BybitTicker
from src.collect.exchanges.bybit_protocol import BybitProtocol
from src.collect.exchanges.fields import pair_without_separator, traded_name
from src.collect.parsed import Channel, Pair, TradeIds
from src.errors import MalformedFrame
from src.schema.records import Instrument, Ticker


class Bybit(BybitProtocol):
    """Bybit's public v5 spot socket."""

    name: ClassVar[str] = "bybit"
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]] = dict.fromkeys(Channel, ("wss://stream.bybit.com/v5/public/spot",))
    quotes: ClassVar[tuple[str, ...]] = ("USDT", "USDC", "BTC", "ETH", "EUR")
    trade_ids: ClassVar[TradeIds] = TradeIds.RISING
    listings_path: ClassVar[str | None] = "/v5/market/instruments-info?category=spot"
    category: ClassVar[str] = "spot"
    trades_limit: ClassVar[int] = 60

    def traded(self, name: str) -> tuple[Pair, Instrument]:
        return pair_without_separator(name, _QUOTES), Instrument.SPOT

    def name_of(self, pair: Pair) -> str:
        return traded_name(pair) + pair.quote

    def ticker(self, ticker: Ticker, data: BybitTicker, kind: str) -> Ticker:
        if kind != "snapshot" or data.open_interest is not None:
            raise MalformedFrame("a ticker of a derivative on the spot socket")
        return ticker


# A name is split at the first of these that ends it, so a currency stands before any that its own name ends with.
_QUOTES = ("USDT", "USDC", "USDE", "USD1", "USDQ", "USDR", "BTC", "ETH", "EUR", "DAI", "BRL", "BRZ", "TRY", "PLN", "MNT")
