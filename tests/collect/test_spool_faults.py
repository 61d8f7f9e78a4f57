"""Torn and damaged files, files that are gone or cannot be opened, and a disk that is full or cannot be written: nothing else is lost."""

from __future__ import annotations

import errno
import os
import resource
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from src.collect.spool_segment import entry_of
from tests.collect.spools import QUOTES, TRADES, files, read_all, spool_in, tickers, trades


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
