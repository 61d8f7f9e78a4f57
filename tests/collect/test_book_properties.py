"""Random books, whose messages are lost, repeated and overtaken: ours equals the true one, or says that it is not whole."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.collect.book import Book, Outcome
from src.collect.book_rule import BookRule, Chained, ChainedAfterRest, Checksummed, Consecutive, ConsecutiveAfterRest, FullReplace
from src.collect.parsed import BookUpdate, WrittenLevel
from tests.collect.books_made import update
from tests.collect.tickers import START

DEPTH = 8
"""Few enough levels that a checksum is made of all of them."""
State = tuple[tuple[WrittenLevel, ...], tuple[WrittenLevel, ...]]
RULES = [FullReplace(), Consecutive(), ConsecutiveAfterRest(), Chained(), ChainedAfterRest(), Checksummed(DEPTH)]
TOLD = st.lists(st.sampled_from(["next", "next", "next", "lost", "repeated", "snapshot", "old snapshot"]), max_size=60)


@dataclass
class TrueBook:
    """An exchange's book after each of its messages, numbered from 0, which is the book before the first one."""

    rule: BookRule
    rng: random.Random
    states: list[State] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    messages: list[BookUpdate] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.levels: tuple[dict[int, int], dict[int, int]] = ({100: 1, 99: 2}, {101: 3, 102: 4})
        self.numbers.append(1000)
        self._keep()
        self.messages.append(self.snapshot(0))

    def happen(self) -> BookUpdate:
        """The next message: one or two levels changed, with new sizes, so that no state comes twice."""
        number = len(self.messages)
        changed: tuple[list[WrittenLevel], list[WrittenLevel]] = ([], [])
        for _ in range(self.rng.randint(1, 2)):
            side = self.rng.randint(0, 1)
            price = self.rng.randint(101, 104) if side else self.rng.randint(97, 100)
            removed = self.rng.random() < 0.3 and len(self.levels[side]) > 1 and price in self.levels[side]
            size = 0 if removed else number * 10 + self.rng.randint(0, 9)
            changed[side].append(level(price, size))
            self.levels[side][price] = size
            if removed:
                del self.levels[side][price]
        self.numbers.append(self.numbers[-1] + self.rng.randint(1, 3))
        self._keep()
        first = self.numbers[-2] + 1
        previous = self.numbers[-2]
        if isinstance(self.rule, FullReplace):
            told = self.snapshot(number)
        elif isinstance(self.rule, Checksummed):
            told = update(bids=changed[0], asks=changed[1], checksum=self.rule.checksum(*self.states[-1]), event_time=START + number)
        else:
            told = update(bids=changed[0], asks=changed[1], first=first, last=self.numbers[-1], previous=previous, event_time=START + number)
        self.messages.append(told)
        return told

    def snapshot(self, number: int) -> BookUpdate:
        bids, asks = self.states[number]
        has_numbers = not isinstance(self.rule, FullReplace | Checksummed)
        time = None if self.rule.rest_snapshot else START + number
        checksum = self.rule.checksum(bids, asks) if isinstance(self.rule, Checksummed) else None
        return update(
            snapshot=True, bids=bids, asks=asks, last=self.numbers[number] if has_numbers else None, event_time=time, checksum=checksum
        )  # fmt: skip

    def _keep(self) -> None:
        bids = tuple(level(price, size) for price, size in sorted(self.levels[0].items(), reverse=True))
        asks = tuple(level(price, size) for price, size in sorted(self.levels[1].items()))
        self.states.append((bids, asks))


def level(price: int, size: int) -> WrittenLevel:
    return float(price), float(size), str(price), str(size)


def plain(state: State) -> object:
    bids, asks = state
    return tuple(one[:2] for one in bids), tuple(one[:2] for one in asks)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
@given(told=TOLD, seed=st.integers(0, 2**32))
def test_a_book_is_the_true_one_or_says_that_it_is_not_whole_and_no_gap_is_made_up(rule: BookRule, told: list[str], seed: int) -> None:
    rng = random.Random(seed)
    true, book = TrueBook(rule, rng), Book(rule)
    came, lost, at = 0, set[int](), -1
    for what in told:
        number = came
        match what:
            case "next" | "lost":
                message = true.happen()
                came = number = len(true.messages) - 1
                if what == "lost":
                    lost.add(number)
                    continue
            case "repeated":
                # Without numbers only the last one can be told by itself: it changes nothing.
                number = came if isinstance(rule, Checksummed) else rng.randint(0, came)
                if number in lost or not number:
                    continue
                message = true.messages[number]
            case "snapshot":
                message = true.snapshot(came)
            case _:
                # On a socket the first snapshot is of now: who begins with an old one has lost what came between.
                number = rng.randint(max(0, came - 5), came) if book.is_whole or rule.rest_snapshot else came
                message = true.snapshot(number)
        was = at
        outcome = book.apply(message)
        if outcome is Outcome.BROKEN:
            since = true.numbers.index(message.last) if message.snapshot and message.last else was
            assert any(since < gone < came for gone in lost), f"a gap was made up by {what}"
            at = -1
        if book.is_whole:
            at = at if outcome is Outcome.UNCHANGED else state_of(book, true)
            assert at >= was
            assert book.best(DEPTH) == plain(true.states[at])
            if what == "next":
                assert at == came
        else:
            assert book.best(DEPTH) == ((), ())


def state_of(book: Book, true: TrueBook) -> int:
    """Of which state it says that it is: by its number, where there are numbers, else by its time."""
    if book.sequence is not None:
        return true.numbers.index(book.sequence)
    assert book.event_time is not None
    return book.event_time - START


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 60))
def test_when_nothing_is_lost_the_book_is_whole_from_its_first_snapshot_on(rule: BookRule, seed: int, count: int) -> None:
    true, book = TrueBook(rule, random.Random(seed)), Book(rule)
    book.apply(true.snapshot(0))
    for number in range(1, count):
        assert book.apply(true.happen()) is Outcome.CHANGED
        assert (book.is_whole, book.best(DEPTH)) == (True, plain(true.states[number]))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: type(rule).__name__)
@given(seed=st.integers(0, 2**32), before=st.integers(1, 20), gone=st.integers(1, 5))
def test_the_first_message_after_a_loss_shows_it(rule: BookRule, seed: int, before: int, gone: int) -> None:
    true, book = TrueBook(rule, random.Random(seed)), Book(rule)
    book.apply(true.snapshot(0))
    for _ in range(before):
        book.apply(true.happen())
    for _ in range(gone):
        true.happen()
    after = book.apply(true.happen())
    if after is not Outcome.BROKEN:
        # Nothing is missing where every message is all of the book, or where this one changes the same levels again.
        assert isinstance(rule, FullReplace | Checksummed)
        assert book.best(DEPTH) == plain(true.states[-1])
    book.apply(true.snapshot(len(true.states) - 1))
    assert (book.is_whole, book.best(DEPTH)) == (True, plain(true.states[-1]))
