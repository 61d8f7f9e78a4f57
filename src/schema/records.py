"""The records that travel on Kafka. JSON on the wire: a message is one record or an array of records.

Times are integer milliseconds since 1970 UTC. Prices are in the quote currency, sizes and volumes in the base coin unless
the name says otherwise. A field that the exchange does not send is null; it is never 0 and never made up.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

_EXACT = 2**53
Milliseconds = Annotated[int, msgspec.Meta(ge=-_EXACT, le=_EXACT)]
"""A time, ms since 1970 UTC. Bounded to what a double holds exactly, as readers of JSON may have nothing else; checked on decode."""
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


class Ticker(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange's view of one pair at one moment. The price's identity is (market, symbol, quote, instrument)."""

    region: Region
    market: Name
    symbol: Name
    """Base coin, upper case: BTC."""
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
    backfilled: bool = False
    """Fetched after the fact to fill a gap: exempt from lateness, it corrects its windows."""

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


def ticker_topic(region: Region) -> str:
    """The raw topic of a region's ticker records."""
    return f"Region{_REGION_IN_TOPIC[region]}_TickerPreprocessing"


DEAD_LETTER_TOPIC = "DeadLetter"
_REGION_IN_TOPIC = {Region.KOREA: "Korea", Region.ASIA: "Asia", Region.NORTH_AMERICA_EUROPE: "NE"}
