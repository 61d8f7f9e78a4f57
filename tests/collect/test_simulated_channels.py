"""The simulator's trades and order books: every venue and channel, with the mishaps of a network and no others."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from dataclasses import dataclass, field

import pytest

from src.collect.book import Book, Outcome
from src.collect.book_rule import FullReplace
from src.collect.exchange import Parsed
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import BookUpdate, Channel, Control, Frame, Pair, TickerChange
from src.collect.simulator import MarketSimulator
from src.errors import MalformedFrame
from src.schema.records import Ticker, Trade
from tests.collect.simulated import START, simulator

FRAMES = 1_500
RECORDS: dict[Channel, tuple[type, ...]] = {
    Channel.TICKER: (Ticker, TickerChange),
    Channel.TRADE: (Trade,),
    Channel.ORDERBOOK: (BookUpdate,),
}
MARKET_CHANNELS = [(market, channel) for market, exchange in EXCHANGES.items() for channel in exchange.urls]
NUMBERED = [market for market, exchange in EXCHANGES.items() if not isinstance(exchange.book_rule, FullReplace)]


def run(market: str, channel: Channel, frames: int = FRAMES) -> tuple[MarketSimulator, list[Frame]]:
    source = simulator(exchanges=[EXCHANGES[market]], channels=[channel], symbols=("BTC", "ETH"), rate=5.0)
    return source, list(itertools.islice(source, frames))


def parse(frame: Frame) -> list[Parsed] | None:
    """None for a damaged frame."""
    try:
        return list(EXCHANGES[frame.market].parse(frame))
    except MalformedFrame:
        return None


@pytest.mark.parametrize(("market", "channel"), MARKET_CHANNELS)
def test_every_frame_is_of_its_channel_but_the_damaged_ones(market: str, channel: Channel) -> None:
    source, frames = run(market, channel)
    damaged = 0
    seen: Counter[str] = Counter()
    for frame in frames:
        said = parse(frame)
        if said is None:
            damaged += 1
            continue
        for one in said:
            if isinstance(one, Control):
                continue
            assert isinstance(one, RECORDS[channel])
            inner = one.ticker if isinstance(one, TickerChange) else one
            assert isinstance(inner, Ticker | Trade | BookUpdate)
            assert (inner.market, inner.instrument) == (market, EXCHANGES[market].instrument)
            seen[inner.symbol] += 1
    assert source.counts.malformed - damaged in {0, 1}  # one may still be on its way
    assert {"BTC", "ETH"} <= set(seen)
    assert min(seen.values()) > FRAMES / 10


@pytest.mark.parametrize("market", EXCHANGES)
def test_trades_have_ids_of_their_own_sides_and_prices(market: str) -> None:
    source, frames = run(market, Channel.TRADE)
    trades = [one for frame in frames for one in parse(frame) or () if isinstance(one, Trade)]
    copies = Counter((trade.symbol, trade.quote, trade.trade_id) for trade in trades)
    assert 0 <= sum(count - 1 for count in copies.values()) <= source.counts.duplicated
    assert all(trade.trade_id and trade.price and trade.size and trade.side for trade in trades)
    assert {trade.side for trade in trades} == {"buy", "sell"}
    # They arrive in the order in which they were made.
    for symbol in ("BTC", "ETH"):
        times = [trade.event_time for trade in trades if trade.symbol == symbol]
        assert times == sorted(times)


@dataclass
class Kept:
    """Books kept from a simulated run, each asked for again when it is lost."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)
    books: dict[Pair, Book] = field(default_factory=dict)
    crossed: int = 0


@functools.cache
def kept(market: str) -> Kept:
    exchange = EXCHANGES[market]
    source = simulator(exchanges=[exchange], channels=[Channel.ORDERBOOK], symbols=("BTC", "ETH"), rate=5.0)
    found = Kept()
    damaged_at: int | None = None
    last_at: dict[Pair, int] = {}
    for frame in itertools.islice(source, FRAMES):
        said = parse(frame)
        if said is None:
            damaged_at = frame.received_time
        for update in said or ():
            if not isinstance(update, BookUpdate):
                continue
            pair = Pair(update.symbol, update.quote)
            book = found.books.setdefault(pair, Book(exchange.book_rule))
            outcome = book.apply(update)
            found.outcomes[outcome] += 1
            before = last_at.get(pair, START)
            was_silent = frame.received_time - before > 2_500
            if outcome is Outcome.BROKEN and not was_silent and (damaged_at is None or damaged_at < before):
                found.unexplained.append(f"{pair} at {frame.received_time}: {book.fault}")
            last_at[pair] = frame.received_time
            found.crossed += book.is_whole and not book.valid
            if not book.is_whole:
                source.ask(market, pair)
    return found


@pytest.mark.parametrize("market", EXCHANGES)
def test_books_stay_whole_but_for_damaged_frames_and_silence(market: str) -> None:
    found = kept(market)
    assert found.unexplained == []
    assert found.crossed == 0
    assert all(book.is_whole for book in found.books.values())
    assert len(found.books) == (3 if EXCHANGES[market].rate_pair is not None else 2)
    assert found.outcomes[Outcome.CHANGED] > FRAMES * 0.9
    assert found.outcomes[Outcome.WAITING] < FRAMES / 100


def test_books_do_break_in_the_simulator() -> None:
    """So that the collector has something to mend; a book that is told whole each time cannot break."""
    broken = {market for market in EXCHANGES if kept(market).outcomes[Outcome.BROKEN]}
    assert broken
    assert broken <= set(NUMBERED)


@pytest.mark.parametrize("market", EXCHANGES)
def test_who_asks_for_a_book_is_given_a_snapshot_of_it(market: str) -> None:
    """And nobody else: by REST where the venue gives snapshots so."""
    exchange = EXCHANGES[market]
    pair, other = Pair("BTC", exchange.quotes[0]), Pair("ETH", exchange.quotes[0])
    source, _ = run(market, Channel.ORDERBOOK, 500)
    source.ask(market, pair)
    source.ask("nobody", pair)
    source.ask(market, Pair("NONE", exchange.quotes[0]))
    found: dict[Pair, list[bool]] = {pair: [], other: []}
    for frame in itertools.islice(source, 100):
        for update in parse(frame) or ():
            if isinstance(update, BookUpdate) and Pair(update.symbol, update.quote) in found:
                found[Pair(update.symbol, update.quote)].append(update.snapshot)
                assert (frame.url is not None) is (update.snapshot and exchange.book_rule.rest_snapshot)
    full = isinstance(exchange.book_rule, FullReplace)
    assert found[pair].count(True) == (len(found[pair]) if full else 1)
    assert found[other].count(True) == (len(found[other]) if full else 0)
    assert min(map(len, found.values())) > 5


@pytest.mark.parametrize("market", EXCHANGES)
def test_checksums_are_sent_where_the_rule_needs_them(market: str) -> None:
    _, frames = run(market, Channel.ORDERBOOK, 100)
    checksums = [update.checksum for frame in frames for update in parse(frame) or () if isinstance(update, BookUpdate)]
    assert all((checksum is not None) is (market == "kraken") for checksum in checksums)


def test_several_venues_and_channels_at_once_are_the_same_for_a_seed() -> None:
    exchanges = [EXCHANGES["okx"], EXCHANGES["binance_futures"], EXCHANGES["kraken"]]
    first, again, other = (list(itertools.islice(simulator(seed, exchanges=exchanges, channels=list(Channel)), 3000)) for seed in (7, 7, 8))
    assert first == again
    assert first != other
    times = [frame.received_time for frame in first]
    assert times == sorted(times)
