"""What a running collector tells every ten seconds: one line, of what happened since the last one."""

from __future__ import annotations

import msgspec

from src.collect.report import MarketPace, Reporter
from src.collect.status import CollectorStatus, MarketStatus
from src.schema.records import EventKind, Source


def status(**markets: MarketStatus) -> CollectorStatus:
    return CollectorStatus(
        pid=1,
        channels=("ticker", "trade"),
        source=Source.LIVE,
        state="running",
        started_time=0,
        updated_time=0,
        sent=40,
        queued=2,
        waiting=3,
        markets=markets,
    )


def okx() -> MarketStatus:
    return MarketStatus(
        frames=100,
        records=80,
        malformed=1,
        reconnects=2,
        gaps=3,
        dropped=4,
        delay_ms=4_000,
        records_seen=80,
        note="what the exchange said\non two lines",
    )


def test_the_first_report_is_of_the_time_since_the_start() -> None:
    report = Reporter().report(status(okx=okx()), 10.0)
    assert report.markets["okx"] == MarketPace(
        frames_per_second=10.0,
        records_per_second=8.0,
        delay_ms=50.0,
        dead_letters=1,
        reconnects=2,
        gaps=3,
        dropped=4,
        note="what the exchange said\non two lines",
    )
    assert (report.frames_per_second, report.records_per_second, report.dead_letters) == (10.0, 8.0, 1)
    assert (report.channels, report.source, report.state, report.sent, report.queued, report.waiting) == ("ticker,trade", "live", "running", 40, 2, 3)


def test_the_next_is_of_what_happened_since_and_of_the_whole_troubles() -> None:
    reporter, market = Reporter(), okx()
    reporter.report(status(okx=market), 10.0)
    market.frames += 50
    market.records += 45
    market.delay_ms += 450
    market.records_seen += 5
    market.gaps += 1
    pace = reporter.report(status(okx=market, upbit=MarketStatus(frames=10)), 5.0).markets
    assert (pace["okx"].frames_per_second, pace["okx"].records_per_second, pace["okx"].delay_ms) == (10.0, 9.0, 90.0)
    assert (pace["okx"].gaps, pace["okx"].reconnects) == (4, 2)
    assert (pace["upbit"].frames_per_second, pace["upbit"].delay_ms) == (2.0, None)


def test_it_is_one_line_whatever_an_exchange_says() -> None:
    quiet = MarketStatus(frames=5)
    line = Reporter().report(status(okx=okx(), bybit=quiet), 10.0).line()
    assert line == (
        "collect ticker,trade live: 10.5 frames/s, 8.0 records/s, 40 sent, 2+3 queued, 1 dead letters"
        " | bybit 0.5>0.0/s"
        " | okx 10.0>8.0/s 50 ms (2 reconnects, 3 gaps, 4 dropped, what the exchange said on two lines)"
    )


def test_frames_left_and_a_message_are_told_where_there_are_any() -> None:
    said = msgspec.structs.replace(status(), left=7, message="simulated data is shown\x1b[2J")
    assert Reporter().report(said, 1.0).line() == (
        "collect ticker,trade live: 0.0 frames/s, 0.0 records/s, 40 sent, 2+3 queued, 0 dead letters, 7 frames left | simulated data is shown?[2J"
    )


def test_it_is_one_json_object() -> None:
    value = msgspec.json.decode(msgspec.json.encode(Reporter().report(status(okx=okx()), 10.0)))
    assert (value["markets"]["okx"]["gaps"], value["left"], value["markets"]["okx"]["delay_ms"]) == (3, None, 50.0)


def test_what_the_ledger_says_is_counted() -> None:
    market = MarketStatus()
    for kind in EventKind:
        market.count(kind)
    assert (market.gaps, market.filled, market.stale) == (1, 1, 1)


def test_the_newest_event_and_the_sum_of_delays_are_kept() -> None:
    market = MarketStatus()
    for event_time, received_time in ((1_000, 1_050), (900, 1_060), (1_100, 1_090)):
        market.saw(event_time, received_time)
    assert (market.newest_event_time, market.delay_ms, market.records_seen) == (1_100, 200, 3)
    assert (market.behind_ms, market.ahead_ms) == (210, 10)
