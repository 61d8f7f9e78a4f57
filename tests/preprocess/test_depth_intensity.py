"""Payloads of `binance-depth` as records, and how busy a book is by them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from src.collect.exchanges import EXCHANGES
from src.collect.exchanges.binance_futures import BinanceFutures
from src.config.settings import Settings
from src.errors import MalformedFrame
from src.preprocess.depth_change import depth_change
from src.preprocess.oracle import batch_rows
from src.preprocess.orderbook import OrderbookQueryOrganization
from src.schema.records import Instrument, OrderBook, RawMessage, Region, Source
from tests.captures import captures_folder, read_frames
from tests.equality import plain_rows
from tests.generated_books import depth_messages

START = 1_790_000_040_000


def message(second: float, bids: list[list[str]], asks: list[list[str]], *, symbol: str = "BTCUSDT", **changes: Any) -> RawMessage:
    time = START + round(second * 1000)
    payload = {"e": "depthUpdate", "E": time + 3, "T": time, "s": symbol, "U": 4, "u": 7, "pu": 3, "b": bids, "a": asks, "st": 1}
    given: dict[str, Any] = {
        "symbol": symbol,
        "stream": f"{symbol.lower()}@depth@100ms",
        "data": msgspec.Raw(msgspec.json.encode(payload)),
        "ts": time + 30,
        "market": "binance_futures",
        "source": Source.LIVE,
    }
    return RawMessage(**given | changes)


def mark(second: float) -> RawMessage:
    return message(second, [], [], data=msgspec.Raw(b"null"), gap_since=START - 900)


def test_a_payload_is_the_changed_levels_at_the_engines_time() -> None:
    assert depth_change(message(1, [["100.5", "2"], ["99", "0"]], [["101", "0.25"]])) == OrderBook(
        region=Region.NORTH_AMERICA_EUROPE,
        market="binance_futures",
        symbol="BTC",
        quote="USDT",
        instrument=Instrument.PERPETUAL,
        source=Source.LIVE,
        event_time=START + 1_000,
        received_time=START + 1_030,
        bids=((100.5, 2.0), (99.0, 0.0)),
        asks=((101.0, 0.25),),
        sequence=7,
    )


def test_a_contract_of_a_thousand_coins_is_counted_in_coins() -> None:
    """0.016 for a thousand coins are 0.000016 for one, and 3 such contracts are 3,000 coins."""
    found = depth_change(message(1, [["0.016", "3"]], [], symbol="1000SHIBUSDT"))
    assert (found.symbol, found.bids) == ("SHIB", ((0.000016, 3000.0),))


def test_a_dated_contract_is_a_future() -> None:
    assert depth_change(message(1, [], [], symbol="BTCUSDT_261225")).instrument is Instrument.FUTURE


def test_contracts_that_only_their_delivery_day_tells_apart_are_counted_and_in_no_row() -> None:
    organization = OrderbookQueryOrganization(Settings())
    raws = [
        message(1, [["100", "2"]], []),
        message(1, [["90", "3"]], [], symbol="BTCUSDT_261225"),
        message(2, [["80", "5"]], [], symbol="BTCUSDT_260925"),
    ]
    plain = plain_rows([depth_change(raw) for raw in raws], organization)
    rows = {metric.name: list(batch_rows(metric, plain).values()) for metric in organization.metrics()}
    assert [(row["instrument"], row["bid_size_per_second"]) for row in rows["depth_intensity"]] == [("perpetual", 0.2)]
    assert [(row["records"], row["not_comparable"], row["dated_contracts"]) for row in rows["input_quality"]] == [(3, 3, 2)]


def test_a_mark_is_a_record_without_levels_that_is_not_valid() -> None:
    found = depth_change(mark(2))
    assert (found.valid, found.bids, found.asks, found.gap_since) == (False, (), (), START - 900)
    assert (found.symbol, found.quote, found.event_time, found.received_time) == ("BTC", "USDT", START + 2_030, START + 2_030)


@pytest.mark.parametrize(
    "raw",
    [
        message(1, [], [], market="binance"),
        message(1, [], [], data=msgspec.Raw(b'{"e":"aggTrade"}')),
        message(1, [], [], data=msgspec.Raw(b'{"result":null,"id":1}')),
        message(1, [], [], data=msgspec.Raw(b'{"e":"serverShutdown","E":1}')),
        message(1, [["x", "1"]], []),
        message(1, [["1", "-1"]], []),
        message(1, [], [], data=msgspec.Raw(b"[]")),
    ],
    ids=["another market", "a trade", "an answer", "a shutdown", "no number", "below zero", "a list"],
)
def test_what_is_no_change_of_a_book_is_refused(raw: RawMessage) -> None:
    with pytest.raises(MalformedFrame):
        depth_change(raw)


def rows_of(records: list[OrderBook]) -> dict[tuple[Any, ...], dict[str, Any]]:
    organization = OrderbookQueryOrganization(Settings(markets=("okx", "binance_futures")))
    metrics = {metric.name: metric for metric in organization.metrics()}
    rows = plain_rows(records, organization)
    assert not any(row["comparable"] for row in rows)
    assert not any(batch_rows(metrics[name], rows) for name in ("order_cal_region", "order_cal_all", "order_cal_market", "executable_spread"))
    return batch_rows(metrics["depth_intensity"], rows)


def test_the_intensity_by_hand() -> None:
    """In ten seconds: two messages, three bid levels with 2 + 0 + 1 coins, one ask level with 5; then one message in the next ten."""
    changes = [
        message(0, [["100", "2"], ["99", "0"]], []),
        message(9.999, [["98", "1"]], [["101", "5"]]),
        message(10, [], []),
        message(12, [["1", "1"]], [], ts=START + 72_001),
    ]
    rows = rows_of([depth_change(change) for change in changes])
    assert set(rows) == {("live", "BTC", "binance_futures", "USDT", "perpetual", START + offset) for offset in (0, 10_000)}
    names = ["messages", "bid_updates", "ask_updates", "bid_size", "ask_size"]
    figures = [[row[f"{name}_per_second"] for name in names] for _, row in sorted(rows.items())]
    assert figures == [[0.2, 0.3, 0.1, 0.3, 0.5], [0.1, 0.0, 0.0, 0.0, 0.0]]
    assert [row["gaps"] for row in rows.values()] == [0, 0]


def test_a_gap_is_counted_where_it_was_noticed() -> None:
    (row,) = rows_of([depth_change(message(1, [["100", "2"]], [])), depth_change(mark(2))]).values()
    assert (row["gaps"], row["messages_per_second"], row["bid_size_per_second"]) == (1, 0.1, 0.2)
    (row,) = rows_of([depth_change(mark(2))]).values()
    assert (row["gaps"], row["messages_per_second"], row["bid_updates_per_second"], row["bid_size_per_second"]) == (1, 0.0, None, None)


def test_generated_payloads_are_each_in_one_window() -> None:
    changes = [depth_change(raw) for raw in depth_messages(1, 300)]
    rows = rows_of(changes).values()
    in_time = [change for change in changes if change.received_time - change.event_time <= 60_000 and change.instrument is Instrument.PERPETUAL]
    assert 0 < len(in_time) < len(changes)
    assert round(sum(row["messages_per_second"] * 10 + row["gaps"] for row in rows)) == len(in_time)
    assert {row["symbol"] for row in rows} == {"BTC", "ETH", "SHIB"}


def test_captured_payloads_are_changes() -> None:
    venue = EXCHANGES["binance_futures"]
    assert isinstance(venue, BinanceFutures)
    frames = [line.frame("binance_futures") for line in read_frames(captures_folder() / "binance_futures" / "orderbook.jsonl")[:200]]
    raws = [raw for frame in frames if (raw := venue.raw(frame)) is not None]
    assert len(raws) == 200
    for raw in raws:
        payload, change = msgspec.json.decode(raw.data), depth_change(raw)
        assert (change.event_time, change.sequence, len(change.bids), len(change.asks)) == (
            payload["T"],
            payload["u"],
            len(payload["b"]),
            len(payload["a"]),
        )
