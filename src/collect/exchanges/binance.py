"""Binance spot (USDT and others).

Peculiar: what `binance_protocol` says. Some regions get HTTP 451 from the first address; the second, for market data only, answers there, and the
same holds for REST. Contracts send events of the same names: they are known by `st`, `pu` or `nq`, which spot never sends, and are refused. Only
aggregate trades are read: the ids of single fills (`@trade`) count differently.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from src.collect.book_rule import BookRule, ConsecutiveAfterRest
from src.collect.exchange import RateLimit
from src.collect.exchanges.binance_messages import AnyEvent, DepthEvent, Shutdown, TradeEvent
from src.collect.exchanges.binance_protocol import BinanceProtocol
from src.collect.exchanges.fields import pair_without_separator
from src.collect.parsed import Channel, Pair, TradeIds
from src.schema.records import Instrument


class Binance(BinanceProtocol):
    """Binance's public spot streams."""

    name: ClassVar[str] = "binance"
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]] = dict.fromkeys(
        Channel, ("wss://stream.binance.com:9443/stream", "wss://data-stream.binance.vision/stream")
    )
    quotes: ClassVar[tuple[str, ...]] = ("USDT", "USDC", "FDUSD", "BTC", "ETH", "EUR", "TRY")
    # Of five messages a second, one is left for the answers to the server's pings.
    requests: ClassVar[RateLimit] = RateLimit(4, 1.0)
    book_rule: ClassVar[BookRule] = ConsecutiveAfterRest()
    trade_ids: ClassVar[TradeIds] = TradeIds.CONSECUTIVE
    rest_urls: ClassVar[tuple[str, ...]] = ("https://api.binance.com", "https://data-api.binance.vision")
    # A snapshot of 5000 levels weighs 250 of the 6000 that an address may spend in a minute.
    rest_requests: ClassVar[RateLimit] = RateLimit(20, 60.0)
    listings_path: ClassVar[str | None] = "/api/v3/exchangeInfo?showPermissionSets=false"
    rest_path: ClassVar[str] = "/api/v3"
    snapshot_levels: ClassVar[int] = 5000

    def traded(self, name: str) -> tuple[Pair, Instrument]:
        return pair_without_separator(name, _QUOTES), Instrument.SPOT

    def owns(self, event: AnyEvent) -> bool:
        if isinstance(event, Shutdown):
            return True
        if event.contract_kind is not None:
            return False
        if isinstance(event, DepthEvent):
            return event.previous is None
        return not isinstance(event, TradeEvent) or event.size_without_rpi is None


# A name is split at the first of these that ends it, so a currency stands before any that its own name ends with.
_QUOTES = (
    *("USDT", "FDUSD", "RLUSD", "USDC", "TUSD", "BUSD", "USD1", "USDE", "USDP", "BTC", "ETH", "BNB", "EUR", "TRY", "BRL", "JPY", "DAI"),
    *("ARS", "COP", "CZK", "EURI", "MXN", "PLN", "RON", "UAH", "ZAR", "IDR", "GBP", "AUD", "RUB", "XRP", "TRX", "DOGE", "DOT", "SOL"),
)
