"""The waiting records: an embedded broker in a folder of its own under `.bench/`, filled once for each number of records."""

from __future__ import annotations

import shutil
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from kafka import KafkaProducer

from bench.throughput_records import MARKETS, RECORDS_A_MESSAGE, SYMBOLS, Sent, messages
from src.broker.cluster import cluster
from src.broker.topics import end_offsets, ensure_topics, topic_specs
from src.config import Settings, load_settings
from src.preprocess.venues import Venue, venues
from src.schema.records import Region, ticker_topic

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = PROJECT / ".bench" / "throughput"
TOPICS = tuple(ticker_topic(region) for region in Region)
_CONTENT = 1
"""Raised when other records are made: then topics are filled anew."""
_PROCESSES = 2
_WAIT_EVERY = 1_000
_WAITING = 20
_PATIENCE_SECONDS = 60

Make = Callable[[int, tuple[Venue, ...], int, int, int], Iterator[Sent]]
"""(records, venues, partitions, share, shares): the messages of that share, as `messages` makes them."""


def bench_settings(home: Path) -> Settings:
    """Defaults, whatever the environment and `.env` say, for the nine markets and twenty symbols; the broker on free ports."""
    ports = {"broker_port": _free_port(), "controller_port": _free_port()}
    return load_settings(home=home, jars=PROJECT / ".jars", markets=MARKETS, symbols=SYMBOLS, kafka_bootstrap_servers="", database_url="", **ports)


@contextmanager
def filled(records: int, name: str = "ticker", topics: tuple[str, ...] = TOPICS, make: Make = messages) -> Iterator[tuple[Settings, str]]:
    """A running broker on whose topics exactly so many records wait: its settings, and its address.

    name, make: what lies there; it is kept, so the next run begins at once. Raises SystemExit when the topics do not hold what was sent.
    """
    home = FOLDER / f"{name}-{records}"
    stamp = home / f"filled-{_CONTENT}"
    if not stamp.exists():
        shutil.rmtree(home, ignore_errors=True)
    settings = bench_settings(home)
    with cluster(settings, "bench") as running:
        address = running.bootstrap_servers
        if not stamp.exists():
            _fill(settings, address, records, topics, make)
            stamp.touch()
        count = sum(end_offsets(address, topics).values())
        if count != records // RECORDS_A_MESSAGE:
            raise SystemExit(f"{count} messages wait in {home}, not {records // RECORDS_A_MESSAGE}: remove that folder")
        yield settings, address


def _fill(settings: Settings, address: str, records: int, topics: tuple[str, ...], make: Make) -> None:
    began = time.monotonic()
    ensure_topics(address, topic_specs(topics, settings))
    # Each partition is filled by one process, so that its records lie in the order of event time.
    with ProcessPoolExecutor(_PROCESSES, get_context("spawn")) as pool:
        sizes = [pool.submit(_send, make, records, venues(settings), address, settings.topic_partitions, share) for share in range(_PROCESSES)]
        size = sum(each.result() for each in sizes)
    seconds = time.monotonic() - began
    print(f"filled: {records:,} records of {size / records:.0f} bytes in {seconds:.0f} s, {records / seconds:,.0f} records/s", file=sys.stderr)


def _send(make: Make, records: int, places: tuple[Venue, ...], address: str, partitions: int, share: int) -> int:
    """Send a share of the messages; how many bytes they were."""
    producer = KafkaProducer(
        bootstrap_servers=address,
        acks=1,
        linger_ms=100,
        batch_size=512 * 1024,
        compression_type="lz4",
        max_block_ms=60_000,
    )
    size = 0
    waiting: deque[Any] = deque()
    for number, message in enumerate(make(records, places, partitions, share, _PROCESSES)):
        sent = producer.send(message.topic, key=message.key, value=message.value, partition=message.partition)
        size += len(message.value)
        if number % _WAIT_EVERY == 0:
            # The client's own buffer has no bound.
            waiting.append(sent)
            if len(waiting) > _WAITING:
                waiting.popleft().get(_PATIENCE_SECONDS)
    producer.flush()
    producer.close()
    return size


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
