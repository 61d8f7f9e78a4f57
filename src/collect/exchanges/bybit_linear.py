"""Bybit's linear contracts, v5: perpetuals and futures in USDT and USDC.

Peculiar: a ticker is a snapshot, then changes which leave out whatever stayed the same, so that null means unchanged. Trade ids are UUIDs. Contracts
in USDC end in PERP and have no name of the currency; a dated one has its day behind a hyphen (BTC-26DEC25, BTCUSDT-26JUN26). Sizes count coins.
Multiplied coins have the multiple in front (1000000BABYDOGE), but one has it behind (SHIB1000).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import ClassVar

from src.collect.exchanges.bybit_messages import BybitTicker
from src.collect.exchanges.bybit_protocol import BybitProtocol
from src.collect.exchanges.fields import pair_of, pair_without_separator, traded_name
from src.collect.parsed import Channel, Pair, TickerChange, TradeIds
from src.errors import MalformedFrame
from src.schema.records import Instrument, Ticker


class BybitLinear(BybitProtocol):
    """Bybit's public v5 socket of linear contracts."""

    name: ClassVar[str] = "bybit_linear"
    instrument: ClassVar[Instrument] = Instrument.PERPETUAL
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]] = dict.fromkeys(Channel, ("wss://stream.bybit.com/v5/public/linear",))
    quotes: ClassVar[tuple[str, ...]] = ("USDT", "USDC")
    trade_ids: ClassVar[TradeIds] = TradeIds.UNIQUE
    listings_path: ClassVar[str | None] = "/v5/market/instruments-info?category=linear&limit=1000"
    category: ClassVar[str] = "linear"
    trades_limit: ClassVar[int] = 1000

    def traded(self, name: str) -> tuple[Pair, Instrument]:
        return _contract(name)

    def name_of(self, pair: Pair) -> str:
        coin = f"{pair.symbol}{pair.multiple}" if pair.multiple > 1 and pair.symbol in _MULTIPLE_BEHIND else traded_name(pair)
        return coin + ("PERP" if pair.quote == "USDC" else pair.quote)

    def ticker(self, ticker: Ticker, data: BybitTicker, kind: str) -> TickerChange:
        del data
        if kind not in ("snapshot", "delta"):
            raise MalformedFrame("a ticker that is neither a snapshot nor a change")
        return TickerChange(ticker, snapshot=kind == "snapshot")


@lru_cache(maxsize=8192)
def _contract(name: str) -> tuple[Pair, Instrument]:
    contract, _, day = name.partition("-")
    instrument = Instrument.FUTURE if day else Instrument.PERPETUAL
    if contract.endswith("USDT"):
        return pair_without_separator(contract, ("USDT",)), instrument
    if day:
        return pair_of(contract, "USDC"), instrument
    if contract.endswith("PERP"):
        return pair_of(contract.removesuffix("PERP"), "USDC"), instrument
    raise MalformedFrame("a symbol that is no linear contract's")


_MULTIPLE_BEHIND = frozenset({"SHIB"})
