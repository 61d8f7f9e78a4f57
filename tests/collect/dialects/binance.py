"""Binance's spot server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from src.collect.parsed import Channel, Pair
from src.schema.records import Side, Trade
from tests.collect.dialects.dialect import Answer, Asking, Dialect, query_of

_KINDS = {"exchangeInfo": Asking.LISTINGS, "depth": Asking.BOOK, "aggTrades": Asking.TRADES}
_METHODS = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"


class BinanceDialect(Dialect):
    """Acknowledges every request of the right shape, streams that do not exist included: of those nothing ever comes."""

    market: ClassVar[str] = "binance"
    rest_path: ClassVar[str] = "/api/v3/"
    channels: ClassVar[dict[str, Channel]] = {"ticker": Channel.TICKER, "aggTrade": Channel.TRADE, "depth@100ms": Channel.ORDERBOOK}
    currencies: ClassVar[tuple[str, ...]] = ("USDT", "FDUSD", "USDC", "BTC", "ETH", "EUR", "TRY")

    def answer(self, message: str) -> Answer:
        try:
            request = json.loads(message)
        except ValueError:
            return Answer([_refusal(3, "Invalid JSON: expected value at line 1 column 1", None)])
        method, request_id = request.get("method"), request.get("id")
        if method not in ("SUBSCRIBE", "UNSUBSCRIBE"):
            return Answer([_refusal(2, f"Invalid request: unknown variant `{method}`, expected one of {_METHODS}", request_id)])
        found = [self.stream(stream) for stream in request["params"]]
        known = [subscription for subscription in found if subscription is not None]
        replies = [json.dumps({"result": None, "id": request_id})]
        return Answer(replies, subscribed=known) if method == "SUBSCRIBE" else Answer(replies, unsubscribed=known)

    def stream(self, stream: str) -> tuple[Channel, Pair] | None:
        """What a stream is of. Names are lower case; one in capitals does not exist."""
        name, _, channel = stream.partition("@")
        pair = self.pair(name.upper())
        return None if pair is None or channel not in self.channels or name != name.lower() else (self.channels[channel], pair)

    def pair(self, name: str) -> Pair | None:
        for currency in self.currencies:
            if name.endswith(currency) and name != currency:
                return Pair(name.removesuffix(currency), currency)
        return None

    def asking(self, path: str) -> tuple[Asking, Pair | None]:
        kind = _KINDS.get(urlsplit(path).path.removeprefix(self.rest_path))
        if kind is None or not path.startswith(self.rest_path):
            raise ValueError(path)
        return kind, None if kind is Asking.LISTINGS else self.pair(query_of(path)["symbol"])

    def listings(self, pairs: Sequence[Pair], halted: Sequence[Pair] = ()) -> bytes:
        states = [(pair, "TRADING") for pair in pairs] + [(pair, "BREAK") for pair in halted]
        return json.dumps({"timezone": "UTC", "symbols": [self.listing(pair, state) for pair, state in states]}).encode()

    def listing(self, pair: Pair, state: str) -> dict[str, Any]:
        names = {"symbol": pair.symbol + pair.quote, "status": state, "baseAsset": pair.symbol, "quoteAsset": pair.quote}
        return {**names, "isSpotTradingAllowed": True}

    def recent_trades(self, trades: Sequence[Trade], path: str) -> bytes:
        query = query_of(path)
        limit = int(query.get("limit", 500))
        if "fromId" in query:
            chosen = [trade for trade in trades if int(trade.trade_id or 0) >= int(query["fromId"])][:limit]
        else:
            chosen = list(trades)[-limit:]
        return json.dumps([self.trade(trade) for trade in chosen]).encode()

    def trade(self, trade: Trade) -> dict[str, Any]:
        """An aggregate of one fill."""
        number = int(trade.trade_id or 0)
        figures = {"a": number, "p": str(trade.price), "q": str(trade.size), "f": number, "l": number}
        return {**figures, "T": trade.event_time, "m": trade.side is Side.SELL, "M": True}


def _refusal(code: int, words: str, request_id: object) -> str:
    return json.dumps({"error": {"code": code, "msg": words}, "id": request_id})
