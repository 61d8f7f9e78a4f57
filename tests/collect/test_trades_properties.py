"""However trades are lost, repeated and fetched: each is told at most once, and what is not told is marked."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.collect.arrival import Need
from src.collect.exchanges import EXCHANGES
from src.collect.parsed import Pair, TradeIds
from src.collect.trades import TradeStreams
from src.schema.records import CollectorEvent, EventKind, Trade
from tests.collect.books_made import trade
from tests.collect.tickers import START

BTC = Pair("BTC", "USDT")
STEPS = st.lists(st.sampled_from(["trade", "trade", "trade", "lost", "repeated", "reconnected", "answered", "unanswered"]), max_size=60)


class Venue:
    """Trades numbered from 1, one a second, of which an answer holds a page: the first ones asked for, or the latest."""

    def __init__(self, market: str, seed: int, page: int) -> None:
        self.rng = random.Random(seed)
        self.page = page
        self.happened: list[Trade] = []
        self.came: list[Trade] = []
        self.told: list[Trade | CollectorEvent] = []
        self.streams = TradeStreams(EXCHANGES)
        self._market = market
        self._needs: list[Need] = []

    @property
    def proves_losses(self) -> bool:
        """Whether a loss on an open socket can be noticed."""
        return EXCHANGES[self._market].trade_ids is TradeIds.CONSECUTIVE

    def happen(self, *, is_lost: bool = False) -> None:
        number = len(self.happened) + 1
        self.happened.append(trade(number, market=self._market, seconds=number))
        if not is_lost:
            self.came.append(self.happened[-1])
            self._note(self.streams.take(self.happened[-1]))

    def repeat(self) -> None:
        if self.came:
            self._note(self.streams.take(self.rng.choice(self.came)))

    def reconnect(self) -> None:
        """Some trades are missed."""
        for _ in range(self.rng.randint(0, 8)):
            self.happen(is_lost=True)
        self.streams.subscribed(self._market, [BTC])
        self._collect()

    def answer(self) -> None:
        """One that was asked for earliest."""
        if not self._needs:
            return
        after = self._needs.pop(0).after
        assert after is not None
        begin = int(after.trade_id or 0) - 1 if self.proves_losses else max(0, len(self.happened) - self.page)
        answer = self.happened[begin : begin + self.page]
        self._note(self.streams.answer(answer, EXCHANGES[self._market].trades_path(BTC, after)))

    def leave_unanswered(self) -> None:
        if self._needs:
            self._note(self.streams.give_up(self._needs.pop(0), START + len(self.happened) * 1_000, "no answer"))

    def settle(self) -> None:
        """Everything is answered, and another trade comes."""
        for _ in range(2):
            while self._needs:
                self.answer()
            self.happen()

    def _note(self, told: Sequence[Trade | CollectorEvent]) -> None:
        self.told += told
        self._collect()

    def _collect(self) -> None:
        self._needs += self.streams.needs
        self.streams.needs.clear()


@pytest.mark.parametrize("market", ["binance", "okx", "upbit"])
@given(steps=STEPS, seed=st.integers(0, 2**32), page=st.integers(3, 30))
def test_each_trade_is_told_at_most_once_and_what_is_not_told_is_marked(market: str, steps: list[str], seed: int, page: int) -> None:
    venue = Venue(market, seed, page)
    for step in steps:
        match step:
            case "trade":
                venue.happen()
            case "lost":
                venue.happen(is_lost=venue.proves_losses)
            case "repeated":
                venue.repeat()
            case "reconnected":
                venue.reconnect()
            case "answered":
                venue.answer()
            case _:
                venue.leave_unanswered()
    venue.settle()
    trades = [one for one in venue.told if isinstance(one, Trade)]
    times_told = Counter(one.trade_id for one in trades if one.trade_id is not None)
    assert max(times_told.values()) == 1
    every_mark = [(one.gap_since, one.event_time) for one in trades if one.gap_since is not None]
    beginning, marked = every_mark[0], every_mark[1:]
    assert beginning == (venue.came[0].event_time,) * 2
    first = next(number for number, one in enumerate(venue.happened) if one.trade_id == venue.came[0].trade_id)
    for one in venue.happened[first:]:
        assert one.trade_id in times_told or any(since < one.event_time <= until for since, until in marked), one.trade_id
    # Nothing is told to be missing, or marked, where nothing was lost.
    if len(venue.came) == len(venue.happened):
        assert not [one for one in venue.told if isinstance(one, CollectorEvent) and one.kind is EventKind.FILLED]
        assert not marked or "unanswered" in steps or page < len(venue.happened)


@given(seed=st.integers(0, 2**32), steps=st.lists(st.sampled_from(["trade", "lost"]), min_size=2, max_size=60))
def test_consecutive_ids_find_exactly_what_is_lost(seed: int, steps: list[str]) -> None:
    venue = Venue("binance", seed, 1_000)
    venue.happen()
    for step in steps:
        venue.happen(is_lost=step == "lost")
    venue.happen()
    gaps = [one for one in venue.told if isinstance(one, CollectorEvent)]
    missing = [number for one in gaps for number in range(int(one.first_sequence or 0) + 1, int(one.last_sequence or 0))]
    assert missing == [number + 2 for number, step in enumerate(steps) if step == "lost"]
    assert sum(one.count or 0 for one in gaps) == len(missing)
