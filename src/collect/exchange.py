"""What one exchange is: where its sockets are, how to subscribe, and how to read its frames. One subclass, one file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from src.collect.book_rule import BookRule, FullReplace
from src.collect.parsed import BookUpdate, Channel, Control, ControlKind, Frame, Listing, Pair, TickerChange, TradeIds
from src.schema.records import Instrument, RawMessage, Region, Ticker, Trade

Parsed = Ticker | Trade | BookUpdate | TickerChange | Listing | Control
"""What a frame can hold."""


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """How the client keeps an idle socket open: `message` as a text frame, or a protocol ping when it is None."""

    every_seconds: float
    message: str | None = None


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `count` of something in `seconds`."""

    count: int
    seconds: float


class Exchange(ABC):
    """One venue. To add one: subclass in a file of its own under `src/collect/exchanges/`; it is found there by itself.

    Instances hold no state and do no IO: the same frame always yields the same records, so that live sockets, recorded
    files and the simulator all go through this code. Rates, traded volumes and gap marks are left null here; the collector fills them in, keeps
    the order books that `BookUpdate`s change, and knows which trades it has seen.
    """

    name: ClassVar[str]
    """The market's name in every record, setting and table: lower case."""
    region: ClassVar[Region]
    instrument: ClassVar[Instrument] = Instrument.SPOT
    """What its subscriptions are for."""
    urls: ClassVar[Mapping[Channel, tuple[str, ...]]]
    """Public websocket addresses by channel it offers; the first is tried first, the others are its mirrors or former hosts."""
    quotes: ClassVar[tuple[str, ...]]
    """Quote currencies that metrics may use; the first is the default, settings may choose another."""
    rate_pair: ClassVar[Pair | None] = None
    """The pair whose price gives the USD rate of this venue's quote (KRW-USDT, USDT/USD); always subscribed to."""

    keep_alive: ClassVar[KeepAlive | None] = None
    pairs_per_connection: ClassVar[int] = 100
    connects: ClassVar[RateLimit] = RateLimit(5, 1.0)
    """Connections that one address may open."""
    requests: ClassVar[RateLimit] = RateLimit(5, 1.0)
    """Text frames that one connection may send."""
    connection_seconds: ClassVar[float | None] = None
    """The exchange ends every connection after so long; the collector opens the next one before."""

    book_rule: ClassVar[BookRule] = FullReplace()
    """How its order book is kept whole."""
    trade_ids: ClassVar[TradeIds] = TradeIds.UNIQUE
    """What the ids of its trades tell."""
    merges_fills: ClassVar[bool] = False
    """A trade of the socket may stand for several, under the id of the last, which REST gives one by one."""
    raw_topics: ClassVar[Mapping[Channel, str]] = {}
    """Channels whose payloads go as they are to a topic of their own, instead of as records to the region's."""

    rest_urls: ClassVar[tuple[str, ...]] = ()
    """Base addresses of its public REST interface, without a slash at the end; the first is tried first."""
    rest_requests: ClassVar[RateLimit] = RateLimit(5, 1.0)
    listings_path: ClassVar[str | None] = None
    """Path and query of the list of everything it trades, after a base address; None where there is none."""

    @abstractmethod
    def subscribe(self, channel: Channel, pairs: Sequence[Pair]) -> Sequence[str]:
        """The text frames to send, in order, right after the socket opens. Called again after every reconnect."""

    def renew(self, channel: Channel, pair: Pair, pairs: Sequence[Pair]) -> Sequence[str]:
        """The text frames that make the exchange begin one pair of an open socket anew, a book with a snapshot; `pairs` are all on the socket.

        By default everything is subscribed to again, which suits venues where a request replaces the one before.
        """
        del pair
        return self.subscribe(channel, pairs)

    @abstractmethod
    def parse(self, frame: Frame) -> Sequence[Parsed]:
        """The records or control messages of one frame, in the frame's order; an empty sequence for a frame that says nothing.

        A frame with `url` is the answer of a REST request that a `*_path` of this class made; its listings, trades or book snapshot come
        out in the same way. Pure. Raises `MalformedFrame`, and nothing else whatever the frame holds, for anything it does not
        know: the frame is counted, goes to the dead letters, and the socket goes on.
        """

    def raw(self, frame: Frame) -> RawMessage | None:
        """The payload of a data frame of a channel in `raw_topics`. Called after `parse` of the same frame has succeeded."""
        del frame
        return None

    def book_path(self, pair: Pair) -> str | None:
        """Path and query of a REST snapshot of a pair's book. Called where `book_rule.rest_snapshot`."""
        del pair
        return None

    def trades_path(self, pair: Pair, after: Trade | None) -> str | None:
        """Path and query of a pair's latest trades, from the one after `after` where the exchange can start there; None where it offers none."""
        del pair, after
        return None

    @abstractmethod
    def simulate(self, said: Ticker | Trade | BookUpdate) -> str | bytes:
        """The message in which this exchange would say this; `parse` of it gives back every field that the exchange sends.

        The snapshot of a book that comes by REST is given as that answer's body. Used by the simulator and by the round-trip
        tests. Fields that the exchange does not send are left out.
        """


__all__ = [
    "BookUpdate",
    "Channel",
    "Control",
    "ControlKind",
    "Exchange",
    "Frame",
    "KeepAlive",
    "Listing",
    "Pair",
    "Parsed",
    "RateLimit",
    "TickerChange",
    "TradeIds",
]
