"""Korbit's server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, ClassVar

from src.collect.exchanges.fields import decimal_text, pair_of, traded_name
from src.collect.parsed import Channel, Pair
from src.schema.records import Side, Trade
from tests.collect.dialects.dialect import Answer, Asking, Dialect, query_of

_METHODS = ("subscribe", "unsubscribe")


class KorbitDialect(Dialect):
    """Takes several requests in one array; acknowledges those with a number; always tells a refusal and goes on."""

    market: ClassVar[str] = "korbit"

    def answer(self, message: str) -> Answer:
        try:
            requests = json.loads(message)
        except ValueError:
            requests = None
        if not isinstance(requests, list):
            return Answer([json.dumps({"status": "fail", "message": "invalid_format"})])
        replies: list[str | bytes] = []
        topics: dict[str, list[tuple[Channel, Pair]]] = {method: [] for method in _METHODS}
        for request in requests:
            refusal = _refusal(request)
            if refusal is None:
                topics[request["method"]] += [(Channel(request["type"]), _pair(name)) for name in request["symbols"]]
            if refusal is not None or "requestId" in request:
                number = {"requestId": request["requestId"]} if "requestId" in request else {}
                replies.append(json.dumps((refusal or {"status": "success"}) | number))
        return Answer(replies, subscribed=topics["subscribe"], unsubscribed=topics["unsubscribe"])

    def asking(self, path: str) -> tuple[Asking, Pair | None]:
        if path.startswith("/v2/currencyPairs"):
            return Asking.LISTINGS, None
        if path.startswith("/v2/trades"):
            return Asking.TRADES, _pair(query_of(path)["symbol"])
        raise ValueError(path)

    def listings(self, pairs: Sequence[Pair], halted: Sequence[Pair] = ()) -> bytes:
        states = [(pair, "launched") for pair in pairs] + [(pair, "stopped") for pair in halted]
        data = [
            {
                "symbol": f"{traded_name(pair)}_{pair.quote}".lower(),
                "status": state,
                "baseCurrency": traded_name(pair).lower(),
                "quoteCurrency": pair.quote.lower(),
                "minOrderValue": "5000",
                "maxOrderValue": "1000000000",
            }
            for pair, state in states
        ]
        return json.dumps({"success": True, "data": data}).encode()

    def recent_trades(self, trades: Sequence[Trade], path: str) -> bytes:
        newest_first = list(reversed(trades))[: int(query_of(path)["limit"])]
        data = [
            {
                "timestamp": trade.event_time,
                "price": decimal_text(trade.price),
                "qty": decimal_text(trade.size),
                "isBuyerTaker": trade.side is Side.BUY,
                "tradeId": int(trade.trade_id or 0),
            }
            for trade in newest_first
        ]
        return json.dumps({"success": True, "data": data}).encode()


def _refusal(request: dict[str, Any]) -> dict[str, object] | None:
    if request.get("method") not in _METHODS:
        return {"status": "fail", "code": "INVALID_REQUEST", "message": "unknown_method"}
    if request.get("type") not in set(Channel):
        return {"status": "fail", "code": "INVALID_REQUEST", "message": "unknown_type"}
    for name in request["symbols"]:
        if name != name.lower():
            return {"status": "fail", "code": "INVALID_SYMBOL", "message": f"The symbol does not exist ({name})"}
    return None


def _pair(name: str) -> Pair:
    symbol, _, quote = name.upper().partition("_")
    return pair_of(symbol, quote)
