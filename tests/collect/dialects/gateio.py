"""Gate.io's server."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from typing import Any, ClassVar

from src.collect.parsed import Channel, Pair
from src.schema.records import Trade
from tests.collect.dialects.dialect import Answer, Asking, Dialect, query_of

_CHANNELS = {"spot.tickers": Channel.TICKER, "spot.trades": Channel.TRADE, "spot.obu": Channel.ORDERBOOK}
_NAME = re.compile(r"([A-Z0-9]+)_([A-Z0-9]+)")
_BOOK = re.compile(r"ob\.([A-Z0-9]+)_([A-Z0-9]+)\.50")


class GateioDialect(Dialect):
    """Acknowledges or refuses a request as a whole. Of books it acknowledges anything, and is silent about what it does not have."""

    market: ClassVar[str] = "gateio"

    def answer(self, message: str) -> Answer:
        request = json.loads(message)
        now = time.time()
        if request["channel"] == "spot.ping":
            return Answer([json.dumps({"time": int(now), "channel": "spot.pong", "event": "", "error": None, "result": None})])
        if abs(request["time"] - now) > 60:
            return Answer([_refused(request, 2, "invalid argument: time is too far from the server's")])
        channel = _CHANNELS.get(request["channel"])
        if channel is None:
            return Answer([_refused(request, 2, f"Unknown channel {request['channel']}")])
        names = [(_BOOK if channel is Channel.ORDERBOOK else _NAME).fullmatch(name) for name in request["payload"]]
        if channel is not Channel.ORDERBOOK and None in names:
            return Answer([_refused(request, 2, f"unknown currency pair: {request['payload'][names.index(None)]}")])
        pairs = [(channel, Pair(name[1], name[2])) for name in names if name is not None]
        replies = [_replied(request, {"result": {"status": "success"}})]
        return Answer(replies, subscribed=pairs) if request["event"] == "subscribe" else Answer(replies, unsubscribed=pairs)

    def asking(self, path: str) -> tuple[Asking, Pair | None]:
        if path.startswith("/api/v4/spot/currency_pairs"):
            return Asking.LISTINGS, None
        kind = {"/api/v4/spot/trades": Asking.TRADES, "/api/v4/spot/order_book": Asking.BOOK}.get(path.partition("?")[0])
        name = _NAME.fullmatch(query_of(path).get("currency_pair", ""))
        if kind is None or name is None:
            raise ValueError(path)
        return kind, Pair(name[1], name[2])

    def listings(self, pairs: Sequence[Pair], halted: Sequence[Pair] = ()) -> bytes:
        states = [(pair, "tradable") for pair in pairs] + [(pair, "untradable") for pair in halted]
        rows = [
            {"id": f"{pair.symbol}_{pair.quote}", "base": pair.symbol, "quote": pair.quote, "fee": "0.2", "trade_status": state}
            for pair, state in states
        ]
        return json.dumps(rows).encode()

    def recent_trades(self, trades: Sequence[Trade], path: str) -> bytes:
        """The newest first; with `last_id` only what is newer than that."""
        query = query_of(path)
        last_id = int(query.get("last_id", 0))
        newer = [trade for trade in reversed(trades) if int(trade.trade_id or 0) > last_id]
        rows = [
            {
                "id": trade.trade_id,
                "create_time": str(trade.event_time // 1000),
                "create_time_ms": f"{trade.event_time}.250000",
                "currency_pair": f"{trade.symbol}_{trade.quote}",
                "side": trade.side,
                "amount": str(trade.size),
                "price": str(trade.price),
                "sequence_id": trade.trade_id,
            }
            for trade in newer[: int(query["limit"])]
        ]
        return json.dumps(rows).encode()


def _replied(request: dict[str, Any], said: dict[str, Any]) -> str:
    now = time.time()
    head = {"time": int(now), "time_ms": int(now * 1000), "conn_id": "b2c2b0629e0c34a3"}
    return json.dumps({**head, "channel": request["channel"], "event": request["event"], "payload": request["payload"], **said})


def _refused(request: dict[str, Any], code: int, message: str) -> str:
    return _replied(request, {"error": {"code": code, "message": message}, "result": {"status": "fail"}})
