"""Tickers and trades whose event time is the time at which they are sent: half of the records each, at one pace for as long as wanted."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

from kafka import KafkaProducer

from bench.jobs_records import trade_messages
from bench.throughput_records import RECORDS_A_MESSAGE, Sent, messages
from src.config import Settings
from src.preprocess.venues import venues

_MOST_RECORDS = sys.maxsize
_CHANNELS = 2
_JOIN_SECONDS = 10
_LATE_MS = 250
"""A record is sent so long after its event time: received times in it are of before that."""


class Feed:
    """Sends from its first moment to `stop`. `records`: sent so far."""

    def __init__(self, settings: Settings, bootstrap_servers: str, rate: int) -> None:
        self.spacing = max(1, round(1_000 * _CHANNELS / rate))
        """Between two records of a channel, ms."""
        self.records = 0
        self.failure: Exception | None = None
        self._settings = settings
        self._stopping = threading.Event()
        self._producer = KafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", linger_ms=20, compression_type="lz4")
        self._thread = threading.Thread(target=self._run, name="feed", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """No more; returns when the broker has what was sent."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_SECONDS)
        self._producer.close(timeout=_JOIN_SECONDS)

    def _run(self) -> None:
        try:
            begin = round(time.time() * 1_000)
            span = RECORDS_A_MESSAGE * self.spacing
            for number, sent in enumerate(self._messages(begin)):
                due = begin + (number // _CHANNELS + 1) * span + _LATE_MS
                wait = due / 1_000 - time.time()
                if self._stopping.wait(wait) if wait > 0 else self._stopping.is_set():
                    return
                self._producer.send(sent.topic, key=sent.key, value=sent.value, partition=sent.partition)
                self.records += RECORDS_A_MESSAGE
        except Exception as error:  # noqa: BLE001  (whatever it is, the soak must not go on as if it were fed)
            self.failure = error

    def _messages(self, begin: int) -> Iterator[Sent]:
        """Of the two channels in turn."""
        places, partitions = venues(self._settings), self._settings.topic_partitions
        made = [make(_MOST_RECORDS, places, partitions, spacing=self.spacing, start=begin) for make in (messages, trade_messages)]
        return chain.from_iterable(zip(*made, strict=True))


@contextmanager
def feeding(settings: Settings, bootstrap_servers: str, rate: int) -> Iterator[Feed]:
    """A feed that runs for the length of the block."""
    feed = Feed(settings, bootstrap_servers, rate)
    try:
        feed.start()
        yield feed
    finally:
        feed.stop()
