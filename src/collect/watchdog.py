"""Silence: which pairs of a subscription, or whether all of them, gave no market data for too long."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from src.collect.parsed import Pair

LONGEST_PATIENCE = 3600.0
_NEVER = float("-inf")


@dataclass(slots=True)
class _Heard:
    """One pair. Times are seconds of the event loop's clock."""

    pair: Pair
    patience: float
    data: float = _NEVER
    """When market data came last."""
    since: float = _NEVER
    """When it was last subscribed to."""


class Watchdog:
    """Judges by market data alone: exchanges acknowledge streams that do not exist, and heartbeats go on without data.

    Times are seconds of the event loop's clock. A pair that stays silent is found again after twice the time, up to an hour: a quiet coin
    is not asked for all the time.
    """

    def __init__(self, pairs: Sequence[Pair], patience: float) -> None:
        self.patience = patience
        self._pairs = {(pair.symbol, pair.quote): _Heard(pair, patience) for pair in pairs}
        self._socket_patience = patience
        self._begun = _NEVER

    def begin(self, now: float) -> None:
        """Everything was subscribed to."""
        self._begun = now
        for heard in self._pairs.values():
            heard.since = now

    def saw(self, prices: Iterable[tuple[str, str]], now: float) -> None:
        """Market data of these (symbol, quote) came."""
        for price in prices:
            heard = self._pairs.get(price)
            if heard is not None:
                heard.data = now

    def is_all_silent(self, now: float) -> bool:
        """Whether no pair at all gave data for too long, as on a socket whose other end is gone."""
        newest = max(heard.data for heard in self._pairs.values())
        if newest > self._begun:
            self._socket_patience = self.patience
        if now - max(newest, self._begun) < self._socket_patience:
            return False
        self._socket_patience = min(self._socket_patience * 2, LONGEST_PATIENCE)
        return True

    def stale(self, now: float) -> list[Pair]:
        """The pairs that were silent for too long, each counted as subscribed to again now."""
        found: list[Pair] = []
        for heard in self._pairs.values():
            if heard.data > heard.since:
                heard.patience = self.patience
            if now - max(heard.data, heard.since) >= heard.patience:
                heard.since = now
                heard.patience = min(heard.patience * 2, LONGEST_PATIENCE)
                found.append(heard.pair)
        return found
