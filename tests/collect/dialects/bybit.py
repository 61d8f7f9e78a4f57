"""Bybit's spot server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from src.collect.parsed import Channel, Pair
from src.schema.records import Side, Trade
from tests.collect.dialects.dialect import Answer, Asking, Dialect, query_of

_CHANNELS = {"tickers": Channel.TICKER, "publicTrade": Channel.TRADE, "orderbook.50": Channel.ORDERBOOK}


class BybitDialect(Dialect):
    """Acknowledges or refuses a request as a whole, and takes at most 10 topics in one."""

    market: ClassVar[str] = "bybit"
    category: ClassVar[str] = "spot"
    topics_limit: ClassVar[int] = 10
    currencies: ClassVar[tuple[str, ...]] = ("USDT", "USDC", "BTC", "ETH", "EUR")

    def answer(self, message: str) -> Answer:
        request = json.loads(message)
        operation = request["op"]
        if operation == "ping":
            return Answer([self.said(request, success=True, ret_msg="pong")])
        topics = request["args"]
        if len(topics) > self.topics_limit:
            return Answer([self.said(request, success=False, ret_msg="args size >10")])
        found = [self.topic(topic) for topic in topics]
        subscriptions = [subscription for subscription in found if subscription is not None]
        if len(subscriptions) < len(topics):
            wrong = topics[found.index(None)]
            return Answer([self.said(request, success=False, ret_msg=f"Invalid topic: {wrong}")])
        replies = [self.said(request, success=True, ret_msg=operation)]
        return Answer(replies, subscribed=subscriptions) if operation == "subscribe" else Answer(replies, unsubscribed=subscriptions)

    def said(self, request: dict[str, Any], *, success: bool, ret_msg: str) -> str:
        number = {"req_id": request["req_id"]} if "req_id" in request else {}
        return json.dumps({"success": success, "ret_msg": ret_msg, "conn_id": "d9avt8shteepr00gfc1g-4zd1x", **number, "op": request["op"]})

    def topic(self, topic: str) -> tuple[Channel, Pair] | None:
        channel, _, name = topic.rpartition(".")
        pair = self.pair(name)
        return None if pair is None or channel not in _CHANNELS else (_CHANNELS[channel], pair)

    def pair(self, name: str) -> Pair | None:
        for currency in self.currencies:
            if name.endswith(currency) and name != currency:
                return Pair(name.removesuffix(currency), currency)
        return None

    def name(self, pair: Pair) -> str:
        return pair.symbol + pair.quote

    def asking(self, path: str) -> tuple[Asking, Pair | None]:
        query = query_of(path)
        if query.get("category") != self.category:
            raise ValueError(path)
        if path.startswith("/v5/market/instruments-info"):
            return Asking.LISTINGS, None
        if path.startswith("/v5/market/recent-trade"):
            return Asking.TRADES, self.pair(query["symbol"])
        raise ValueError(path)

    def listings(self, pairs: Sequence[Pair], halted: Sequence[Pair] = ()) -> bytes:
        states = [(pair, "Trading") for pair in pairs] + [(pair, "Closed") for pair in halted]
        return self.body([self.listing(pair, state) for pair, state in states])

    def listing(self, pair: Pair, state: str) -> dict[str, str]:
        return {"symbol": self.name(pair), "baseCoin": pair.symbol, "quoteCoin": pair.quote, "innovation": "0", "status": state}

    def recent_trades(self, trades: Sequence[Trade], path: str) -> bytes:
        newest_first = list(reversed(trades))[: int(query_of(path)["limit"])]
        rows = [
            {
                "execId": trade.trade_id,
                "symbol": self.name(Pair(trade.symbol, trade.quote)),
                "price": str(trade.price),
                "size": str(trade.size),
                "side": "Buy" if trade.side is Side.BUY else "Sell",
                "time": str(trade.event_time),
                "isBlockTrade": False,
                "isRPITrade": False,
            }
            for trade in newest_first
        ]
        return self.body(rows)

    def body(self, rows: Sequence[dict[str, Any]]) -> bytes:
        result = {"category": self.category, "list": rows}
        return json.dumps({"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 1786310819126}).encode()

    def trade_id(self, number: int) -> str:
        return str(2_290_000_001_000_000_000 + number)
