"""What waits on disk comes back in order, and goes by the rule when room is short."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

from src.collect.spool_segment import Segment, entry_of
from tests.collect.numbered import numbered
from tests.collect.spools import MEGABYTE, QUOTES, TOPIC, TRADES, files, read_all, spool_in, tickers, trades


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
