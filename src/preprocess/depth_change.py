"""A payload of the topic `binance-depth` as a record, so that the order-book job counts it among the others."""

from __future__ import annotations

from src.collect.exchanges.binance_futures import BinanceFutures
from src.collect.parsed import BookUpdate, Frame
from src.errors import MalformedFrame
from src.schema.records import OrderBook, RawMessage

_VENUE = BinanceFutures()


def depth_change(raw: RawMessage) -> OrderBook:
    """One change of a futures book. Its `bids` and `asks` are the CHANGED levels, in the venue's order, size 0 for one that is gone: it is no book.

    Sizes and prices are per coin, as everywhere (1000SHIB is a thousand coins); `event_time` is when the engine made the change. There is no USD
    rate. A mark that payloads are missing (`data` is null) is a record that is not valid and has no levels, at the time of the mark.
    Raises MalformedFrame for a payload that is no change of a USD-M contract's book.
    """
    if raw.market != _VENUE.name:
        raise MalformedFrame("a depth payload of another market")
    if bytes(raw.data).strip() == b"null":
        pair, instrument = _VENUE.traded(raw.symbol)
        return OrderBook(
            region=_VENUE.region,
            market=raw.market,
            symbol=pair.symbol,
            quote=pair.quote,
            instrument=instrument,
            source=raw.source,
            event_time=raw.ts,
            received_time=raw.ts,
            valid=False,
            gap_since=raw.gap_since,
        )
    parsed = _VENUE.parse(Frame(raw.market, raw.source, raw.ts, bytes(raw.data)))
    change = parsed[0] if len(parsed) == 1 else None
    if not isinstance(change, BookUpdate) or change.event_time is None:
        raise MalformedFrame("a payload that is no change of a book")
    return OrderBook(
        region=_VENUE.region,
        market=change.market,
        symbol=change.symbol,
        quote=change.quote,
        instrument=change.instrument,
        source=change.source,
        event_time=change.event_time,
        received_time=change.received_time,
        bids=tuple((level[0], level[1]) for level in change.bids),
        asks=tuple((level[0], level[1]) for level in change.asks),
        sequence=change.last,
    )
