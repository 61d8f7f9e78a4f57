"""The collector's counts as Prometheus metrics, on 127.0.0.1."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from src.collect.status import CollectorStatus, MarketStatus
from src.errors import ConfigurationError

_COUNTERS: tuple[tuple[str, str, Callable[[MarketStatus], float]], ...] = (
    ("coinspark_collector_frames", "Messages received from the exchange.", lambda market: market.frames),
    ("coinspark_collector_records", "Records made of them.", lambda market: market.records),
    ("coinspark_collector_dead_letters", "Messages that could not be read.", lambda market: market.malformed),
    ("coinspark_collector_reconnects", "Open sockets that were lost.", lambda market: market.reconnects),
    ("coinspark_collector_gaps", "Places where data is missing or may be.", lambda market: market.gaps),
    ("coinspark_collector_gaps_filled", "Gaps whose trades were fetched.", lambda market: market.filled),
    ("coinspark_collector_stale_subscriptions", "Subscriptions that gave no data and were renewed.", lambda market: market.stale),
    ("coinspark_collector_records_dropped", "Records given up for want of room.", lambda market: market.dropped),
    ("coinspark_collector_delay_seconds", "Sum over all records of reception minus event.", lambda market: market.delay_ms / 1000),
    ("coinspark_collector_delay_records", "Records in that sum.", lambda market: market.records_seen),
)


class _StatusCollector(Collector):
    """Asks for the status when it is scraped; nothing is counted twice."""

    def __init__(self, status: Callable[[], CollectorStatus]) -> None:
        self._status = status

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """One family for each count, by market and source."""
        status = self._status()
        labels = ["market", "source"]
        for name, documentation, value in _COUNTERS:
            family = CounterMetricFamily(name, documentation, labels=labels)
            for market, counts in list(status.markets.items()):
                family.add_metric([market, status.source.value], value(counts))
            yield family
        connected = GaugeMetricFamily("coinspark_collector_connected", "1 while a socket to the market is open.", labels=labels)
        for market, counts in list(status.markets.items()):
            connected.add_metric([market, status.source.value], float(counts.connected))
        yield connected
        yield CounterMetricFamily("coinspark_collector_messages_acknowledged", "Records that Kafka has acknowledged.", value=status.sent)
        yield GaugeMetricFamily("coinspark_collector_messages_waiting", "Records that wait for Kafka, in memory and on disk.", value=status.waiting)
        yield GaugeMetricFamily("coinspark_collector_frames_queued", "Messages that wait to be read.", value=status.queued)


class MetricsServer:
    """Serves `/metrics` until it is closed. Raises `ConfigurationError` when the port is taken."""

    def __init__(self, port: int, status: Callable[[], CollectorStatus]) -> None:
        registry = CollectorRegistry()
        registry.register(_StatusCollector(status))
        try:
            self._server: WSGIServer
            self._server, self._thread = start_http_server(port, addr="127.0.0.1", registry=registry)
        except OSError as error:
            raise ConfigurationError(f"--metrics-port {port} cannot be used: {error.strerror}; choose another (COINSPARK_METRICS_PORT)") from None

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
