"""Coinone's server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import urlsplit

from src.collect.exchanges.fields import decimal_text, pair_of, traded_name
from src.collect.parsed import Channel, Pair
from src.schema.records import Side, Trade
from tests.collect.dialects.dialect import Answer, Asking, Dialect, query_of

_QUOTE = "KRW"
_DONE = {"SUBSCRIBE": "SUBSCRIBED", "UNSUBSCRIBE": "UNSUBSCRIBED"}
_CHANNELS = {channel.value.upper(): channel for channel in Channel}


class CoinoneDialect(Dialect):
    """Greets; takes one topic a request and acknowledges any; refuses a topic only after that, and never says which."""

    market: ClassVar[str] = "coinone"

    def greeting(self) -> Sequence[str | bytes]:
        return [json.dumps({"response_type": "CONNECTED", "data": {"session_id": "6f3e1d0f-f9ab-f300-1567-0eb31af6d6ef"}})]

    def answer(self, message: str) -> Answer:
        try:
            request = json.loads(message)
        except ValueError:
            request = None
        if not isinstance(request, dict):
            return _error(160010, "Invalid Request")
        match request.get("request_type"):
            case "PING":
                return Answer([json.dumps({"response_type": "PONG"})])
            case "SUBSCRIBE" | "UNSUBSCRIBE" as asked:
                if request.get("channel") not in _CHANNELS:
                    return _error(160011, "Invalid Type", field="channel")
                return _topic(asked, request["channel"], request["topic"])
        return _error(160011, "Invalid Type", field="request_type")

    def asking(self, path: str) -> tuple[Asking, Pair | None]:
        parts = urlsplit(path).path.split("/")
        match parts[1:]:
            case ["public", "v2", "markets", _]:
                return Asking.LISTINGS, None
            case ["public", "v2", "trades", quote, symbol]:
                return Asking.TRADES, pair_of(symbol.upper(), quote.upper())
        raise ValueError(path)

    def listings(self, pairs: Sequence[Pair], halted: Sequence[Pair] = ()) -> bytes:
        states = [(pair, 1) for pair in pairs] + [(pair, 0) for pair in halted]
        markets = [
            {"quote_currency": pair.quote, "target_currency": traded_name(pair), "trade_status": state, "maintenance_status": 0}
            for pair, state in states
        ]
        return json.dumps({"result": "success", "error_code": "0", "server_time": 1_790_134_779_665, "markets": markets}).encode()

    def recent_trades(self, trades: Sequence[Trade], path: str) -> bytes:
        asked, pair = self.asking(path)
        assert asked is Asking.TRADES
        assert pair is not None
        transactions = [
            {
                "id": trade.trade_id,
                "timestamp": trade.event_time,
                "price": decimal_text(trade.price),
                "qty": decimal_text(trade.size),
                "is_seller_maker": trade.side is Side.BUY,
            }
            for trade in list(reversed(trades))[: int(query_of(path).get("size", "200"))]
        ]
        names = {"quote_currency": pair.quote, "target_currency": traded_name(pair)}
        return json.dumps({"result": "success", "error_code": "0", "server_time": 1_790_134_779_665, **names, "transactions": transactions}).encode()

    def trade_id(self, number: int) -> str:
        """A time in ms and three digits."""
        return f"{1_790_134_177_835 + number}001"


def _topic(asked: str, channel: str, topic: dict[str, str]) -> Answer:
    acknowledged = json.dumps({"response_type": _DONE[asked], "channel": channel, "data": topic})
    quote, symbol = topic["quote_currency"].upper(), topic["target_currency"].upper()
    if quote != _QUOTE:
        return Answer([acknowledged, *_error(160012, "Invalid Topic").replies])
    topics = [(_CHANNELS[channel], pair_of(symbol, quote))]
    return Answer([acknowledged], subscribed=topics) if asked == "SUBSCRIBE" else Answer([acknowledged], unsubscribed=topics)


def _error(code: int, message: str, **more: str) -> Answer:
    return Answer([json.dumps({"response_type": "ERROR", "error_code": code, "message": message, **more})])
