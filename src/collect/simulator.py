"""A market made up from a seed: frames of every venue, in the venue's own format, as they would have come in."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Mapping, Sequence
from random import Random

import msgspec

from src.collect.exchange import Exchange
from src.collect.parsed import BookUpdate, Channel, Frame, Pair
from src.collect.quotes import chosen_quote
from src.collect.simulate.book_flow import BookFlow
from src.collect.simulate.economy import Economy
from src.collect.simulate.market import Market
from src.collect.simulate.network import Mishaps, Network
from src.collect.simulate.process import Episodes
from src.collect.simulate.trade_flow import TradeFlow
from src.errors import ConfigurationError
from src.schema.records import Source, Ticker, Trade

_WHALE_EVERY_SECONDS = 100
_HEARTBEAT_EVERY = 10_000  # ms
_HEARTBEATS: Mapping[str, str | bytes] = {
    "upbit": b'{"status":"UP"}',
    "bithumb": b'{"status":"UP"}',
    "okx": "pong",
    "bybit": '{"success":true,"ret_msg":"pong","conn_id":"simulated","op":"ping"}',
    "kraken": '{"channel":"heartbeat"}',
}
"""Venues that are not named here say nothing when there is nothing to say."""


class Counts(msgspec.Struct, frozen=True):
    """What the simulator has done so far, so that a reader of its frames can be checked against it."""

    late: int
    duplicated: int
    malformed: int
    heartbeats: int
    whales: int
    gaps: int


class _Venue:
    """An exchange, its connection and its outages."""

    def __init__(self, exchange: Exchange, seed: int, start_time: float, mishaps: Mishaps) -> None:
        random = Random(f"{seed}/venue/{exchange.name}")  # noqa: S311  a simulation, no secret
        self.exchange = exchange
        self.network = Network(random, mishaps)
        self.gaps = Episodes(random, start_time=start_time, every_seconds=200, shortest_seconds=3, longest_seconds=12)
        self.heartbeat = _HEARTBEATS.get(exchange.name)


class _Stream:
    """One channel of one pair: what makes its next message."""

    def __init__(self, venue: _Venue, market: Market, channel: Channel, seed: int, start_time: float) -> None:
        self.venue = venue
        self.market = market
        self.channel = channel
        self.trades = TradeFlow(market, seed, start_time)
        self.book = BookFlow(market, seed, start_time)

    def next(self, time: float) -> Ticker | Trade | BookUpdate:
        """What the venue says at `time`, ms."""
        match self.channel:
            case Channel.TICKER:
                return self.market.ticker(time)
            case Channel.TRADE:
                return self.trades.next(time)
            case Channel.ORDERBOOK:
                return self.book.next(time)

    def url(self, said: Ticker | Trade | BookUpdate) -> str | None:
        """What was asked for, where the answer to a request says it."""
        if not (isinstance(said, BookUpdate) and said.snapshot and self.book.snapshot_comes_by_rest):
            return None
        return f"{self.venue.exchange.rest_urls[0]}{self.venue.exchange.book_path(self.market.pair)}"


class MarketSimulator(Iterator[Frame]):
    """An endless iterator of frames in the order of `received_time`, the same for the same arguments.

    Coins follow a common market and moves of their own, venues add noise and a spread, Korea a premium, and activity comes in
    bursts. Now and then a whale moves a price, a venue is silent for some seconds, a frame is late, twice or damaged. It never reads the
    clock and never sleeps: who plays the frames paces them by `received_time`. Its memory does not grow. The only way
    to come back to a place is to start again from the same seed.
    """

    def __init__(
        self,
        *,
        seed: int,
        exchanges: Sequence[Exchange],
        symbols: Sequence[str],
        channels: Sequence[Channel] = (Channel.TICKER,),
        quotes: Mapping[str, str] | None = None,
        start_time_ms: int,
        rate: float = 4.0,
    ) -> None:
        """`quotes` names the quote currency of a market that is not to use its first; `rate` is frames a second, market and symbol.

        Raises `ConfigurationError` when there is no pair to simulate, and for a quote that an exchange does not have.
        """
        self._mishaps = Mishaps()
        self._heartbeats = self._whales = 0
        economy = Economy(seed)
        self._random = Random(f"{seed}/simulator")  # noqa: S311  a simulation, no secret
        self._venues = [_Venue(exchange, seed, start_time_ms, self._mishaps) for exchange in exchanges]
        self._order = itertools.count()
        self._upcoming: list[tuple[float, int, _Venue, _Stream | None]] = []
        self._streams: dict[tuple[str, Channel, Pair], _Stream] = {}
        self._in_flight: list[tuple[int, int, Frame]] = []
        for venue in self._venues:
            for pair in _pairs(venue.exchange, symbols, quotes or {}):
                market = Market(venue.exchange, pair, economy, start_time=start_time_ms, rate=rate)
                for channel in channels:
                    if channel in venue.exchange.urls:
                        stream = self._streams[venue.exchange.name, channel, pair] = _Stream(venue, market, channel, seed, start_time_ms)
                        self._plan(start_time_ms + self._random.uniform(0, 1000 / rate), venue, stream)
            if venue.heartbeat is not None:
                self._plan(start_time_ms + self._random.uniform(0, _HEARTBEAT_EVERY), venue, None)
        if not self._streams:
            raise ConfigurationError("there is nothing to simulate: name an exchange (COINSPARK_MARKETS) and a coin (COINSPARK_SYMBOLS)")
        self._next_whale = start_time_ms + self._random.expovariate(1 / _WHALE_EVERY_SECONDS) * 1000

    @property
    def counts(self) -> Counts:
        """Counts up to now; frames that are still on their way are among them."""
        return Counts(
            late=self._mishaps.late,
            duplicated=self._mishaps.duplicated,
            malformed=self._mishaps.malformed,
            heartbeats=self._heartbeats,
            whales=self._whales,
            gaps=sum(venue.gaps.count for venue in self._venues),
        )

    def __next__(self) -> Frame:
        # Whatever is sent from now on arrives after now, so a frame that arrives by then is the next one.
        while not self._in_flight or self._in_flight[0][0] > self._upcoming[0][0]:
            self._step()
        return heapq.heappop(self._in_flight)[-1]

    def ask(self, market: str, pair: Pair) -> None:
        """A client that lost a book asks for it: the next message of that book is a snapshot."""
        stream = self._streams.get((market, Channel.ORDERBOOK, pair))
        if stream is not None:
            stream.book.wants_snapshot = True

    def _step(self) -> None:
        time, _, venue, stream = heapq.heappop(self._upcoming)
        silent = venue.gaps.active(time)
        if stream is None:
            self._plan(time + _HEARTBEAT_EVERY, venue, None)
            if venue.heartbeat is not None and not silent:
                self._heartbeats += 1
                self._deliver(venue, int(time) + self._random.randint(20, 200), venue.heartbeat)
            return
        market = stream.market
        if time >= self._next_whale and market.pair != venue.exchange.rate_pair:
            self._whales += 1
            self._next_whale = time + self._random.expovariate(1 / _WHALE_EVERY_SECONDS) * 1000
            market.whale(time)
        said = stream.next(time)
        self._plan(market.next_time(time), venue, stream)
        if not silent:
            in_order = stream.channel is not Channel.TICKER
            for received_time, message in venue.network.carry(int(time), venue.exchange.simulate(said), in_order=in_order):
                self._deliver(venue, received_time, message, stream.url(said))

    def _plan(self, time: float, venue: _Venue, stream: _Stream | None) -> None:
        heapq.heappush(self._upcoming, (time, next(self._order), venue, stream))

    def _deliver(self, venue: _Venue, received_time: int, message: str | bytes, url: str | None = None) -> None:
        frame = Frame(venue.exchange.name, Source.SIMULATED, received_time, message, url)
        heapq.heappush(self._in_flight, (received_time, next(self._order), frame))


def _pairs(exchange: Exchange, symbols: Sequence[str], quotes: Mapping[str, str]) -> Sequence[Pair]:
    """The pairs of an exchange, the one for its USD rate among them, each once."""
    quote = chosen_quote(exchange, quotes)
    pairs = [Pair(symbol, quote) for symbol in symbols if symbol != quote]
    if exchange.rate_pair is not None and pairs:
        pairs.insert(0, exchange.rate_pair)
    return list(dict.fromkeys(pairs))
