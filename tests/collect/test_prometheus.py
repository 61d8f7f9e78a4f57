"""The collector's metrics, read over HTTP as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from src.collect.prometheus import CollectorFamilies
from src.collect.status import CollectorStatus, MarketStatus
from src.monitoring.endpoint import metrics_served
from src.schema.records import Source
from tests.monitoring.scraped import scraped, shown_by
from tests.servers import LOOPBACK, free_port

UPBIT = MarketStatus(
    frames=120, records=100, malformed=3, reconnects=2, connected=True, gaps=7, filled=5, stale=4, dropped=9, delay_ms=5_250, behind_ms=5_500,
    ahead_ms=250, records_seen=100, newest_event_time=1_790_000_000_500,
)  # fmt: skip


def status(**fields: object) -> CollectorStatus:
    return CollectorStatus(
        **({"pid": 1, "channels": ("trade",), "source": Source.LIVE, "state": "running", "started_time": 0, "updated_time": 0} | fields)
    )  # type: ignore[arg-type]


@contextmanager
def serving(said: CollectorStatus) -> Iterator[int]:
    port = free_port()
    with metrics_served(LOOPBACK, port, "COINSPARK_METRICS_PORT", CollectorFamilies(lambda: said)):
        yield port


def test_every_count_is_a_metric_by_market_and_source() -> None:
    with serving(status(markets={"upbit": UPBIT, "okx": MarketStatus()}, sent=90, waiting=12, queued=3)) as port:
        samples = scraped(port)
    prefix = "coinspark_collector_"
    assert {name.removeprefix(prefix): value for (name, *labels), value in samples.items() if labels == ["upbit", "live"]} == {
        "frames_total": 120.0,
        "records_total": 100.0,
        "dead_letters_total": 3.0,
        "reconnects_total": 2.0,
        "gaps_total": 7.0,
        "gaps_filled_total": 5.0,
        "stale_subscriptions_total": 4.0,
        "records_dropped_total": 9.0,
        "delay_seconds_total": 5.5,
        "ahead_seconds_total": 0.25,
        "delay_records_total": 100.0,
        "connected": 1.0,
        "newest_event_timestamp_seconds": 1_790_000_000.5,
    }
    assert samples[prefix + "connected", "okx", "live"] == 0.0
    assert (prefix + "newest_event_timestamp_seconds", "okx", "live") not in samples, "nothing has come yet"
    assert {name.removeprefix(prefix): value for (name, *labels), value in samples.items() if not labels} == {
        "messages_acknowledged_total": 90.0,
        "messages_waiting": 12.0,
        "frames_queued": 3.0,
    }


def test_the_sums_of_delays_only_grow() -> None:
    market = MarketStatus()
    seen = []
    for event_time, received_time in ((1_000, 1_400), (2_000, 1_000), (3_000, 2_500)):
        market.saw(event_time, received_time)
        samples = shown_by(CollectorFamilies(lambda: status(markets={"okx": market})))
        seen.append(tuple(samples[f"coinspark_collector_{name}_seconds_total", "okx", "live"] for name in ("delay", "ahead")))
    assert seen == [(0.4, 0.0), (0.4, 1.0), (0.4, 1.5)]


def test_each_scrape_tells_of_now() -> None:
    said = status(markets={})
    with serving(said) as port:
        assert ("coinspark_collector_frames_total", "okx", "live") not in scraped(port)
        said.markets["okx"] = MarketStatus(frames=1)
        assert scraped(port)["coinspark_collector_frames_total", "okx", "live"] == 1.0
        said.markets["okx"].frames = 5
        assert scraped(port)["coinspark_collector_frames_total", "okx", "live"] == 5.0


def test_before_there_is_a_collector_nothing_is_shown_and_one_alone_shows_its_disk(tmp_path: Path) -> None:
    assert shown_by(CollectorFamilies(lambda: None)) == {}
    assert set(shown_by(CollectorFamilies(lambda: None, tmp_path))) == {("coinspark_home_free_bytes",), ("coinspark_home_size_bytes",)}
