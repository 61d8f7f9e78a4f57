"""Binance's server of USD-M contracts."""

from __future__ import annotations

from typing import Any, ClassVar

from src.collect.parsed import Channel, Pair
from src.schema.records import Trade
from tests.collect.dialects.binance import BinanceDialect


class BinanceFuturesDialect(BinanceDialect):
    """As spot; which of its two paths a socket is on, and so what never comes there, only the test server knows."""

    market: ClassVar[str] = "binance_futures"
    rest_path: ClassVar[str] = "/fapi/v1/"
    channels: ClassVar[dict[str, Channel]] = {"aggTrade": Channel.TRADE, "depth@100ms": Channel.ORDERBOOK}
    currencies: ClassVar[tuple[str, ...]] = ("USDT", "USDC", "BTC")

    def listing(self, pair: Pair, state: str) -> dict[str, Any]:
        names = {"symbol": pair.symbol + pair.quote, "pair": pair.symbol + pair.quote, "contractType": "PERPETUAL"}
        return {**names, "status": "SETTLING" if state == "BREAK" else state, "baseAsset": pair.symbol, "quoteAsset": pair.quote}

    def trade(self, trade: Trade) -> dict[str, Any]:
        said = super().trade(trade)
        del said["M"]
        return said
