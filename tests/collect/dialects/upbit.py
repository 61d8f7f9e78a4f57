"""Upbit's server."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from src.collect.exchanges.fields import pair_of, traded_name
from src.collect.parsed import Channel, Pair
from src.schema.records import Side, Trade
from tests.collect.dialects.dialect import Answer, Asking, Dialect, query_of


class UpbitDialect(Dialect):
    """Acknowledges nothing; a request replaces the one before; a code that is not in upper case is met by silence; a refusal ends the socket."""

    market: ClassVar[str] = "upbit"
    first_id: ClassVar[int] = 17_900_000_000_000_000

    def answer(self, message: str) -> Answer:
        if message == "PING":
            return Answer([b'{"status":"UP"}'])
        try:
            request = json.loads(message)
        except ValueError:
            request = None
        if not isinstance(request, list) or not all(isinstance(part, dict) for part in request):
            return _refusal("WRONG_FORMAT", "Format 이 맞지 않습니다.")
        if not any(part.get("ticket") for part in request):
            return _refusal("NO_TICKET", "티켓이 존재하지 않거나, 유효하지 않습니다.")
        return self._subscription([part for part in request if "ticket" not in part and "format" not in part])

    def _subscription(self, topics: Sequence[dict[str, Any]]) -> Answer:
        subscribed = []
        for topic in topics:
            if "type" not in topic:
                return _refusal("NO_TYPE", "type 필드가 존재하지 않습니다.")
            if topic["type"] not in set(Channel):
                return _refusal("INVALID_PARAM", f"{topic['type']} 은 지원하지 않는 타입입니다.")
            if "codes" not in topic:
                return _refusal("NO_CODES", "codes 필드가 존재하지 않습니다.")
            codes = [code.partition(".")[0] for code in topic["codes"]]
            subscribed += [(Channel(topic["type"]), _pair(code)) for code in codes if code == code.upper()]
        return Answer(subscribed=subscribed, replaces=True)

    def asking(self, path: str) -> tuple[Asking, Pair | None]:
        if path.startswith("/v1/market/all"):
            return Asking.LISTINGS, None
        if path.startswith("/v1/trades/ticks"):
            return Asking.TRADES, _pair(query_of(path)["market"])
        raise ValueError(path)

    def listings(self, pairs: Sequence[Pair], halted: Sequence[Pair] = ()) -> bytes:
        """A market has no state: one that is not traded is not listed."""
        del halted
        names = [{"market": f"{pair.quote}-{traded_name(pair)}", "korean_name": pair.symbol, "english_name": pair.symbol} for pair in pairs]
        return json.dumps(names).encode()

    def recent_trades(self, trades: Sequence[Trade], path: str) -> bytes:
        newest_first = list(reversed(trades))[: int(query_of(path)["count"])]
        return json.dumps([_tick(trade) for trade in newest_first]).encode()

    def trade_id(self, number: int) -> str:
        """Beyond what a double holds."""
        return str(self.first_id + number)


def _tick(trade: Trade) -> dict[str, object]:
    assert trade.trade_id is not None
    moment = datetime.fromtimestamp(trade.event_time / 1000, UTC)
    return {
        "market": f"{trade.quote}-{trade.symbol}",
        "trade_date_utc": f"{moment:%Y-%m-%d}",
        "trade_time_utc": f"{moment:%H:%M:%S}",
        "timestamp": trade.event_time,
        "trade_price": trade.price,
        "trade_volume": trade.size,
        "ask_bid": "BID" if trade.side is Side.BUY else "ASK",
        "sequential_id": int(trade.trade_id),
    }


def _refusal(name: str, message: str) -> Answer:
    return Answer([json.dumps({"error": {"name": name, "message": message}}, ensure_ascii=False).encode()], closes=True)


def _pair(code: str) -> Pair:
    quote, _, symbol = code.partition("-")
    return pair_of(symbol, quote)
