"""What waits on disk comes back in order, survives a crash, and goes by the rule when room is short."""

from __future__ import annotations

import errno
import itertools
import os
import resource
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from src.collect.message import Message
from src.collect.spool import Lane, Spool
from src.collect.spool_segment import Segment, entry_of
from tests.collect.numbered import numbered

MEGABYTE = 1024 * 1024
TOPIC = "a-topic"
TRADES, QUOTES = Lane.TRADES, Lane.QUOTES


def spool_in(folder: Path, limit: int = MEGABYTE, segment_bytes: int = 1000) -> tuple[Spool, Counter[tuple[str, str]]]:
    """A loaded spool, and what it counted as dropped."""
    dropped: Counter[tuple[str, str]] = Counter()

    def note(lost: Mapping[tuple[str, str], int]) -> None:
        dropped.update(lost)

    spool = Spool(folder, limit, note, segment_bytes)
    spool.load()
    return spool, dropped


def trades(count: int, first: int = 0) -> list[Message]:
    return [numbered(TOPIC, "BTC", first + number) for number in range(count)]


def tickers(count: int) -> list[Message]:
    return [numbered(TOPIC, "BTC", number, "ticker") for number in range(count)]


def read_all(spool: Spool, lane: Lane, *, acknowledge: bool = True) -> list[Message]:
    messages = []
    while found := spool.read(lane):
        messages += found[1]
        if acknowledge:
            spool.acknowledged(lane, found[0], len(found[1]))
    return messages


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_first_in_first_out_over_many_files_which_go_when_all_is_acknowledged(tmp_path: Path) -> None:
    spool, dropped = spool_in(tmp_path)
    for message in trades(100):
        assert spool.append(TRADES, [message]) == 1
    assert (spool.records, spool.has_unread(TRADES), spool.has_unread(QUOTES), len(files(tmp_path))) == (100, True, False, 15)
    assert spool.size == sum(path.stat().st_size for path in files(tmp_path)) == sum(len(entry_of(message)) for message in trades(100))
    assert read_all(spool, TRADES) == trades(100)
    assert (spool.records, spool.size, files(tmp_path), dropped) == (0, 0, [], Counter())


def test_a_file_stays_until_its_last_message_is_acknowledged(tmp_path: Path) -> None:
    spool, _ = spool_in(tmp_path, segment_bytes=100_000)
    spool.append(TRADES, trades(10))
    found = spool.read(TRADES)
    assert found is not None
    spool.acknowledged(TRADES, found[0], 9)
    assert len(files(tmp_path)) == 1
    spool.acknowledged(TRADES, found[0], 1)
    assert files(tmp_path) == []


def test_the_next_process_finds_everything_and_writes_behind_it(tmp_path: Path) -> None:
    first, _ = spool_in(tmp_path)
    first.append(TRADES, trades(30))
    first.append(QUOTES, tickers(20))
    second, _ = spool_in(tmp_path)
    assert second.records == 50
    second.append(TRADES, trades(5, first=30))
    assert read_all(second, TRADES) == trades(35)
    assert read_all(second, QUOTES) == tickers(20)


@pytest.mark.parametrize("missing", [1, 7, 100])
def test_a_torn_last_entry_is_ignored(tmp_path: Path, missing: int) -> None:
    first, _ = spool_in(tmp_path, segment_bytes=100_000)
    first.append(TRADES, trades(10))
    (path,) = files(tmp_path)
    os.truncate(path, path.stat().st_size - missing)
    second, _ = spool_in(tmp_path)
    assert (second.records, read_all(second, TRADES)) == (9, trades(9))


def test_a_damaged_entry_and_what_is_behind_it_is_dropped_and_counted(tmp_path: Path) -> None:
    spool, dropped = spool_in(tmp_path, segment_bytes=100_000)
    spool.append(TRADES, trades(10))
    (path,) = files(tmp_path)
    data = bytearray(path.read_bytes())
    data[len(entry_of(trades(1)[0])) * 4 + 20] ^= 1
    path.write_bytes(data)
    assert read_all(spool, TRADES) == trades(4)
    assert dropped == Counter({("okx", "trade"): 6})


def test_a_file_that_was_taken_away_is_counted(tmp_path: Path) -> None:
    spool, dropped = spool_in(tmp_path)
    spool.append(TRADES, trades(3))
    for path in files(tmp_path):
        path.unlink()
    assert read_all(spool, TRADES) == []
    assert dropped == Counter({("okx", "trade"): 3})
    assert "cannot be read" in spool.trouble


@contextmanager
def no_more_files() -> Iterator[None]:
    """This process can open no file for a while."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_file_that_cannot_be_opened_now_is_read_later(tmp_path: Path) -> None:
    spool, dropped = spool_in(tmp_path)
    spool.append(TRADES, trades(20))
    with no_more_files():
        assert spool.read(TRADES) is None
    assert ("cannot be read" in spool.trouble, spool.has_unread(TRADES), spool.records) == (True, True, 20)
    assert (read_all(spool, TRADES), dropped, spool.trouble) == (trades(20), Counter(), "")


def test_a_file_that_cannot_be_read_at_a_start_neither_hides_the_others_nor_is_written_over(tmp_path: Path) -> None:
    first, _ = spool_in(tmp_path)
    for message in trades(20):
        first.append(TRADES, [message])
    names = [path.name for path in files(tmp_path)]
    assert len(names) == 3
    (tmp_path / "trades" / names[0]).rename(tmp_path / "whole")
    (tmp_path / "trades" / names[0]).mkdir()
    second, dropped = spool_in(tmp_path)
    assert ("cannot be read" in second.trouble, second.records) == (True, 13)
    assert second.append(TRADES, trades(2, first=20)) == 2
    kept = second.keep(TRADES, trades(2, first=5))
    assert kept is not None
    assert kept.path.name == "000000999999.segment"
    assert read_all(second, TRADES) == trades(15, first=7)
    (tmp_path / "trades" / names[0]).rmdir()
    (tmp_path / "whole").rename(tmp_path / "trades" / names[0])
    third, _ = spool_in(tmp_path)
    assert (read_all(third, TRADES), dropped) == ([*trades(2, first=5), *trades(7)], Counter())


def test_files_that_could_not_be_listed_at_a_start_are_not_touched(tmp_path: Path) -> None:
    first, _ = spool_in(tmp_path)
    first.append(TRADES, trades(3))
    (path,) = files(tmp_path)
    second, dropped = spool_in(tmp_path / "elsewhere")
    second._folder = tmp_path  # As if the folder had had no room for one more open file.
    assert second.append(TRADES, trades(2, first=10)) == 2
    assert second.keep(TRADES, trades(1, first=9)) is not None
    assert path.read_bytes() == b"".join(map(entry_of, trades(3)))
    assert (read_all(second, TRADES), dropped) == (trades(2, first=10), Counter())


def test_a_failed_write_takes_away_only_the_file_that_it_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pwrite(_descriptor: int, _data: bytes, _offset: int) -> int:
        (tmp_path / "trades" / "000001000001.segment").write_bytes(b"of somebody else")
        raise OSError(errno.EIO, "Input/output error")

    spool, _ = spool_in(tmp_path)
    with monkeypatch.context() as failing:
        failing.setattr(os, "pwrite", pwrite)
        assert spool.append(TRADES, trades(1)) == 0
    assert [path.name for path in files(tmp_path)] == ["000001000001.segment"]
    assert spool.append(TRADES, trades(1)) == 1
    assert [path.name for path in files(tmp_path)] == ["000001000001.segment", "000001000002.segment"]


def test_a_start_tells_the_newest_trades_that_are_left(tmp_path: Path) -> None:
    first, _ = spool_in(tmp_path, limit=64 * MEGABYTE, segment_bytes=MEGABYTE)
    first.append(TRADES, [*trades(20_010), numbered(TOPIC, "BTC", 0, channel="")])
    first.append(QUOTES, tickers(5))
    second, _ = spool_in(tmp_path, limit=64 * MEGABYTE)
    assert second.trades_before == [(TOPIC, message.value) for message in trades(20_000, first=10)]
    third, dropped = spool_in(tmp_path, limit=2 * MEGABYTE)
    lost = dropped["okx", "trade"]
    assert lost > 5_000
    assert third.trades_before == [(TOPIC, message.value) for message in trades(20_010)[lost:]]


def test_quotes_go_first_and_trades_last(tmp_path: Path) -> None:
    size = len(entry_of(trades(1)[0]))
    spool, dropped = spool_in(tmp_path, limit=100 * size, segment_bytes=10 * size)
    for message in itertools.chain(tickers(50), trades(60)):
        spool.append(QUOTES if message.channel == "ticker" else TRADES, [message])
    assert dropped == Counter({("okx", "ticker"): 20})  # A file of ten at a time, as a ticker's entry is a little longer than a trade's.
    for message in trades(40, first=60):
        spool.append(TRADES, [message])
    assert dropped == Counter({("okx", "ticker"): 50})
    for message in tickers(5):
        spool.append(QUOTES, [message])
    assert dropped == Counter({("okx", "ticker"): 55})
    for message in trades(1, first=100):
        spool.append(TRADES, [message])
    assert dropped == Counter({("okx", "ticker"): 55, ("okx", "trade"): 10})
    assert read_all(spool, TRADES) == trades(101)[10:]


def test_what_was_handed_over_already_is_no_loss(tmp_path: Path) -> None:
    size = len(entry_of(trades(1)[0]))
    spool, dropped = spool_in(tmp_path, limit=20 * size, segment_bytes=10 * size)
    spool.append(TRADES, trades(10))
    read_all(spool, TRADES, acknowledge=False)
    for message in trades(20, first=10):
        spool.append(TRADES, [message])
    assert (dropped, read_all(spool, TRADES)) == (Counter(), trades(20, first=10))


def test_a_disk_that_cannot_be_written_leaves_the_messages_with_the_caller(tmp_path: Path) -> None:
    blocked = tmp_path / "spool"
    blocked.write_text("a file where the folder should be")
    spool, dropped = spool_in(blocked)
    assert spool.append(TRADES, trades(3)) == 0
    assert "cannot be kept" in spool.trouble
    assert spool.keep(TRADES, trades(3)) is None
    blocked.unlink()
    assert spool.append(TRADES, trades(3)) == 3
    assert (spool.trouble, dropped, read_all(spool, TRADES)) == ("", Counter(), trades(3))


def test_on_a_full_disk_quotes_make_room_for_trades(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = 5_000
    write = os.pwrite

    def pwrite(descriptor: int, data: bytes, offset: int) -> int:
        if sum(path.stat().st_size for path in files(tmp_path)) + len(data) > room:
            write(descriptor, data[:50], offset)
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    spool, dropped = spool_in(tmp_path)
    for message in tickers(20):
        assert spool.append(QUOTES, [message]) == 1
    for message in trades(20):
        assert spool.append(TRADES, [message]) == 1
    kept = read_all(spool, QUOTES)
    assert kept == tickers(20)[20 - len(kept) :]
    assert dropped == Counter({("okx", "ticker"): 20 - len(kept)})
    assert 0 < len(kept) < 20
    assert read_all(spool, TRADES) == trades(20)


def test_what_is_under_way_is_kept_before_what_is_unread_and_nothing_else(tmp_path: Path) -> None:
    spool, _ = spool_in(tmp_path, segment_bytes=100_000)
    spool.append(TRADES, trades(8, first=4))
    segment = next(iter(spool._segments[TRADES]))
    segment.read(1)
    segment.read(1)
    spool.acknowledged(TRADES, segment, 1)
    # 0 to 3 went to Kafka directly; 0, 1 and 4 are acknowledged.
    kept = spool.keep(TRADES, [*trades(2, first=2), *trades(1, first=5)])
    assert isinstance(kept, Segment)
    assert (kept.unacknowledged, kept.unread.total(), len(files(tmp_path))) == (3, 6, 1)
    spool.append(TRADES, trades(1, first=12))
    assert read_all(spool, TRADES) == trades(7, first=6)
    assert len(files(tmp_path)) == 1
    after_a_crash, _ = spool_in(tmp_path)
    assert read_all(after_a_crash, TRADES) == [*trades(2, first=2), *trades(7, first=5)]


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
