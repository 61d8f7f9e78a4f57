"""The records that travel on Kafka. JSON on the wire: a message is one record or an array of records.

Times are integer milliseconds since 1970 UTC. Prices are in the quote currency, sizes and volumes in the base coin unless
the name says otherwise. A field that the exchange does not send is null; it is never 0 and never made up.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

EXACT = 2**53
Milliseconds = Annotated[int, msgspec.Meta(ge=-EXACT, le=EXACT)]
"""A time, ms since 1970 UTC. Bounded to what a double holds exactly, as readers of JSON may have nothing else; checked on decode."""
Long = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""A whole number of 64 bits, such as an exchange numbers its messages with. It may pass what a double holds exactly; checked on decode."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
"""The name of a market, coin or method: it becomes a key of tables, so its length is bounded; checked on decode.

That it can be printed is a rule of admission (src/preprocess/admission.py): as a pattern here it would make decoding three times slower.
"""


class Source(StrEnum):
    """Where a record's frame came from. It is a key of every metric, table and topic, so the three never mix."""

    LIVE = "live"
    REPLAY = "replay"
    SIMULATED = "simulated"


class Instrument(StrEnum):
    """What is traded. Premiums and regional metrics use spot only."""

    SPOT = "spot"
    PERPETUAL = "perpetual"
    FUTURE = "future"
    OPTION = "option"


class Region(StrEnum):
    """Where a market's users are; it names the raw topic that the market's records go to."""

    KOREA = "korea"
    ASIA = "asia"
    NORTH_AMERICA_EUROPE = "ne"


class Side(StrEnum):
    """The taker's side of a trade: the one who took liquidity bought or sold."""

    BUY = "buy"
    SELL = "sell"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What every record of market data says. A price's identity is (market, symbol, quote, instrument)."""

    region: Region
    market: Name
    symbol: Name
    """Base coin, upper case: BTC. Multiplied symbols (1000SHIB) are scaled to the coin."""
    quote: Name
    """Currency of every price in the record, upper case: KRW, USDT, USD."""
    instrument: Instrument = Instrument.SPOT
    source: Source
    event_time: Milliseconds
    """When the exchange says it happened, ms since 1970 UTC."""
    received_time: Milliseconds
    """When the frame reached us, ms since 1970 UTC."""
    usd_rate: float | None = None
    """USD per unit of quote (USDT taken at par); null when no market to derive it from is fresh."""
    rate_source: Name | None = None
    """How usd_rate was found, for example `usdt_par` or `krw_usdt_median`."""
    bank_usd_rate: float | None = None
    """USD per unit of quote as a bank publishes it: the second basis of a premium. Null where no fresh rate is known, or for a crypto quote."""
    bank_rate_source: Name | None = None
    """Who published bank_usd_rate."""
    backfilled: bool = False
    """Fetched after the fact to fill a gap: exempt from lateness, it corrects its windows."""


class Ticker(Record, frozen=True, kw_only=True):
    """One exchange's view of one pair at one moment."""

    price: float | None = None
    """Last trade price, quote currency."""
    open: float | None = None
    high: float | None = None
    low: float | None = None
    """open, high, low: of the exchange's own day or rolling 24 h (they differ by venue), quote currency."""
    prev_close: float | None = None
    volume_24h: float | None = None
    """Rolling 24 h volume, base coin. Its change is not traded volume."""
    quote_volume_24h: float | None = None
    bid: float | None = None
    bid_size: float | None = None
    ask: float | None = None
    ask_size: float | None = None
    acc_volume: float | None = None
    """Volume since `acc_since`, base coin, where the venue counts from midnight."""
    acc_since: Milliseconds | None = None
    """The midnight (UTC or KST) that acc_volume counts from, ms since 1970 UTC."""
    traded_volume: float | None = None
    """Base coin traded since the previous record of this market and symbol, from acc_volume; null where it cannot be known."""


class Trade(Record, frozen=True, kw_only=True):
    """One trade, or (with `gap_since`) a mark that some may be missing.

    A mark lies between the trades of its symbol, so that "is this window whole" is a question like any other: the trades after `gap_since` up to
    `event_time` may not all be there. It has no id, price, size or side.
    """

    trade_id: str | None = None
    """The exchange's own id. Text: ids pass 2**53."""
    price: float | None = None
    """Quote currency."""
    size: float | None = None
    """Base coin."""
    side: Side | None = None
    """The taker's."""
    gap_since: Milliseconds | None = None
    """Of a mark: event time of the last trade known before the gap, ms since 1970 UTC."""


Level = tuple[float, float]
"""Price (quote currency) and size (base coin) of one level of a book."""


class OrderBook(Record, frozen=True, kw_only=True):
    """The best levels of an order book at one moment. Best bid is below best ask whenever `valid`."""

    bids: tuple[Level, ...] = ()
    """Best (highest) first."""
    asks: tuple[Level, ...] = ()
    """Best (lowest) first."""
    sequence: Long | None = None
    """The exchange's number of the last change in it; null where it numbers none."""
    valid: bool = True
    """False: a sequence or a checksum broke, the levels are gone, and the book is being asked for again."""
    gap_since: Milliseconds | None = None
    """Of the first record after a break, and of the invalid one: event time of the last whole book, ms since 1970 UTC."""


class EventKind(StrEnum):
    """What a line of the collectors' ledger tells."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    SUBSCRIBED = "subscribed"
    REFUSED = "refused"
    """The exchange refused a connection or a subscription; `detail` has its words."""
    GAP = "gap"
    """Data of a symbol is missing, or may be: between `first_*` and `last_*`, which are known."""
    FILLED = "filled"
    """Trades that were missing were fetched: `count` of them."""
    RESYNC = "resync"
    """A book is whole again."""
    STALE = "stale"
    """A subscription gave no data for too long and is renewed."""
    DROPPED = "dropped"
    """`count` records were given up for want of room."""
    CLOCK_SKEW = "clock_skew"
    """This machine's clock and the exchanges' do not agree (again)."""
    HALTED = "halted"
    """A symbol is no longer traded, or no longer listed."""
    TRADING = "trading"
    """A symbol that was halted is traded again."""


class CollectorEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the gap ledger: what happened to a connection, a subscription or a symbol. Keyed market:channel:symbol on its topic."""

    kind: EventKind
    market: Name
    channel: Name | None = None
    symbol: Name | None = None
    """Null: the whole connection."""
    quote: Name | None = None
    source: Source
    event_time: Milliseconds
    """When it was noticed, ms since 1970 UTC."""
    first_time: Milliseconds | None = None
    """Event time of the last record known before a gap."""
    last_time: Milliseconds | None = None
    """Event time of the first record known after it."""
    first_sequence: str | None = None
    """Sequence number or trade id of the last record known before a gap; text, as it may pass 2**53."""
    last_sequence: str | None = None
    """The same of the first record known after it."""
    count: int | None = None
    detail: str = ""
    """For a person to read."""


class RawMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A derivative venue's own payload, carried as it came on a topic of its own (`binance-aggtrade`, `binance-depth`)."""

    symbol: str
    """The exchange's own name: BTCUSDT."""
    stream: str
    """btcusdt@aggTrade"""
    data: msgspec.Raw
    """The payload, or null in a gap mark."""
    ts: Milliseconds
    """When it was received, ms since 1970 UTC."""
    market: Name
    source: Source
    gap_since: Milliseconds | None = None
    """Of a gap mark: event time of the last payload known before it."""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """Input that could not be used, kept whole so that it can be looked at and replayed.

    Key on the topic: origin, a unique name of the place the bytes came from (`topic/partition/offset` for a Kafka message,
    `market/source/received_time/digest` for a frame), so a repeated delivery is recognisable.
    """

    reason: str
    origin: str
    market: str | None
    source: Source | None
    received_time: int | None
    raw: bytes
    """The bytes as they came; base64 in JSON. Cut to 64 KiB, `raw_size` tells the true length."""
    raw_size: int


RAW_LIMIT = 64 * 1024
DEAD_LETTER_TOPIC = "DeadLetter"
COLLECTOR_EVENTS_TOPIC = "CollectorEvents"
_REGION_IN_TOPIC = {Region.KOREA: "Korea", Region.ASIA: "Asia", Region.NORTH_AMERICA_EUROPE: "NE"}


def ticker_topic(region: Region) -> str:
    """The raw topic of a region's ticker records."""
    return f"Region{_REGION_IN_TOPIC[region]}_TickerPreprocessing"


def trade_topic(region: Region) -> str:
    """The raw topic of a region's trades."""
    return f"Region{_REGION_IN_TOPIC[region]}_TradePreprocessing"


def orderbook_topic(region: Region) -> str:
    """The raw topic of a region's order books."""
    return f"Region{_REGION_IN_TOPIC[region]}_OrderbookPreprocessing"
