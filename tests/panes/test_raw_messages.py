"""Topics of a venue's own payloads: a bad part loses itself alone, and what is no payload is a dead letter."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pyarrow as pa
import pytest

from src.collect.aggregate_trade import aggregate_trade
from src.collect.message import BINANCE_TRADE_TOPIC
from src.config.settings import Settings
from src.panes.messages import ArrowMessages
from src.panes.raw_messages import RawTopic
from src.panes.reading import MESSAGE_LIMIT, Reader, Reading, parsed_kinds
from src.preprocess.admission import Admission
from src.preprocess.gap_marks import spread_gap_mark
from src.schema.records import DeadLetter, RawMessage, Source, Trade
from tests.panes.read_columns import column_of
from tests.panes.test_reading import ARRIVED, SCHEMA

PAYLOAD = {"e": "aggTrade", "E": ARRIVED, "a": 7, "s": "BTCUSDT", "p": "70296.6", "q": "0.5", "T": ARRIVED - 9, "m": True}


def raw(**changes: object) -> bytes:
    message = RawMessage(
        symbol="BTCUSDT",
        stream="s",
        data=msgspec.Raw(msgspec.json.encode(PAYLOAD | changes)),
        ts=ARRIVED,
        market="binance_futures",
        source=Source.LIVE,
    )
    return msgspec.json.encode(message)


def read(*values: bytes | None) -> tuple[list[tuple[object, object]], list[DeadLetter]]:
    """Trade id and problem of what the reader makes of messages of that topic, and the dead letters."""
    letters: list[DeadLetter] = []
    reading = Reading(
        Trade,
        Admission.of(Settings()),
        frozenset(parsed_kinds(Trade)),
        convert={BINANCE_TRADE_TOPIC: RawTopic(aggregate_trade)},
        spreads="gap_since",
        spread=spread_gap_mark,
    )
    time = datetime.fromtimestamp(ARRIVED / 1000, UTC)
    rows = [
        {"value": value, "topic": BINANCE_TRADE_TOPIC, "partition": 0, "offset": offset, "timestamp": time} for offset, value in enumerate(values)
    ]
    (records,) = Reader(reading, letters.append).read(ArrowMessages(pa.RecordBatch.from_pylist(rows, SCHEMA)))
    return list(zip(column_of(records, "trade_id"), column_of(records, "problem"), strict=True)), letters


def test_a_bad_part_loses_itself_alone() -> None:
    found, letters = read(b"[" + raw() + b",3," + raw(a=8) + b"]")
    assert found[:2] == [("7", None), ("8", None)]
    assert [problem is None for _, problem in found] == [True, True, False]
    assert len(letters) == 1


@pytest.mark.parametrize("value", [None, b"", b"x", b"[]", b"{}", raw(p="nan"), raw(s="?"), b" " * (MESSAGE_LIMIT + 1), b"[" * 100_000])
def test_what_is_no_payload_is_a_dead_letter(value: bytes | None) -> None:
    found, letters = read(value, raw())
    assert [problem is None for _, problem in found] == [True, False]
    assert len(letters) == 1


def test_a_trade_of_another_topic_is_no_payload() -> None:
    found, _ = read(b'{"region":"ne","market":"binance","symbol":"BTC","quote":"USDT","source":"live","event_time":1,"received_time":2}')
    assert [problem is None for _, problem in found] == [False]


def test_a_refused_mark_is_one_dead_letter() -> None:
    mark = msgspec.json.encode({**msgspec.json.decode(raw()), "data": None, "ts": 2**52, "gap_since": 0})
    found, letters = read(mark)
    assert len(found) == len(letters) == 1
