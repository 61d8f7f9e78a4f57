"""Binance's USD-M contracts: perpetuals in USDT and USDC, and dated futures.

Peculiar: since April 2026 depth comes on `/public` and aggregate trades on `/market`; on the wrong path a subscription is acknowledged and nothing
ever comes. Each change of a book names the one before it (`pu`). A dated contract has its day behind an underscore (BTCUSDT_261225); a record says
no more than that it is a future, so metrics leave it out. Sizes count what the name says: 1000SHIB is a thousand coins. COIN-M contracts (`st` 2)
count in contracts and are refused. `T` is when the engine made the event, `E` when it was sent. The payloads go on as they are to topics of their
own.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar

import msgspec

from src.collect.book_rule import BookRule, ChainedAfterRest
from src.collect.exchange import RateLimit
from src.collect.exchanges.binance_messages import PAYLOADS, AnyEvent, DepthEvent, Shutdown, TickerEvent
from src.collect.exchanges.binance_protocol import STREAMS, BinanceProtocol
from src.collect.exchanges.fields import pair_without_separator
from src.collect.parsed import Channel, Frame, Pair, TradeIds
from src.schema.records import Instrument, RawMessage


class BinanceFutures(BinanceProtocol):
    """Binance's public streams of USD-M contracts."""

    name: ClassVar[str] = "binance_futures"
    instrument: ClassVar[Instrument] = Instrument.PERPETUAL
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]] = {
        Channel.TRADE: ("wss://fstream.binance.com/market/stream",),
        Channel.ORDERBOOK: ("wss://fstream.binance.com/public/stream",),
    }
    quotes: ClassVar[tuple[str, ...]] = ("USDT", "USDC", "BTC")
    # Of ten messages a second, one is left for the answers to the server's pings.
    requests: ClassVar[RateLimit] = RateLimit(9, 1.0)
    book_rule: ClassVar[BookRule] = ChainedAfterRest()
    trade_ids: ClassVar[TradeIds] = TradeIds.RISING
    raw_topics: ClassVar[Mapping[Channel, str]] = {Channel.TRADE: "binance-aggtrade", Channel.ORDERBOOK: "binance-depth"}
    rest_urls: ClassVar[tuple[str, ...]] = ("https://fapi.binance.com",)
    # A snapshot and a page of trades weigh 20 each of the 2400 that an address may spend in a minute.
    rest_requests: ClassVar[RateLimit] = RateLimit(100, 60.0)
    listings_path: ClassVar[str | None] = "/fapi/v1/exchangeInfo"
    rest_path: ClassVar[str] = "/fapi/v1"
    snapshot_levels: ClassVar[int] = 1000

    def traded(self, name: str) -> tuple[Pair, Instrument]:
        return _contract(name)

    def owns(self, event: AnyEvent) -> bool:
        if isinstance(event, Shutdown):
            return True
        if isinstance(event, TickerEvent) or event.contract_kind not in (None, _USD_M):
            return False
        return not isinstance(event, DepthEvent) or event.previous is not None

    def raw(self, frame: Frame) -> RawMessage | None:
        envelope = PAYLOADS.decode(frame)
        data = envelope.data or msgspec.Raw(frame.message)
        payload = PAYLOADS.decode_part(data)
        stream = _STREAM_OF_EVENT.get(payload.event or "")
        if stream is None or payload.symbol is None:
            return None
        return RawMessage(
            symbol=payload.symbol,
            stream=envelope.stream or f"{payload.symbol.lower()}@{stream}",
            data=data,
            ts=frame.received_time,
            market=self.name,
            source=frame.source,
        )


@lru_cache(maxsize=8192)
def _contract(name: str) -> tuple[Pair, Instrument]:
    contract, _, day = name.partition("_")
    return pair_without_separator(contract, _QUOTES), Instrument.FUTURE if day else Instrument.PERPETUAL


_USD_M = 1
_STREAM_OF_EVENT = {"aggTrade": STREAMS[Channel.TRADE], "depthUpdate": STREAMS[Channel.ORDERBOOK]}
_QUOTES = ("USDT", "USDC", "BUSD", "USD1", "BTC", "ETH")
