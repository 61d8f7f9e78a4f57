"""A made-up market of one pair: trades, tickers, and an order book in the numbering of its venue. What it says happened is the truth of a test."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from src.collect.book_rule import Chained, ChainedAfterRest, Checksummed, Consecutive, FullReplace
from src.collect.exchange import Exchange
from src.collect.parsed import BookLevel, BookUpdate, Pair
from src.collect.simulate.economy import Economy
from src.schema.records import Level, Side, Source, Ticker, Trade
from tests.collect.dialects.made_up_book import BOTH, MadeUpBook, View
from tests.collect.dialects.numbering import numbers_of_a_change

LEVELS = 30
_HISTORY = 25
_DAY_VOLUME = 1_000.0


@dataclass(frozen=True)
class _Shown:
    """A book as it was once said."""

    number: int
    time: int
    view: View


class MadeUpMarket:
    """Times are ms since 1970 UTC by `clock`. The same seed makes the same market, but for its times."""

    def __init__(
        self,
        exchange: Exchange,
        pair: Pair,
        *,
        seed: int,
        clock: Callable[[], int],
        trade_id: Callable[[int], str],
        checksums: bool = False,
        distinct_times: bool = True,
    ) -> None:
        """`checksums` are said also where today's venue says none, if its rule has one.

        With `distinct_times` the times of books and of tickers each rise by 1 at least, so that an old one can be told from a new one; more than
        1000 a second then run ahead of the clock.
        """
        self.pair = pair
        self.trades: list[Trade] = []
        """All that ever happened, in order, unless somebody takes the older ones away."""
        self._trade_number = 0
        self._exchange = exchange
        self._rule = exchange.book_rule
        self._clock = clock
        self._trade_id = trade_id
        self._checksums = self._rule.checksum_levels > 0 and (checksums or isinstance(self._rule, Checksummed))
        self._rise = 1 if distinct_times else 0
        self._random = Random(f"{seed}/{exchange.name}/{pair.symbol}/{pair.quote}")
        economy = Economy(seed)
        price = economy.price(pair.symbol, 0) / economy.price(pair.quote, 0)
        depth = LEVELS if isinstance(self._rule, FullReplace) else self._rule.depth
        self._book = MadeUpBook(self._random, price, least=max(LEVELS, (depth or 0) + 5), depth=depth)
        self._steps = numbers_of_a_change(self._rule, exchange)
        self._number = self._random.randrange(10**9, 10**10)
        self._first: int | None = None
        now = clock()
        self._ticker_time = now - _HISTORY
        self._open = self._high = self._low = self._book.best(0)[0]
        self._volume = 0.0
        self._shown: deque[_Shown] = deque([_Shown(self._number, now - _HISTORY - 1, self._book.view())], maxlen=_HISTORY)
        for age in range(_HISTORY, 0, -1):
            self._stir()
            self._publish(now - age)

    def trade(self) -> Trade:
        """The next trade, at the best price of the other side."""
        side = self._random.choice(tuple(Side))
        price = self._book.best(1 if side is Side.BUY else 0)[0]
        size = self._random.randint(1, 99_999) / 10_000
        self._high, self._low, self._volume = max(self._high, price), min(self._low, price), round(self._volume + size, 4)
        self._trade_number += 1
        now = self._clock()
        trade = Trade(
            region=self._exchange.region,
            market=self._exchange.name,
            symbol=self.pair.symbol,
            quote=self.pair.quote,
            instrument=self._exchange.instrument,
            source=Source.LIVE,
            event_time=max(now, self.trades[-1].event_time) if self.trades else now,
            received_time=now,
            trade_id=self._trade_id(self._trade_number),
            price=price,
            size=size,
            side=side,
        )
        self.trades.append(trade)
        return trade

    def ticker(self) -> Ticker:
        """The next ticker, with every field; the venue's frame keeps those that the venue sends."""
        self._ticker_time = max(self._clock(), self._ticker_time + self._rise)
        bid, ask = self._book.best(0), self._book.best(1)
        last = self.trades[-1].price if self.trades else self._open
        return Ticker(
            region=self._exchange.region,
            market=self._exchange.name,
            symbol=self.pair.symbol,
            quote=self.pair.quote,
            instrument=self._exchange.instrument,
            source=Source.LIVE,
            event_time=self._ticker_time,
            received_time=self._ticker_time,
            price=last,
            open=self._open,
            high=self._high,
            low=self._low,
            prev_close=self._open,
            volume_24h=_DAY_VOLUME + self._volume,
            quote_volume_24h=(_DAY_VOLUME + self._volume) * self._open,
            bid=bid[0],
            bid_size=bid[1],
            ask=ask[0],
            ask_size=ask[1],
            acc_volume=self._volume,
        )

    def book(self) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
        """The true bids and asks now, best first, as deep as the venue shows them."""
        bids, asks = (tuple((price, size) for price, size, *_ in levels) for levels in self._levels(self._book.now()))
        return bids, asks

    def publish(self) -> BookUpdate:
        """Change the book and say what changed since the last time; all of it where the venue always says all."""
        for _ in range(self._random.randint(1, 2)):
            self._stir()
        return self._publish(max(self._clock(), self._shown[-1].time + self._rise))

    def stir_unseen(self) -> None:
        """Change what only the next message tells, so that a snapshot by REST may lie within the numbers of a message, as it does."""
        if self._random.random() < 0.5:
            self._stir()

    def hold(self) -> None:
        """What the last message told stays as it is until after the next one: who missed it can notice, also where only a checksum tells."""
        self._book.hold()

    def snapshot(self) -> BookUpdate:
        """All of the book as it was last said on a socket."""
        return self._snapshot(self._shown[-1])

    def old_snapshot(self) -> BookUpdate:
        """All of the book as it was 24 messages ago."""
        return self._snapshot(self._shown[0])

    def rest_snapshot(self) -> BookUpdate:
        """All of the book now, without a time."""
        return self._update(None, snapshot=True, sides=self._levels(self._book.now()), last=self._number)

    def old_rest_snapshot(self) -> BookUpdate:
        """The same as it was 24 messages ago."""
        old = self._shown[0]
        return self._update(None, snapshot=True, sides=self._levels(old.view), last=old.number)

    def _stir(self) -> None:
        self._book.stir()
        lowest, highest = self._steps
        if highest:
            self._number += self._random.randint(lowest, highest)
        if self._first is None:
            self._first = self._number

    def _publish(self, time: int) -> BookUpdate:
        before, after = self._shown[-1], self._book.view()
        if not self._steps[1]:
            self._number += 1
        first, self._first = self._first, None
        self._shown.append(_Shown(self._number, time, after))
        if isinstance(self._rule, FullReplace):
            return self.snapshot()
        bids, asks = (self._difference(side, before.view[side], after[side]) for side in BOTH)
        if isinstance(self._rule, Consecutive):
            first = before.number + 1
        elif not isinstance(self._rule, ChainedAfterRest):
            first = None
        previous = before.number if isinstance(self._rule, (Chained, ChainedAfterRest)) else None
        checksum = self._checksum(after)
        return self._update(time, snapshot=False, sides=(bids, asks), first=first, last=self._number, previous=previous, checksum=checksum)

    def _difference(self, side: int, before: dict[int, int], after: dict[int, int]) -> list[BookLevel]:
        """What is new or another size, and what is gone; not what only left the depth, which the client takes away by itself."""
        changed: list[BookLevel] = [self._book.written(side, key, size) for key, size in after.items() if before.get(key) != size]
        return changed + [self._book.written(side, key, 0) for key in before if self._book.gone(side, key)]

    def _snapshot(self, shown: _Shown) -> BookUpdate:
        return self._update(shown.time, snapshot=True, sides=self._levels(shown.view), last=shown.number, checksum=self._checksum(shown.view))

    def _checksum(self, view: View) -> int | None:
        if not self._checksums:
            return None
        bids, asks = (levels[: self._rule.checksum_levels] for levels in self._levels(view))
        return self._rule.checksum(bids, asks)

    def _levels(self, view: View) -> tuple[list[BookLevel], list[BookLevel]]:
        bids, asks = ([self._book.written(side, key, size) for key, size in view[side].items()] for side in BOTH)
        return [*bids], [*asks]

    def _update(
        self,
        time: int | None,
        *,
        snapshot: bool,
        sides: tuple[Sequence[BookLevel], Sequence[BookLevel]],
        first: int | None = None,
        last: int,
        previous: int | None = None,
        checksum: int | None = None,
    ) -> BookUpdate:
        return BookUpdate(
            market=self._exchange.name,
            symbol=self.pair.symbol,
            quote=self.pair.quote,
            instrument=self._exchange.instrument,
            source=Source.LIVE,
            event_time=time,
            received_time=self._clock(),
            snapshot=snapshot,
            bids=sides[0],
            asks=sides[1],
            first=first,
            last=None if isinstance(self._rule, Checksummed) else last,
            previous=previous,
            checksum=checksum,
        )
