"""Where candles are missing or not whole, and why, as far as is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from src.collect.ledger import LEDGER_TABLE
from src.dashboard.question import Question, Row
from src.dashboard.reading import Reading

_MOST_LINES = 2_000
_KINDS = ("gap", "disconnected", "stale", "dropped", "halted")
_READ = ("kind", "symbol", "event_time", "first_time", "last_time", "detail")


class Gap(NamedTuple):
    """A stretch without candles, or whose candles lack trades. Times are ms since 1970 UTC."""

    start: int
    end: int
    reasons: tuple[str, ...]
    """What the collectors' ledger says of it; empty where it says nothing."""
    is_missing: bool
    """Whether there is no candle at all."""


def ledger_lines(reading: Reading, source: str, market: str, symbol: str, since: int) -> list[Row]:
    """The ledger's lines since then, ms since 1970 UTC, that may say why candles of a price are missing. Raises DatabaseAway."""
    where = (("source", source), ("market", market), ("channel", "trade"))
    found = reading.rows(Question(LEDGER_TABLE.name, _READ, where, since, _MOST_LINES))
    return [row for row in found if row["kind"] in _KINDS and row["symbol"] in {None, symbol}]


def gaps(candles: Sequence[Row], events: Iterable[Row], length: int) -> list[Gap]:
    """The gaps of candles of `length` ms, oldest first, with the ledger's lines that overlap them."""
    known = list(events)
    found = [(before["window_end"], after["window_start"], True) for before, after in pairwise(candles)]
    found = [(start, end, missing) for start, end, missing in found if end - start >= length]
    found += [(row["window_start"], row["window_end"], False) for row in candles if row["complete"] == "gap"]
    return [Gap(start, end, _reasons(known, start, end), missing) for start, end, missing in sorted(found)]


def _reasons(events: Iterable[Row], start: int, end: int) -> tuple[str, ...]:
    said: dict[str, None] = {}
    for row in events:
        first = row["event_time"] if row["first_time"] is None else row["first_time"]
        last = row["event_time"] if row["last_time"] is None else row["last_time"]
        if first < end and last >= start:
            said[f"{row['kind']}: {row['detail']}" if row["detail"] else str(row["kind"])] = None
    return tuple(said)
