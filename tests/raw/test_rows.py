"""Messages to rows of raw records: every record once, with its place; what is no record is left out, and takes no other with it."""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa

from src.collect.message import BINANCE_DEPTH_TOPIC, BINANCE_TRADE_TOPIC
from src.config.settings import load_settings
from src.raw.rows import RawRows
from src.raw.tables import RAW_ORDERBOOKS, RAW_TRADES
from src.schema.records import Instrument, OrderBook, RawMessage, Region, Side, Source, Trade
from src.setting.jobs import SparkStreamingOrderbook, SparkStreamingTrade
from tests.generated_trades import gap_mark, trades
from tests.panes.test_reading import ARRIVED
from tests.panes.test_trades_read import mark, trade
from tests.raw.messages import ADMISSION, BOOKS, CLUSTER, TRADES, messages, row_of

encode = msgspec.json.encode
BOOK = OrderBook(
    region=Region.KOREA,
    market="upbit",
    symbol="BTC",
    quote="KRW",
    source=Source.LIVE,
    event_time=ARRIVED - 500,
    received_time=ARRIVED - 400,
    bids=((100.0, 1.5), (99.0, 2.0), (98.0, 0.25)),
    asks=((101.0, 0.5),),
    sequence=2**53 + 1,
)


def test_a_trade_is_this_row() -> None:
    (row,) = TRADES.of(messages(encode(trade(side=Side.SELL, usd_rate=1.0, rate_source="usdt_par")))).to_pylist()
    assert row == {
        "source": "live",
        "symbol": "BTC",
        "market": "bybit",
        "event_time": row["event_time"],
        "kafka_cluster": CLUSTER,
        "topic": "raw",
        "partition": 1,
        "offset": 7,
        "place": 0,
        "region": "asia",
        "quote": "USDT",
        "instrument": "spot",
        "received_time": row["received_time"],
        "usd_rate": 1.0,
        "rate_source": "usdt_par",
        "bank_usd_rate": None,
        "bank_rate_source": None,
        "backfilled": False,
        "trade_id": "20f43950-d8dd-5b31-9112-a178eb6023af",
        "price": 1.0,
        "size": 2.0,
        "side": "sell",
        "gap_since": None,
    }
    assert [round(row[name].timestamp() * 1000) for name in ("event_time", "received_time")] == [ARRIVED - 500, ARRIVED - 400]


def test_a_gap_mark_is_one_row_however_long_the_gap_is() -> None:
    marked = mark(ARRIVED - 30 * 24 * 3_600_000)
    assert TRADES.of(messages(encode(marked))).to_pylist() == [row_of(marked, ("raw", 1, 7, 0))]


def test_a_gap_that_begins_before_any_time_stays_as_it_is() -> None:
    assert TRADES.of(messages(encode(mark(-(2**53)))))["gap_since"].cast(pa.int64()).to_pylist() == [-(2**53)]


def test_arrays_of_generated_trades_are_all_there() -> None:
    given = [*trades(5, 900)]
    given.append(gap_mark(given[-1], given[-1].event_time - 90_000))
    values = [encode(given[begin : begin + 7]) for begin in range(0, len(given), 7)]
    expected = [row_of(each, ("raw", 1, 7 + number // 7, number % 7)) for number, each in enumerate(given)]
    assert TRADES.of(messages(*values)).to_pylist() == expected


def test_messages_of_several_partitions_come_in_one_order_however_spark_gave_them() -> None:
    parts = [messages(encode(trade(trade_id=f"{topic}{number}")), topic=topic, partition=number) for topic in "ba" for number in (1, 0)]
    given = pa.concat_tables(parts)
    assert TRADES.of(given).equals(TRADES.of(given.take([2, 0, 3, 1])))
    assert TRADES.of(given)["trade_id"].to_pylist() == ["a0", "a1", "b0", "b1"]


def test_an_unreadable_part_of_an_array_is_left_out_and_the_others_keep_their_places() -> None:
    value = b"[" + b",".join([encode(trade(trade_id="1")), b'{"no":"trade"}', encode(trade(trade_id="3"))]) + b"]"
    rows = TRADES.of(messages(b"no json", None, b"[]", value)).to_pylist()
    assert [(row["offset"], row["place"], row["trade_id"]) for row in rows] == [(10, 0, "1"), (10, 2, "3")]


def test_what_is_refused_on_arrival_is_left_out_and_what_is_late_is_not() -> None:
    late = trade(trade_id="late", event_time=ARRIVED - 3_600_000)
    ahead = trade(trade_id="ahead", event_time=ARRIVED + 60_000)
    far = trade(trade_id="far", event_time=ARRIVED + 90_000_000, received_time=ARRIVED + 90_000_000)
    rows = TRADES.of(messages(encode([ahead, late, trade(trade_id="x" * 65), trade(price=-1.0), far]))).to_pylist()
    assert rows == [row_of(late, ("raw", 1, 7, 1))]


def test_nothing_but_dead_letters_is_a_table_without_rows() -> None:
    for made in (TRADES, BOOKS):
        found = made.of(messages(b"?", b"[]"))
        assert (found.num_rows, found.schema) == (0, made.table.arrow())


def test_books_have_their_levels_side_by_side() -> None:
    broken = msgspec.structs.replace(BOOK, bids=(), asks=(), valid=False, sequence=None, gap_since=ARRIVED - 9_000)
    given = [BOOK, broken, msgspec.structs.replace(BOOK, bids=())]
    found = BOOKS.of(messages(encode(given))).to_pylist()
    assert found == [row_of(each, ("raw", 1, 7, place)) for place, each in enumerate(given)]
    assert (found[0]["bid_prices"], found[0]["bid_sizes"]) == ([100.0, 99.0, 98.0], [1.5, 2.0, 0.25])
    assert (found[0]["ask_prices"], found[0]["ask_sizes"], found[0]["sequence"]) == ([101.0], [0.5], 2**53 + 1)
    assert (found[1]["bid_prices"], found[1]["ask_sizes"], found[1]["valid"]) == ([], [], False)


def payload(data: dict[str, Any] | None, **changes: Any) -> bytes:
    raw = RawMessage(
        symbol="BTCUSDT",
        stream="btcusdt@made",
        data=msgspec.Raw(encode(data)),
        ts=ARRIVED - 300,
        market="binance_futures",
        source=Source.LIVE,
    )
    return encode(msgspec.structs.replace(raw, **changes))


def test_payloads_of_futures_are_rows_of_their_records() -> None:
    settings = load_settings()
    trade_job, book_job = SparkStreamingTrade(settings), SparkStreamingOrderbook(settings)
    traded = RawRows(RAW_TRADES, Trade, ADMISSION, CLUSTER, trade_job.plan.reading.convert)
    changed = RawRows(RAW_ORDERBOOKS, OrderBook, ADMISSION, CLUSTER, book_job.plan.reading.convert)
    bought = payload({"e": "aggTrade", "E": ARRIVED - 310, "s": "BTCUSDT", "a": 5, "p": "100.5", "q": "2", "T": ARRIVED - 320, "m": False})
    nothing = payload({"e": "aggTrade", "E": ARRIVED - 310, "s": "BTCUSDT", "a": 6, "p": "0", "q": "0", "T": ARRIVED - 320, "m": False})
    rows = traded.of(messages(bought, nothing, b'{"no":"payload"}', payload(None, gap_since=ARRIVED - 5_000), topic=BINANCE_TRADE_TOPIC)).to_pylist()
    assert [(row["offset"], row["trade_id"], row["price"], row["side"], row["instrument"]) for row in rows] == [
        (7, "5", 100.5, "buy", Instrument.PERPETUAL.value),
        (10, None, None, None, Instrument.PERPETUAL.value),
    ]
    (gap,) = changed.of(messages(payload(None, gap_since=ARRIVED - 5_000), topic=BINANCE_DEPTH_TOPIC)).to_pylist()
    assert (gap["valid"], gap["bid_prices"], gap["market"]) == (False, [], "binance_futures")
