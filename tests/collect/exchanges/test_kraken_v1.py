"""Kraken's v1 socket, captured 2021-04-17: what its frames were is read for replays."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from src.collect.book import Book, Outcome
from src.collect.book_rule import Checksummed
from src.collect.exchange import Parsed
from src.collect.exchanges.kraken import Kraken
from src.collect.parsed import BookUpdate, Control, ControlKind, Frame
from src.errors import MalformedFrame
from src.schema.records import Region, Side, Source, Ticker, Trade
from tests.captures import captures_folder, read_frames

VENUE = Kraken()
RECEIVED = 1_790_000_000_050


def parsed(message: str) -> list[Parsed]:
    return list(VENUE.parse(Frame("kraken", Source.REPLAY, RECEIVED, message)))


def frames(file: str) -> list[Frame]:
    return [line.frame("kraken") for line in read_frames(captures_folder() / "kraken" / file)]


def test_a_ticker() -> None:
    """`kraken/ticker.v1.jsonl`, line 1. It has no time, so it is the time of receiving; 72035.05488104 x 13.734728 is found in decimal."""
    assert VENUE.parse(frames("ticker.v1.jsonl")[0]) == (
        Ticker(
            region=Region.NORTH_AMERICA_EUROPE,
            market="kraken",
            symbol="WAVES",
            quote="EUR",
            source=Source.REPLAY,
            event_time=1618678132949,
            received_time=1618678132949,
            price=13.2539,
            open=13.4283,
            high=14.2112,
            low=13.0218,
            volume_24h=72035.05488104,
            quote_volume_24h=989381.8852561568,
            bid=13.2329,
            bid_size=185.18432037,
            ask=13.2539,
            ask_size=35.72892241,
        ),
    )


def test_trades() -> None:
    """`kraken/trade.v1.jsonl`, line 4: two trades of one taker, who sold. They have no id."""
    first, second = VENUE.parse(frames("trade.v1.jsonl")[3])
    assert first == Trade(
        region=Region.NORTH_AMERICA_EUROPE,
        market="kraken",
        symbol="XMR",
        quote="USD",
        source=Source.REPLAY,
        event_time=1618678150826,
        received_time=1618678150856,
        price=354.04,
        size=0.28245396,
        side=Side.SELL,
    )
    assert isinstance(second, Trade)
    assert (second.price, second.size, second.event_time) == (353.81, 1.71754604, 1618678150827)
    (bought,) = VENUE.parse(frames("trade.v1.jsonl")[1])
    assert isinstance(bought, Trade)
    assert (bought.side, bought.price) == (Side.BUY, 354.55)


def test_a_change_of_a_book() -> None:
    """Of `kraken/orderbook.v1.jsonl`: XBT is BTC, and the digits are kept."""
    message = '[3648,{"b":[["0.00753600","5.00000000","1618678133.567659"]],"c":"2884602505"},"book-1000","KSM/XBT"]'
    assert message in {line.message for line in read_frames(captures_folder() / "kraken/orderbook.v1.jsonl")}
    assert parsed(message) == [
        BookUpdate(
            market="kraken",
            symbol="KSM",
            quote="BTC",
            source=Source.REPLAY,
            event_time=1618678133567,
            received_time=RECEIVED,
            snapshot=False,
            bids=[(0.007536, 5.0, "0.00753600", "5.00000000")],
            asks=[],
            checksum=2884602505,
        )
    ]


def test_two_payloads_are_one_change_and_a_level_told_again_is_a_level() -> None:
    """Adapted: the capture has no frame of five parts and none with "r"."""
    message = '[992,{"a":[["355.1","1.5","1618678133.5","r"]]},{"b":[["354.2","2.0","1618678134.25"]],"c":"7"},"book-1000","XDG/XBT"]'
    (update,) = parsed(message)
    assert isinstance(update, BookUpdate)
    assert (update.symbol, update.quote, update.event_time, update.checksum) == ("DOGE", "BTC", 1618678134250, 7)
    assert (update.bids, update.asks) == ([(354.2, 2.0, "354.2", "2.0")], [(355.1, 1.5, "355.1", "1.5")])


def test_every_checksum_of_the_capture_is_right() -> None:
    """`kraken/orderbook.v1.jsonl`, subscribed to 1000 levels: 5 snapshots without a checksum and 395 changes with one."""
    asked = json.loads(read_frames(captures_folder() / "kraken/requests.jsonl")[5].message or "")
    books: dict[str, Book] = {}
    outcomes: Counter[tuple[Outcome, bool]] = Counter()
    for frame in frames("orderbook.v1.jsonl"):
        (update,) = VENUE.parse(frame)
        assert isinstance(update, BookUpdate)
        book = books.setdefault(f"{update.symbol}/{update.quote}", Book(Checksummed(asked["subscription"]["depth"])))
        outcomes[book.apply(update), update.checksum is not None] += 1
        assert book.valid
    assert outcomes == {(Outcome.CHANGED, False): 5, (Outcome.CHANGED, True): 395}
    assert sorted(books) == ["BTC/CHF", "KSM/BTC", "OCEAN/BTC", "OMG/USD", "XMR/USD"]


def test_control_frames() -> None:
    controls = Counter(control for frame in frames("control.v1.jsonl") for control in VENUE.parse(frame))
    assert sum(controls.values()) == 125
    assert all(isinstance(control, Control) for control in controls)
    assert controls[Control(ControlKind.NOTICE, "systemStatus online")] == 3
    assert controls[Control(ControlKind.ACKNOWLEDGED, "subscriptionStatus subscribed book-1000 XMR/USD")] == 1
    refused = '{"event":"subscriptionStatus","status":"error","pair":"XBT/XXX","errorMessage":"Currency pair not supported XBT/XXX"}'
    assert parsed(refused) == [Control(ControlKind.REFUSED, "Currency pair not supported XBT/XXX")]


def test_every_captured_frame_is_a_record() -> None:
    assert Counter(type(record) for frame in frames("ticker.v1.jsonl") for record in VENUE.parse(frame)) == {Ticker: 9}
    named = {(t.symbol, t.quote) for frame in frames("ticker.v1.jsonl") for t in VENUE.parse(frame) if isinstance(t, Ticker)}
    assert ("KSM", "BTC") in named
    assert not any("XBT" in pair for pair in named)
    assert Counter(type(record) for frame in frames("trade.v1.jsonl") for record in VENUE.parse(frame)) == {Trade: 5}


@pytest.mark.parametrize(
    "message",
    [
        "[]",
        '[1,{},"book-10"]',
        '[1,{},"book-10","XBT/USD"]',
        '[1,{"b":[["1","1","NaN"]]},"book-10","XBT/USD"]',
        '[1,{"b":[["1","x","1.5"]]},"book-10","XBT/USD"]',
        '[1,[["1","1","1.5","x"]],"trade","XBT/USD"]',
        '[1,["1","2"],"spread","XBT/USD"]',
        '[1,[],[],"trade","XBT/USD"]',
        '{"event":"surprise"}',
    ],
)
def test_what_cannot_be_used_is_malformed(message: str) -> None:
    with pytest.raises(MalformedFrame):
        parsed(message)
