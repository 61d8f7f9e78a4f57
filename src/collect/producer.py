"""The Kafka client that a collector sends with: nothing lost, nothing twice, in order."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable

from kafka import KafkaProducer
from kafka.errors import KafkaTimeoutError

from src.broker.connection import client_options

_DAY_MS = 24 * 60 * 60 * 1000


class Producer(KafkaProducer):  # type: ignore[misc]  # the library is not typed
    """A producer whose `close` ends its thread, and that says whether `send` could block."""

    def flush(self, timeout: float | None = None) -> None:
        # `close` of the library stops half-way, its thread still running, when the flush in it times out.
        with contextlib.suppress(KafkaTimeoutError):
            super().flush(timeout)

    def knows(self, topic: str, partition: int) -> bool:
        """Whether `send` to that partition returns at once; where not, the cluster is asked anew."""
        known = partition in (self._metadata.partitions_for_topic(topic) or ())
        if not known:
            self._sender.add_topic(topic)
            self._metadata.request_update()
            self._sender.wakeup()
        return known


def connected_producer(bootstrap_servers: str, topics: Iterable[str]) -> Producer:
    """A producer that knows these topics. Blocks for a few seconds; raises `KafkaError` when Kafka does not answer."""
    producer = Producer(
        **client_options(bootstrap_servers),
        enable_idempotence=True,
        acks="all",
        linger_ms=10,
        compression_type="lz4",
        # One batch of a partition is under way at a time, so that the order stays when a connection breaks: it must not be small.
        batch_size=768 * 1024,
        # An outage is waited out: giving up on a message is the last thing wanted.
        delivery_timeout_ms=_DAY_MS,
        reconnect_backoff_max_ms=1_000,
        request_timeout_ms=10_000,
        bootstrap_timeout_ms=2_000,
        max_block_ms=2_000,
        allow_auto_create_topics=False,
        metrics_enabled=False,
    )
    try:
        for topic in topics:
            producer.partitions_for(topic)
    except BaseException:
        producer.close(timeout=0)
        raise
    return producer
