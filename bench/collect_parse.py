"""How many frames a second one process of ours parses, and how many it takes through the whole pipeline up to Kafka's door."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import process_time

from bench.collect_frames import FrameSet
from src.collect.arrival import Arrival
from src.collect.book import Book, Outcome
from src.collect.clock import ClockGuard
from src.collect.exchanges import EXCHANGES
from src.collect.message import message_of
from src.collect.parsed import BookUpdate, Channel, TickerChange
from src.collect.pipeline import Pipeline
from src.collect.rates import UsdRates
from src.collect.ticker_changes import TickerChanges
from src.config import Settings
from src.schema.records import Ticker, Trade

ROUNDS = 3
ROUND_SECONDS = 0.7


@dataclass(frozen=True, slots=True)
class Speed:
    """Of one set of frames."""

    seconds: float
    """Processor seconds of one pass over the frames, the best of three rounds. Parsing waits for nothing, so alone on a core they are the clock's."""
    records: int
    """What one pass gave: tickers or trades, or changes that a whole book took in."""


def parse_speed(frames: FrameSet) -> Speed:
    """Parse alone; for order books parse and `Book.apply`, for tickers that come as changes parse and merge."""
    one_pass = {Channel.TICKER: _tickers, Channel.TRADE: _trades, Channel.ORDERBOOK: _books}[frames.channel]
    return Speed(best_seconds(lambda: one_pass(frames)), one_pass(frames))


def pipeline_speed(frames: FrameSet) -> Speed:
    """From frame to Kafka message: parse, books, deduplication, clock guard, USD rates, JSON. Every pass begins without a memory."""
    settings = Settings()
    rates = UsdRates(settings.rate_max_age_seconds, settings.bank_rate_max_age_hours)
    pipeline = Pipeline(EXCHANGES, None, rates, ClockGuard(settings.clock_ahead_seconds), lambda _: None)
    arrivals = [Arrival(frame=frame, received_time=frame.received_time, starts_pass=place == 0) for place, frame in enumerate(frames.frames)]

    def one_pass() -> int:
        sent = 0
        for arrival in arrivals:
            for item in pipeline.process(arrival):
                message_of(item)
                sent += isinstance(item, Ticker | Trade)
        pipeline.take_needs()
        return sent

    return Speed(best_seconds(one_pass), one_pass())


def best_seconds(one_pass: Callable[[], object]) -> float:
    """Processor seconds of a pass: the mean of a round of 0.7 s, the best of three rounds after a first one that warms up."""
    best = float("inf")
    for _ in range(ROUNDS + 1):
        passes = 0
        began = process_time()
        while (seconds := process_time() - began) < ROUND_SECONDS:
            one_pass()
            passes += 1
        best = min(best, seconds / passes)
    return best


def frames_per_second(pairs: Sequence[tuple[FrameSet, float]]) -> float:
    """All frames over all time, of sets and the seconds that a pass of each takes."""
    seconds = sum(each for _, each in pairs)
    return sum(frames.counted for frames, _ in pairs) / seconds if seconds else 0.0


def _tickers(frames: FrameSet) -> int:
    parse = EXCHANGES[frames.market].parse
    changes = TickerChanges()
    records = 0
    for frame in frames.frames:
        for item in parse(frame):
            if isinstance(item, TickerChange):
                changes.merged(item)
            records += 1
    return records


def _trades(frames: FrameSet) -> int:
    parse = EXCHANGES[frames.market].parse
    return sum([len(parse(frame)) for frame in frames.frames])


def _books(frames: FrameSet) -> int:
    exchange = EXCHANGES[frames.market]
    parse, rule = exchange.parse, exchange.book_rule
    books: dict[tuple[str, str, str], Book] = {}
    changed = 0
    for frame in frames.frames:
        for item in parse(frame):
            assert isinstance(item, BookUpdate)
            key = (item.symbol, item.quote, item.instrument)
            book = books.get(key)
            if book is None:
                book = books[key] = Book(rule)
            changed += book.apply(item) is Outcome.CHANGED
    return changed
