"""Whatever is done with a spool: everything is handed over once, in the order of its key, and a crash loses nothing."""

from __future__ import annotations

from collections import Counter, deque
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from src.collect.message import Message
from src.collect.spool_segment import Segment
from tests.collect.numbered import numbered
from tests.collect.spools import TOPIC, TRADES, read_all, spool_in

OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.sampled_from(["BTC", "ETH"]), st.integers(1, 12)),
        st.tuples(st.sampled_from(["read", "keep", "direct"]), st.just("BTC"), st.just(0)),
        st.tuples(st.just("acknowledge"), st.just(""), st.integers(1, 20)),
    ),
    max_size=60,
)


class Model:
    """What the spool is asked to do, and checked against: everything is handed over once, in the order of its key."""

    def __init__(self, folder: Path) -> None:
        self.spool, self.dropped = spool_in(folder)
        self.made: Counter[str] = Counter()
        self.handed_over: Counter[str] = Counter()
        self.under_way: deque[tuple[Segment | None, Message]] = deque()

    def new(self, symbol: str) -> Message:
        self.made[symbol] += 1
        return numbered(TOPIC, symbol, self.made[symbol] - 1)

    def hand_over(self, segment: Segment | None, messages: list[Message]) -> None:
        for message in messages:
            symbol = symbol_of(message)
            assert message == numbered(TOPIC, symbol, self.handed_over[symbol])
            self.handed_over[symbol] += 1
            self.under_way.append((segment, message))

    def append(self, symbol: str, amount: int) -> None:
        assert self.spool.append(TRADES, [self.new(symbol) for _ in range(amount)]) == amount

    def direct(self, symbol: str, _: int) -> None:
        if not self.spool.has_unread(TRADES):
            self.hand_over(None, [self.new(symbol)])

    def read(self, _: str, __: int) -> None:
        if found := self.spool.read(TRADES):
            self.hand_over(*found)

    def keep(self, _: str, __: int) -> None:
        kept = self.spool.keep(TRADES, [message for _, message in self.under_way])
        assert kept is not None or not self.under_way
        self.under_way = deque((kept, message) for _, message in self.under_way)

    def acknowledge(self, _: str, amount: int) -> None:
        for _number in range(min(amount, len(self.under_way))):
            segment, _message = self.under_way.popleft()
            if segment is not None and not segment.deleted:
                self.spool.acknowledged(TRADES, segment, 1)

    def unacknowledged(self, symbol: str) -> list[Message]:
        first = self.handed_over[symbol] - sum(symbol_of(message) == symbol for _, message in self.under_way)
        return [numbered(TOPIC, symbol, number) for number in range(first, self.made[symbol])]


def symbol_of(message: Message) -> str:
    return message.key.decode().removeprefix("okx:")


@given(OPERATIONS)
def test_the_order_of_a_key_holds_whatever_happens_and_the_next_process_gets_what_is_left(operations: list[tuple[str, str, int]]) -> None:
    with TemporaryDirectory() as folder:
        model = Model(Path(folder))
        for name, symbol, amount in operations:
            getattr(model, name)(symbol, amount)
        model.keep("", 0)
        again = read_all(spool_in(Path(folder))[0], TRADES)
        for symbol in ("BTC", "ETH"):
            assert [message for message in again if symbol_of(message) == symbol] == model.unacknowledged(symbol)
        assert model.dropped == Counter()


@given(OPERATIONS)
def test_a_crash_at_any_moment_loses_nothing_that_was_on_disk(operations: list[tuple[str, str, int]]) -> None:
    """Some may come twice, from the file that was being read; there is no hole, and the order is that of the key."""
    with TemporaryDirectory() as folder:
        model = Model(Path(folder))
        for name, symbol, amount in operations:
            if name != "direct":
                getattr(model, name)(symbol, amount)
        again = read_all(spool_in(Path(folder))[0], TRADES)
        for symbol in ("BTC", "ETH"):
            came = [message for message in again if symbol_of(message) == symbol]
            waiting = model.unacknowledged(symbol)
            assert came[len(came) - len(waiting) :] == waiting
            assert came == [numbered(TOPIC, symbol, number) for number in range(model.made[symbol] - len(came), model.made[symbol])]
