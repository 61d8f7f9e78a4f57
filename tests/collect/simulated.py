"""Half an hour of the simulated market, made once for all the tests that look at it."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from src.collect.exchange import Control, Parsed
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import Channel, Frame, TickerChange
from src.collect.simulator import MarketSimulator
from src.errors import MalformedFrame
from src.schema.records import Ticker

START = int(datetime(2026, 11, 20, 14, 50, tzinfo=UTC).timestamp() * 1000)  # ten minutes before midnight in Seoul
SYMBOLS = ("BTC", "ETH", "WXYZ")
TICKER_MARKETS = tuple(name for name, exchange in EXCHANGES.items() if Channel.TICKER in exchange.urls)


def simulator(seed: int = 7, start: int = START, symbols: Sequence[str] = SYMBOLS, **more: object) -> MarketSimulator:
    arguments = {"exchanges": [EXCHANGES[name] for name in TICKER_MARKETS], "rate": 2.0} | more
    return MarketSimulator(seed=seed, symbols=symbols, start_time_ms=start, **arguments)  # type: ignore[arg-type]


def take_until(frames: Iterable[Frame], end: int) -> list[Frame]:
    return list(itertools.takewhile(lambda frame: frame.received_time < end, frames))


class HalfAnHour:
    """Half an hour of the tickers of all venues that have any, read by the venues' own parsers."""

    def __init__(self) -> None:
        source = simulator()
        self.frames = take_until(source, START + 1_800_000)
        self.counts = source.counts
        self.malformed = 0
        self.controls: list[tuple[Frame, Control]] = []
        self.tickers: list[Ticker] = []
        for frame in self.frames:
            try:
                records = EXCHANGES[frame.market].parse(frame)
            except MalformedFrame:
                self.malformed += 1
                continue
            for record in records:
                if isinstance(record, Control):
                    self.controls.append((frame, record))
                else:
                    self.tickers.append(plain_ticker(record))

    def prices(self, market: str, symbol: str) -> dict[int, float]:
        """The last price of each 10 s, by their number."""
        return {t.event_time // 10_000: t.price for t in self.tickers if (t.market, t.symbol) == (market, symbol) and t.price is not None}

    def in_event_order(self, market: str, symbol: str) -> list[Ticker]:
        chosen = [t for t in self.tickers if (t.market, t.symbol) == (market, symbol)]
        return sorted(chosen, key=lambda t: (t.event_time, t.received_time))


def plain_ticker(record: Parsed) -> Ticker:
    """The ticker, or the one in a change of which the simulator says all."""
    ticker = record.ticker if isinstance(record, TickerChange) else record
    assert isinstance(ticker, Ticker)
    return ticker


def tickers_of(frame: Frame) -> list[Ticker]:
    try:
        return [plain_ticker(record) for record in EXCHANGES[frame.market].parse(frame) if isinstance(record, Ticker | TickerChange)]
    except MalformedFrame:
        return []


@functools.cache
def half_an_hour() -> HalfAnHour:
    """The same object every time; nothing in it changes."""
    return HalfAnHour()
