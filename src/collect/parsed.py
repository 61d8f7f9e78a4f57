"""What goes into an exchange's parser and what comes out of it, beside the records themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from src.schema.records import Instrument, Source, Ticker


class Channel(StrEnum):
    """A kind of market data. It names the command that uses it and the topics that carry it."""

    TICKER = "ticker"
    TRADE = "trade"
    ORDERBOOK = "orderbook"


@dataclass(frozen=True, slots=True)
class Pair:
    """Base coin and quote currency, both upper case."""

    symbol: str
    quote: str
    multiple: int = 1
    """Coins in one unit of what the exchange trades: 1000 for its 1000SHIB, whose `symbol` is SHIB."""


class Frame(msgspec.Struct, frozen=True):
    """One message of an exchange, exactly as it came, live, recorded or simulated."""

    market: str
    source: Source
    received_time: int
    """ms since 1970 UTC."""
    message: str | bytes
    url: str | None = None
    """What was asked for, of the answer of a REST request; None for a message of a socket."""


class ControlKind(StrEnum):
    """What a frame without market data says."""

    ACKNOWLEDGED = "acknowledged"
    HEARTBEAT = "heartbeat"
    REFUSED = "refused"
    NOTICE = "notice"
    CLOSING = "closing"
    """The exchange is about to close the connection: the next one is opened before."""


class Control(msgspec.Struct, frozen=True):
    """A frame that carries no record: an acknowledgement, a heartbeat, a refusal, a notice of maintenance."""

    kind: ControlKind
    text: str
    """What a person should read; for a refusal, the exchange's own words."""


WrittenLevel = tuple[float, float, str, str]
"""Price and size, then both as they were spelled on the wire, which a checksum is made of."""
BookLevel = tuple[float, float] | WrittenLevel
"""Price (quote currency) and size (base coin; 0 takes the level away) of one level of a book."""


class BookUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """One message about an order book: all of it, or what has changed."""

    market: str
    symbol: str
    quote: str
    instrument: Instrument = Instrument.SPOT
    contract: str = ""
    """The venue's own name of a future or an option, of which one price has several."""
    source: Source
    event_time: int | None
    """ms since 1970 UTC; None where the message does not say (a REST snapshot)."""
    received_time: int
    snapshot: bool
    """The whole book, as deep as it was subscribed to; otherwise changes, to be applied in their order."""
    bids: Sequence[BookLevel]
    """Of a snapshot best (highest) first."""
    asks: Sequence[BookLevel]
    """Of a snapshot best (lowest) first."""
    first: int | None = None
    """Number of the first change in the message, where the venue numbers them."""
    last: int | None = None
    """Number of the last change in the message; the book's sequence after it."""
    previous: int | None = None
    """Number of the last change of the message before, where the venue says it."""
    checksum: int | None = None
    """What the checksum of the book must be after this message; None where the venue sends none."""


class TickerChange(msgspec.Struct, frozen=True):
    """A ticker of which the exchange sends only what has changed: null means unchanged."""

    ticker: Ticker
    snapshot: bool
    """All of it: nothing of earlier ones counts."""


class Listing(msgspec.Struct, frozen=True):
    """One line of an exchange's list of what it trades."""

    pair: Pair
    instrument: Instrument
    trading: bool
    """False: halted, suspended, or about to be taken off the list."""


class TradeIds(StrEnum):
    """What a venue's trade ids tell, per pair."""

    CONSECUTIVE = "consecutive"
    """The next trade's id is one more: a jump proves that trades are missing."""
    RISING = "rising"
    """A later trade's id is greater, and ids may be left out."""
    UNIQUE = "unique"
    """Only that two trades are not the same."""
