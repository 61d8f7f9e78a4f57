"""Tickers of venues that send only what has changed, made whole again."""

from __future__ import annotations

import msgspec

from src.collect.parsed import TickerChange
from src.schema.records import Instrument, Record, Ticker

_NOT_KEPT = {*Record.__struct_fields__, "traded_volume"}
"""Times and rates are of one message alone, and so is what was traded since the one before."""
_KEPT = tuple(name for name in Ticker.__struct_fields__ if name not in _NOT_KEPT)


class TickerChanges:
    """The last known ticker of every price. Pure: fed in frame order, it reads no clock."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str, str, Instrument], Ticker] = {}

    def merged(self, change: TickerChange) -> Ticker:
        """All that is known of the price after this change, with the change's own times.

        A field that the change leaves null stays as it was; a snapshot forgets what was before. A change that no snapshot came before
        gives a ticker of what is known, the rest null.
        """
        ticker = change.ticker
        key = (ticker.market, ticker.symbol, ticker.quote, ticker.instrument)
        known = None if change.snapshot else self._known.get(key)
        if known is not None:
            ticker = msgspec.structs.replace(ticker, **{name: getattr(known, name) for name in _KEPT if getattr(ticker, name) is None})
        self._known[key] = ticker
        return ticker
