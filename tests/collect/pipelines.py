"""Pipelines for the tests, and what is fed to them: frames as the exchanges' own simulators say them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from src.collect.arrival import Arrival
from src.collect.clock import ClockGuard
from src.collect.exchange import Frame
from src.collect.exchanges import EXCHANGES
from src.collect.outgoing import Outgoing
from src.collect.parsed import BookUpdate, Channel, Pair
from src.collect.pipeline import Pipeline
from src.collect.rates import UsdRates
from src.schema.records import Source, Ticker, Trade
from tests.collect.tickers import START


class TestedPipeline(Pipeline):
    """A pipeline, and what it said to the user."""

    __test__ = False

    def __init__(self, symbols: frozenset[str] | None, book_interval_ms: int, wanted: Mapping[str, Mapping[Channel, Sequence[Pair]]] | None) -> None:
        self.said: list[str] = []
        super().__init__(
            EXCHANGES, symbols, UsdRates(60), ClockGuard(10), self.said.append, book_depth=10, book_interval_ms=book_interval_ms, wanted=wanted
        )

    def all_of(self, *arrivals: Arrival) -> list[Outgoing]:
        """What comes of several, in order."""
        return [one for arrival in arrivals for one in self.process(arrival)]


def pipeline(
    symbols: frozenset[str] | None = None, *, book_interval_ms: int = 0, wanted: Mapping[str, Mapping[Channel, Sequence[Pair]]] | None = None
) -> TestedPipeline:
    return TestedPipeline(symbols, book_interval_ms, wanted)


def frame(market: str, message: str | bytes, received_time: int = START, *, url: str | None = None, source: Source = Source.REPLAY) -> Arrival:
    return Arrival(frame=Frame(market, source, received_time, message, url), received_time=received_time)


def spoken(record: Ticker | Trade | BookUpdate) -> Arrival:
    """The record as its exchange would say it."""
    return frame(record.market, EXCHANGES[record.market].simulate(record), record.received_time, source=record.source)


def moved(arrival: Arrival, shift: int) -> Arrival:
    """The same, played again so much later."""
    return msgspec.structs.replace(arrival, received_time=arrival.received_time + shift)
