"""Kraken's v2 server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import urlsplit

from src.collect.parsed import Channel, Pair
from src.schema.records import Side, Trade
from tests.collect.dialects.dialect import Answer, Asking, Dialect, query_of

_CHANNELS = {"ticker": Channel.TICKER, "trade": Channel.TRADE, "book": Channel.ORDERBOOK}
_TIMES = {"time_in": "2026-08-26T15:16:16.576099Z", "time_out": "2026-08-26T15:16:16.576140Z"}
_OLD = {"BTC": "XBT", "DOGE": "XDG"}
_NEW = {old: new for new, old in _OLD.items()}
_DEPTHS = (10, 25, 100, 500, 1000)
_CURRENCIES = ("USDT", "USDC", "USD", "EUR", "GBP", "XBT")


class KrakenDialect(Dialect):
    """Acknowledges or refuses each symbol by itself; the names of v1 are refused."""

    market: ClassVar[str] = "kraken"

    def greeting(self) -> Sequence[str | bytes]:
        status = {"version": "2.0.10", "system": "online", "api_version": "v2", "connection_id": 12072546403441331453}
        return [json.dumps({"channel": "status", "type": "update", "data": [status]})]

    def answer(self, message: str) -> Answer:
        request = json.loads(message)
        method = request.get("method")
        number = {"req_id": request["req_id"]} if "req_id" in request else {}
        if method == "ping":
            return Answer([json.dumps({"method": "pong", **number, **_TIMES})])
        if method not in ("subscribe", "unsubscribe"):
            return Answer([json.dumps({"error": "Unknown method", "method": method, "success": False, **number, **_TIMES})])
        params = request["params"]
        channel = params["channel"]
        if channel not in _CHANNELS or (channel == "book" and params.get("depth", 10) not in _DEPTHS):
            words = "Subscription depth not supported" if channel == "book" else "Subscription name invalid"
            return Answer([json.dumps({"error": words, "method": method, "success": False, **number, **_TIMES})])
        replies: list[str] = []
        known: list[tuple[Channel, Pair]] = []
        for symbol in params["symbol"]:
            pair = Pair(*symbol.split("/"))
            if pair.symbol in _NEW or pair.quote in _NEW:
                words = {"error": f"Currency pair not supported {symbol}"}
                replies.append(json.dumps({**words, "method": method, "success": False, "symbol": symbol, **number, **_TIMES}))
                continue
            result = {"channel": channel, "symbol": symbol} | {name: params[name] for name in ("depth", "snapshot") if name in params}
            replies.append(json.dumps({"method": method, "result": result, "success": True, **number, **_TIMES}))
            known.append((_CHANNELS[channel], pair))
        return Answer(replies, subscribed=known) if method == "subscribe" else Answer(replies, unsubscribed=known)

    def asking(self, path: str) -> tuple[Asking, Pair | None]:
        match urlsplit(path).path:
            case "/0/public/AssetPairs":
                return Asking.LISTINGS, None
            case "/0/public/Trades":
                name = query_of(path)["pair"]
                currency = next(currency for currency in _CURRENCIES if name.endswith(currency))
                symbol = name.removesuffix(currency)
                return Asking.TRADES, Pair(_NEW.get(symbol, symbol), _NEW.get(currency, currency))
        raise ValueError(path)

    def listings(self, pairs: Sequence[Pair], halted: Sequence[Pair] = ()) -> bytes:
        states = [(pair, "online") for pair in pairs] + [(pair, "cancel_only") for pair in halted]
        return _body({f"{_old(pair, '')}": {"altname": _old(pair, ""), "wsname": _old(pair, "/"), "status": state} for pair, state in states})

    def recent_trades(self, trades: Sequence[Trade], path: str) -> bytes:
        query = query_of(path)
        later = [trade for trade in trades if trade.event_time * 1_000_000 > int(query.get("since", 0))]
        chosen = later[:1000] if "since" in query else later[-1000:]
        last = str(chosen[-1].event_time * 1_000_000) if chosen else query.get("since", "0")
        return _body({query["pair"]: [_row(trade) for trade in chosen], "last": last})

    def trade_id(self, number: int) -> str:
        """Some ids are left out, as in the documentation's own example."""
        return str(61_044_952 + number * 3)


def _row(trade: Trade) -> list[Any]:
    # The seconds of a time are exact in a double down to far less than a millisecond.
    seconds = float(Decimal(trade.event_time) / 1000)
    side = "b" if trade.side is Side.BUY else "s"
    return [f"{trade.price:.10f}", f"{trade.size:.10f}", seconds, side, "m", "", int(trade.trade_id or 0)]


def _old(pair: Pair, separator: str) -> str:
    return f"{_OLD.get(pair.symbol, pair.symbol)}{separator}{_OLD.get(pair.quote, pair.quote)}"


def _body(result: dict[str, Any]) -> bytes:
    return json.dumps({"error": [], "result": result}).encode()
