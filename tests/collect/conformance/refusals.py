"""The captured frames that must be refused, each with its reason. Nothing else may be, and no entry may stand here in vain."""

from __future__ import annotations

from dataclasses import dataclass

_BEST_ONLY = "the best bid and ask alone: nobody subscribes to that, books come from the changes"
_SINGLE_FILLS = "single fills, whose ids count differently: only aggregate trades are subscribed to"


@dataclass(frozen=True)
class Refused:
    """Some frames of a file: those that hold a text."""

    file: str
    holds: str
    frames: int
    """How many there are."""
    reason: str


REFUSED = (
    Refused("binance/bookticker.jsonl", "@bookTicker", 248, _BEST_ONLY),
    Refused("binance/trade.doc.jsonl", "@trade", 1, _SINGLE_FILLS),
    Refused("binance_futures/bookticker.doc.jsonl", "bookTicker", 3, _BEST_ONLY),
    Refused("binance_futures/bookticker.jsonl", "@bookTicker", 307, _BEST_ONLY),
    Refused("binance_futures/orderbook.doc.jsonl", "@depth5@", 1, "a whole book of five levels that looks like a change"),
    Refused("binance_futures/ticker.doc.jsonl", "24hrTicker", 2, "this market has no ticker channel here; the second one is of a COIN-M contract"),
    Refused("binance_futures/trade.doc.jsonl", "@trade", 1, _SINGLE_FILLS),
    Refused("gateio/bookticker.doc.jsonl", "spot.book_ticker", 2, _BEST_ONLY),
    Refused("gateio/trade.doc.jsonl", "1790274249452.965000", 1, "its source trimmed it: it has no id and no pair"),
)
