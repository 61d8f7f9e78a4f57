"""What status files mean: who is well, who is stale, silent, behind, or of an earlier run."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.collect.status import status_path
from src.config.settings import Settings
from src.dashboard.health_sheets import MOST_EVENTS, Health, health_sheets
from src.dashboard.running import Condition, Feed, Running, running
from src.schema.records import Source
from tests.dashboard.markets import SETTINGS
from tests.dashboard.statuses import LOST, collector, job, market_status, write, write_all_well, write_troubles

NOW = 1_790_000_000_000


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return SETTINGS.model_copy(update={"home": tmp_path})


def feeds(found: Running) -> dict[tuple[str, str], Feed]:
    return {(feed.market, feed.channels): feed for feed in found.feeds}


def test_where_nothing_has_run_there_is_nothing(settings: Settings) -> None:
    assert running(settings, NOW) == Running((), (), (), None, "")


def test_all_well(settings: Settings) -> None:
    write_all_well(settings.home, NOW)
    found = running(settings, NOW)
    assert {feed.condition for feed in found.feeds} == {each.condition for each in (*found.collectors, *found.jobs)} == {Condition.WELL}
    assert [feed.market for feed in found.feeds][-1] == "bank", "the bank comes last, and is no market"
    assert (found.newest, found.source) == (NOW - 300, "live")
    assert [each.status.kind for each in found.jobs] == ["ticker", "trade", "orderbook"]


def test_of_every_trouble_one(settings: Settings) -> None:
    write_troubles(settings.home, NOW)
    found = running(settings, NOW)
    assert {key: feed.condition.value for key, feed in feeds(found).items()} == {
        ("upbit", "ticker"): "well",
        ("kraken", "ticker"): "stale",
        ("okx", "ticker"): "disconnected",
        ("binance", "ticker"): "stale",
        ("upbit", "trade"): "silent",
        ("upbit", "orderbook"): "failed",
    }
    okx = feeds(found)["okx", "ticker"]
    assert (okx.last_frame_seconds, okx.reconnects, okx.note) == (21.0, 7, LOST)
    assert {each.channels: each.condition.value for each in found.collectors} == {"ticker": "well", "trade": "silent", "orderbook": "failed"}
    assert {each.status.kind: each.condition.value for each in found.jobs} == {"ticker": "behind", "orderbook": "failed", "trade": "parked"}


def test_a_rate_of_a_collector_that_is_silent_is_not_shown_as_one_of_now(settings: Settings) -> None:
    write(settings.home, collector(NOW, ("ticker",), {"okx": market_status(NOW)}, 1, updated_time=NOW - 15_001))
    (feed,) = running(settings, NOW).feeds
    assert (feed.condition, feed.frames_per_second, feed.delay_ms, feed.last_frame_seconds) == (Condition.SILENT, None, None, 0.4)
    write(settings.home, collector(NOW, ("ticker",), {"okx": market_status(NOW)}, 1, updated_time=NOW - 15_000))
    (feed,) = running(settings, NOW).feeds
    assert (feed.condition, feed.frames_per_second, feed.delay_ms) == (Condition.WELL, 37.2, 48.0)


@pytest.mark.parametrize(
    ("channels", "age_ms", "condition"),
    [
        (("ticker",), 60_000, Condition.WELL),
        (("ticker",), 60_001, Condition.STALE),
        (("trade",), 300_000, Condition.WELL),
        (("trade",), 300_001, Condition.STALE),
        # Tickers come all the time, whatever else comes with them.
        (("ticker", "trade"), 60_001, Condition.STALE),
    ],
)
def test_a_market_is_stale_when_its_subscription_would_be_renewed(
    settings: Settings, channels: tuple[str, ...], age_ms: int, condition: Condition
) -> None:
    write(settings.home, collector(NOW, channels, {"okx": market_status(NOW, age_ms)}, 1))
    assert [feed.condition for feed in running(settings, NOW).feeds] == [condition]


def test_a_market_that_is_awaited_a_replay_that_has_no_sockets_and_a_bank_that_is_seldom_asked(settings: Settings) -> None:
    write(settings.home, collector(NOW, ("ticker",), {"okx": market_status(NOW, None)}, 1, started_time=NOW - 9_000))
    assert [feed.condition for feed in running(settings, NOW).feeds] == [Condition.WAITING]
    write(settings.home, collector(NOW, ("ticker",), {"okx": market_status(NOW, connected=False)}, 1, source=Source.SIMULATED))
    assert [feed.condition for feed in running(settings, NOW).feeds] == [Condition.WELL]
    for age_ms, condition in ((1_800_000, Condition.WELL), (1_800_001, Condition.STALE)):
        write(settings.home, collector(NOW, ("ticker",), {"bank": market_status(NOW, age_ms, connected=False)}, 1))
        assert [feed.condition for feed in running(settings, NOW).feeds] == [condition]


@pytest.mark.parametrize(
    ("fields", "condition"),
    [
        ({"state": "starting", "batch_id": None, "lag_records": None}, Condition.WAITING),
        ({"lag_records": 97_800}, Condition.WELL),
        ({"lag_records": 97_801}, Condition.BEHIND),
        ({"lag_records": 1, "processed_records_per_second": None}, Condition.BEHIND),
        ({"lag_records": 0, "processed_records_per_second": None}, Condition.WELL),
        ({"updated_time": NOW - 20_000}, Condition.SILENT),
        ({"updated_time": NOW - 20_000, "state": "stopped"}, Condition.STOPPED),
        ({"updated_time": NOW - 20_000, "state": "finished", "parked_batches": {"MySQL": 1}}, Condition.FINISHED),
        ({"updated_time": NOW - 20_000, "state": "failed"}, Condition.FAILED),
    ],
)
def test_how_a_job_fares(settings: Settings, fields: dict[str, object], condition: Condition) -> None:
    write(settings.home, job(NOW, "trade", **fields))
    assert [each.condition for each in running(settings, NOW).jobs] == [condition]


def test_gaps_of_an_hour_of_which_not_everything_is_known_are_not_known(settings: Settings) -> None:
    write(settings.home, collector(NOW, ("trade",), {"okx": market_status(NOW)}, 1))
    said = dict.fromkeys(("symbol", "count", "first_time", "last_time", "detail"))
    gap = {"event_time": NOW, "kind": "gap", "market": "okx", "channel": "trade", **said}
    for events, gaps in (((gap, gap, gap | {"channel": "ticker"}), 2), ((gap,) * MOST_EVENTS, None), (None, None)):
        _, feeds, *_ = health_sheets(Health(running(settings, NOW), events, None, (), NOW))
        place = [column.name for column in feeds.columns].index("gaps_hour")
        assert [line[place] for line in feeds.rows] == [gaps]


def test_what_cannot_be_read_is_left_out(settings: Settings) -> None:
    write_all_well(settings.home, NOW)
    status_path(settings.home, 4_711).write_text("half of a")
    (settings.home / "jobs" / "trade.json").write_text("{}")
    found = running(settings, NOW)
    assert [each.pid for each in found.collectors] == [4_712]
    assert [each.status.kind for each in found.jobs] == ["ticker", "orderbook"]
