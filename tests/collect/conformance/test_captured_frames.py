"""Every captured frame holds records or is a known control frame; what is refused is refused for a stated reason."""

from __future__ import annotations

from collections import Counter

import pytest

from src.collect.exchange import Channel
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import BookUpdate, Control, Frame, Listing, TickerChange
from src.errors import MalformedFrame
from src.schema.records import Source, Ticker, Trade
from tests.captures import captures_folder
from tests.collect.conformance.reading import everything, frames_of, parse, read
from tests.collect.conformance.refusals import REFUSED, Refused

OF_FILE: dict[str, tuple[type, ...]] = {
    "ticker": (Ticker, TickerChange),
    "trade": (Trade,),
    "orderbook": (BookUpdate,),
    "control": (Control,),
    "bookticker": (),
}


def kind_of(file: str) -> str:
    return file.partition("/")[2].partition(".")[0]


def test_every_exchange_has_captures_and_every_capture_an_exchange() -> None:
    assert {folder.name for folder in captures_folder().iterdir()} == set(EXCHANGES)
    assert {kind_of(frame.file) for frame in everything()} == set(OF_FILE)


@pytest.mark.parametrize("market", EXCHANGES)
def test_every_frame_is_known_or_on_the_list(market: str) -> None:
    expected = {
        str(frame): next((entry.reason for entry in REFUSED if entry.file == frame.file and entry.holds in frame.text), None)
        for frame in frames_of(market)
    }
    refused = [str(frame) for frame in frames_of(market) if frame.refusal is not None]
    assert refused == [place for place, reason in expected.items() if reason is not None]


@pytest.mark.parametrize("entry", REFUSED, ids=lambda entry: entry.file)
def test_no_entry_of_the_list_stands_there_in_vain(entry: Refused) -> None:
    market, _, file = entry.file.partition("/")
    assert sum(entry.holds in frame.text and frame.refusal is not None for frame in read(market, file)) == entry.frames


@pytest.mark.parametrize("market", EXCHANGES)
def test_every_frame_holds_what_its_file_says(market: str) -> None:
    for frame in frames_of(market):
        if frame.refusal is None:
            assert frame.parsed, f"{frame} says nothing"
            assert all(isinstance(said, OF_FILE[kind_of(frame.file)]) for said in frame.parsed), str(frame)
            assert all(said.text for said in frame.parsed if isinstance(said, Control)), str(frame)
            assert not any(isinstance(said, Listing) for said in frame.parsed)


@pytest.mark.parametrize("market", EXCHANGES)
def test_every_channel_of_every_exchange_has_frames(market: str) -> None:
    """So that nothing below is proven of no frames at all."""
    seen = Counter(kind_of(frame.file) for frame in frames_of(market) if frame.refusal is None and not frame.is_retired)
    assert {channel for channel in EXCHANGES[market].urls if not seen[channel.value]} == set()
    assert seen["control"] > 0
    assert set(EXCHANGES[market].urls) == set(Channel) - ({Channel.TICKER} if market == "binance_futures" else set())


@pytest.mark.parametrize("market", EXCHANGES)
def test_text_and_binary_frames_are_read_alike(market: str) -> None:
    for read_frame in frames_of(market):
        frame = read_frame.frame
        other = read_frame.text if isinstance(frame.message, bytes) else read_frame.text.encode()
        assert parse(Frame(market, frame.source, frame.received_time, other, frame.url)) == (read_frame.parsed, read_frame.refusal)


@pytest.mark.parametrize("market", EXCHANGES)
def test_frames_are_read_alike_whatever_their_source(market: str) -> None:
    """A frame says the same whether it is live, recorded or simulated, but for that."""
    for read_frame in frames_of(market):
        frame = read_frame.frame
        live, _ = parse(Frame(market, Source.LIVE, frame.received_time, frame.message, frame.url))
        assert len(live) == len(read_frame.parsed)
        for said in live:
            inner = said.ticker if isinstance(said, TickerChange) else said
            if isinstance(inner, Ticker | Trade | BookUpdate):
                assert (inner.source, inner.received_time, inner.market) == (Source.LIVE, frame.received_time, market)


@pytest.mark.parametrize(
    ("market", "file"),
    [
        ("bybit", "bybit_linear/ticker.jsonl"),
        ("bybit", "bybit_linear/ticker.doc.jsonl"),
        ("binance", "binance_futures/ticker.doc.jsonl"),
        ("binance", "binance_futures/orderbook.jsonl"),
        ("binance", "binance_futures/bookticker.jsonl"),
        ("binance_futures", "binance/orderbook.jsonl"),
        ("binance_futures", "binance/ticker.doc.jsonl"),
    ],
)
def test_frames_of_the_sister_market_are_not_taken_for_ones_own(market: str, file: str) -> None:
    """Spot and derivative sockets of one exchange send frames of the same shape."""
    other, _, name = file.partition("/")
    for read_frame in read(other, name):
        with pytest.raises(MalformedFrame):
            EXCHANGES[market].parse(Frame(market, Source.REPLAY, read_frame.frame.received_time, read_frame.text))


@pytest.mark.parametrize("market", EXCHANGES)
def test_frames_of_other_exchanges_are_refused(market: str) -> None:
    """Those of another family; what a Korean venue that took over Upbit's protocol sends is not told apart by its shape."""
    families = {"bithumb": "upbit", "binance_futures": "binance", "bybit_linear": "bybit"}
    family = families.get(market, market)
    for frame in everything():
        # Control frames of a few words may be the same at two venues.
        if families.get(frame.market, frame.market) != family and frame.data and frame.frame.url is None:
            with pytest.raises(MalformedFrame):
                EXCHANGES[market].parse(Frame(market, Source.REPLAY, 0, frame.text))
