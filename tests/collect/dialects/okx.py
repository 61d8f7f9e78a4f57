"""OKX's server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import ClassVar

from src.collect.parsed import Channel, Pair
from src.schema.records import Trade
from tests.collect.dialects.dialect import Answer, Asking, Dialect, query_of

_CHANNELS = {"tickers": Channel.TICKER, "trades": Channel.TRADE, "books": Channel.ORDERBOOK}


class OkxDialect(Dialect):
    """Acknowledges each argument by itself, and answers the bare word ping with pong."""

    market: ClassVar[str] = "okx"

    def answer(self, message: str) -> Answer:
        if message == "ping":
            return Answer(["pong"])
        request = json.loads(message)
        subscriptions = [(_CHANNELS[argument["channel"]], Pair(*argument["instId"].split("-"))) for argument in request["args"]]
        replies = [json.dumps({"event": request["op"], "arg": argument, "connId": "a4d3ae55"}) for argument in request["args"]]
        return Answer(replies, subscribed=subscriptions) if request["op"] == "subscribe" else Answer(replies, unsubscribed=subscriptions)

    def asking(self, path: str) -> tuple[Asking, Pair | None]:
        if path.startswith("/api/v5/public/instruments"):
            return Asking.LISTINGS, None
        if path.startswith("/api/v5/market/trades"):
            return Asking.TRADES, Pair(*query_of(path)["instId"].split("-"))
        raise ValueError(path)

    def listings(self, pairs: Sequence[Pair], halted: Sequence[Pair] = ()) -> bytes:
        states = [(pair, "live") for pair in pairs] + [(pair, "suspend") for pair in halted]
        data = [{"instType": "SPOT", "instId": f"{pair.symbol}-{pair.quote}", "state": state} for pair, state in states]
        return json.dumps({"code": "0", "msg": "", "data": data}).encode()

    def recent_trades(self, trades: Sequence[Trade], path: str) -> bytes:
        newest_first = list(reversed(trades))[: int(query_of(path)["limit"])]
        data = [
            {
                "instId": f"{trade.symbol}-{trade.quote}",
                "tradeId": trade.trade_id,
                "px": str(trade.price),
                "sz": str(trade.size),
                "side": trade.side,
                "ts": str(trade.event_time),
            }
            for trade in newest_first
        ]
        return json.dumps({"code": "0", "msg": "", "data": data}).encode()
