"""The collector's metrics, read over HTTP as Prometheus reads them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from src.collect.prometheus import MetricsServer
from src.collect.status import CollectorStatus, MarketStatus
from src.errors import ConfigurationError
from src.schema.records import Source
from tests.servers import LOOPBACK, free_port

UPBIT = MarketStatus(
    frames=120, records=100, malformed=3, reconnects=2, connected=True, gaps=7, filled=5, stale=4, dropped=9, delay_ms=5_250, records_seen=100
)


def status(**fields: object) -> CollectorStatus:
    return CollectorStatus(
        **({"pid": 1, "channels": ("trade",), "source": Source.LIVE, "state": "running", "started_time": 0, "updated_time": 0} | fields)
    )  # type: ignore[arg-type]


@contextmanager
def serving(said: CollectorStatus) -> Iterator[int]:
    port = free_port()
    server = MetricsServer(port, lambda: said)
    try:
        yield port
    finally:
        server.close()


def scraped(port: int) -> dict[tuple[str, ...], float]:
    """The samples of a scrape, by name and labels."""
    with urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    families = list(text_string_to_metric_families(text))
    assert all(family.documentation for family in families)
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


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
        "delay_seconds_total": 5.25,
        "delay_records_total": 100.0,
        "connected": 1.0,
    }
    assert samples[prefix + "connected", "okx", "live"] == 0.0
    assert {name.removeprefix(prefix): value for (name, *labels), value in samples.items() if not labels} == {
        "messages_acknowledged_total": 90.0,
        "messages_waiting": 12.0,
        "frames_queued": 3.0,
    }


def test_each_scrape_tells_of_now() -> None:
    said = status(markets={})
    with serving(said) as port:
        assert ("coinspark_collector_frames_total", "okx", "live") not in scraped(port)
        said.markets["okx"] = MarketStatus(frames=1)
        assert scraped(port)["coinspark_collector_frames_total", "okx", "live"] == 1.0
        said.markets["okx"].frames = 5
        assert scraped(port)["coinspark_collector_frames_total", "okx", "live"] == 5.0


def test_it_listens_on_this_machine_alone_and_no_more_when_it_is_closed() -> None:
    with serving(status()) as port, socket.create_connection((LOOPBACK, port)) as connection:
        assert connection.getpeername()[0] == LOOPBACK
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port))
    with pytest.raises(URLError):
        urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=10)


def test_a_port_that_is_taken_is_the_users_to_change() -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=rf"--metrics-port {port} cannot be used: Address already in use; .*COINSPARK_METRICS_PORT"):
            MetricsServer(port, status)
