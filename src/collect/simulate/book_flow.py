"""The order book of one simulated pair, told as its venue tells it: snapshots, changes, numbers, checksums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

import msgspec

from src.collect.book_rule import BookRule, Chained, ChainedAfterRest, Checksummed, Consecutive, FullReplace
from src.collect.exchanges.fields import decimal_text
from src.collect.parsed import BookLevel, BookUpdate
from src.collect.simulate.market import Market
from src.schema.records import Source

_LEVELS = 12
_SIZE_DIGITS = 6


class BookFlow:
    """Makes a market's book messages. The best bid is always below the best ask."""

    def __init__(self, market: Market, seed: int, start_time: float) -> None:
        self._market = market
        self._random = Random(f"{seed}/book/{market.exchange.name}/{market.pair.symbol}/{market.pair.quote}")  # noqa: S311  a simulation, no secret
        self._rule: BookRule = market.exchange.book_rule
        self._bids: dict[float, float] = {}
        self._asks: dict[float, float] = {}
        self._sequence = int(start_time)
        self.wants_snapshot = True
        """The next message is a snapshot: the first one is, and the one after a client asked for it."""

    @property
    def snapshot_comes_by_rest(self) -> bool:
        """Whether this venue gives snapshots to those who ask only."""
        return self._rule.rest_snapshot

    def next(self, time: float) -> BookUpdate:
        """The message at `time`, ms."""
        before, was = (dict(self._bids), dict(self._asks)), self._sequence
        self._move(time)
        if not (self.snapshot_comes_by_rest and self.wants_snapshot):
            self._sequence += 1
        if self.wants_snapshot or isinstance(self._rule, FullReplace):
            self.wants_snapshot = False
            return self._numbered(self._update(time, self._best(self._bids, -1), self._best(self._asks, 1), snapshot=True), was)
        return self._numbered(self._update(time, _changes(before[0], self._bids), _changes(before[1], self._asks), snapshot=False), was)

    def _move(self, time: float) -> None:
        """Follow the price: levels that are crossed or far away go, new ones come, some sizes change."""
        if self.wants_snapshot and self._bids and self.snapshot_comes_by_rest:
            return  # a REST snapshot is the book as the last change left it
        bid, ask = self._market.best(time)
        tick = self._market.tick(bid)
        for side, best, sign in ((self._bids, bid, -1), (self._asks, ask, 1)):
            wanted = [round(best + sign * tick * step, 12) for step in range(_LEVELS)]
            for price in set(side) - set(wanted):
                del side[price]
            for price in wanted:
                if price not in side or self._random.random() < 0.2:  # noqa: PLR2004  one level in five changes
                    side[price] = round(self._market.mean_trade * self._random.uniform(0.5, 20) + 10**-_SIZE_DIGITS, _SIZE_DIGITS)

    def _update(self, time: float, bids: Sequence[BookLevel], asks: Sequence[BookLevel], *, snapshot: bool) -> BookUpdate:
        market = self._market
        return BookUpdate(
            market=market.exchange.name,
            symbol=market.pair.symbol,
            quote=market.pair.quote,
            instrument=market.exchange.instrument,
            source=Source.SIMULATED,
            event_time=int(time),
            received_time=int(time),
            snapshot=snapshot,
            bids=bids,
            asks=asks,
        )

    def _numbered(self, update: BookUpdate, was: int) -> BookUpdate:
        """The same with the numbers and the checksum that the venue's rule looks at."""
        match self._rule:
            case Checksummed() as rule:
                bids = _written(self._best(self._bids, -1))[: rule.checksum_levels]
                asks = _written(self._best(self._asks, 1))[: rule.checksum_levels]
                written = msgspec.structs.replace(update, bids=_written(update.bids), asks=_written(update.asks))
                return msgspec.structs.replace(written, checksum=rule.checksum(bids, asks))
            case Chained() | ChainedAfterRest() if not update.snapshot:
                return msgspec.structs.replace(update, first=was + 1, last=self._sequence, previous=was)
            case Consecutive() if not update.snapshot:
                return msgspec.structs.replace(update, first=self._sequence, last=self._sequence)
            case _:
                return msgspec.structs.replace(update, last=self._sequence)

    def _best(self, side: Mapping[float, float], sign: int) -> list[BookLevel]:
        return [(price, side[price]) for price in sorted(side, key=lambda price: sign * price)]


def _changes(before: Mapping[float, float], after: Mapping[float, float]) -> list[BookLevel]:
    gone: list[BookLevel] = [(price, 0.0) for price in before if price not in after]
    return gone + [(price, size) for price, size in after.items() if before.get(price) != size]


def _written(levels: Sequence[BookLevel]) -> list[BookLevel]:
    return [(level[0], level[1], decimal_text(level[0]) or "", decimal_text(level[1]) or "") for level in levels]
