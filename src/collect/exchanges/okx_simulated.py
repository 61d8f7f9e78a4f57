"""What OKX would say: the frames of the simulator and of the round-trip tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from src.collect.exchanges.fields import decimal_text, sent
from src.collect.parsed import BookLevel, BookUpdate
from src.schema.records import Ticker, Trade


def message_of(said: Ticker | Trade | BookUpdate) -> str:
    """The text frame of this spot record."""
    inst_id = f"{said.symbol}-{said.quote}"
    match said:
        case Ticker():
            return _said("tickers", inst_id, _ticker_fields(said, inst_id))
        case Trade():
            trade = {"instId": inst_id, "tradeId": said.trade_id, "px": decimal_text(said.price), "sz": decimal_text(said.size)}
            return _said("trades", inst_id, trade | {"side": said.side, "ts": str(said.event_time)})
        case BookUpdate():
            book = {"asks": _written(said.asks), "bids": _written(said.bids), "ts": str(said.event_time), "checksum": said.checksum or 0}
            numbers = {"seqId": said.last, "prevSeqId": -1 if said.snapshot else said.previous}
            return _said("books", inst_id, book | numbers, action="snapshot" if said.snapshot else "update")


def _written(levels: Sequence[BookLevel]) -> list[tuple[str | None, str | None, str, str]]:
    return [(*_spelled(level), "0", "1") for level in levels]


def _spelled(level: BookLevel) -> tuple[str | None, str | None]:
    return (decimal_text(level[0]), decimal_text(level[1])) if len(level) == 2 else (level[2], level[3])  # noqa: PLR2004


def _said(channel: str, inst_id: str, data: Mapping[str, object], action: str | None = None) -> str:
    message = {"arg": {"channel": channel, "instId": inst_id}, **({"action": action} if action else {}), "data": [data]}
    return msgspec.json.encode(message).decode()


def _ticker_fields(ticker: Ticker, inst_id: str) -> Mapping[str, str | int]:
    return sent(
        {
            "instType": "SPOT",
            "instId": inst_id,
            "last": decimal_text(ticker.price),
            "askPx": decimal_text(ticker.ask),
            "askSz": decimal_text(ticker.ask_size),
            "bidPx": decimal_text(ticker.bid),
            "bidSz": decimal_text(ticker.bid_size),
            "open24h": decimal_text(ticker.open),
            "high24h": decimal_text(ticker.high),
            "low24h": decimal_text(ticker.low),
            "volCcy24h": decimal_text(ticker.quote_volume_24h),
            "vol24h": decimal_text(ticker.volume_24h),
            "ts": str(ticker.event_time),
        }
    )
