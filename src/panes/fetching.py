"""Fetches messages out of Kafka in Spark's Python workers, which read them there.

By librdkafka, and not by Spark's own Kafka source: that takes each message out of Kafka in the JVM, copies it several times and hands it to a worker
through a socket, which costs more than all that is done with it then.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from src.broker.connection import KafkaSecurity
from src.broker.ranges import OffsetRange
from src.errors import TransientError
from src.panes.messages import Messages

_MESSAGES = 250
"""At once: messages are decoded best while they are small enough for the processor's cache."""
_LOOK_SECONDS = 0.2
_PATIENCE_SECONDS = 60.0
"""As long as Java's client waits for a broker by default."""
_OPTIONS = {
    # The client wants one, and does not use it: the query keeps its offsets itself.
    "group.id": "coinspark",
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
    "check.crcs": True,
    # What is fetched beyond the end of a range is fetched in vain.
    "queued.min.messages": 20_000,
    "queued.max.messages.kbytes": 32_768,
    # By default a full queue is looked at once a second.
    "fetch.queue.backoff.ms": 2,
    "fetch.wait.max.ms": 50,
    "reconnect.backoff.max.ms": 1_000,
    "log_level": 0,
}


class FetchedMessages(Messages):
    """Messages as librdkafka gives them."""

    def __init__(self, found: Sequence[Message]) -> None:
        self._found = found
        self.values = [message.value() for message in found]
        self.arrived = np.fromiter((message.timestamp()[1] for message in found), np.int64, len(found))

    def topics(self) -> Sequence[str]:
        return [message.topic() or "" for message in self._found]

    def place(self, number: int) -> tuple[str, int, int]:
        message = self._found[number]
        return message.topic() or "", message.partition() or 0, message.offset() or 0


@dataclass(frozen=True)
class Fetch:
    """Fetches ranges when called; picklable, so that a combiner can carry it to the workers."""

    bootstrap_servers: str
    security: KafkaSecurity

    def __call__(self, ranges: Sequence[OffsetRange]) -> Iterator[Messages]:
        """The messages of the ranges, those of a partition in order; of a partition there may be one range.

        Raises TransientError when Kafka has them no longer, or gives none for a minute.
        """
        if not ranges:
            return
        clients = _kept.pop(self, None) or _Client(self)
        try:
            yield from clients.fetched(ranges)
        except BaseException:
            # Also where the worker's task was ended: what is on its way to this client is of no range that anybody asked for.
            clients.close()
            raise
        _kept[self] = clients


class _Client:
    """A connection, which the worker keeps from one task to the next."""

    def __init__(self, fetch: Fetch) -> None:
        self._address = fetch.bootstrap_servers
        self._trouble = ""
        options = {**_OPTIONS, "bootstrap.servers": self._address, **fetch.security.fetch_options, "error_cb": self._note}
        try:
            self._consumer = Consumer(options)
        except KafkaException as error:
            raise TransientError(f"Kafka at {self._address}: {error}") from None

    def fetched(self, ranges: Sequence[OffsetRange]) -> Iterator[Messages]:
        left = {(each.topic, each.partition): each for each in ranges}
        self._consumer.assign([TopicPartition(each.topic, each.partition, each.begin) for each in ranges])
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while left:
            found = self._consumer.consume(min(_MESSAGES, sum(each.size for each in left.values())), _LOOK_SECONDS)
            kept = found if _are_all_wanted(found, left) else [message for message in found if self._is_wanted(message, left)]
            if kept:
                yield FetchedMessages(kept)
                deadline = time.monotonic() + _PATIENCE_SECONDS
            elif time.monotonic() > deadline:
                why = f" ({self._trouble})" if self._trouble else ""
                raise TransientError(f"Kafka at {self._address} gives no message of {next(iter(left.values()))} for {_PATIENCE_SECONDS:g} s{why}")
        self._consumer.unassign()

    def _is_wanted(self, message: Message, left: dict[tuple[str, int], OffsetRange]) -> bool:
        """Whether it is of a range; of `left` is then what follows it, or nothing where it was the last."""
        place = message.topic() or "", message.partition() or 0
        error, wanted = message.error(), left.get(place)
        if error is not None and error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001  (the client's own name for it)
            raise TransientError(f"Kafka at {self._address}, {place[0]}/{place[1]}: {error.str()}")
        if wanted is None:
            return False
        offset = message.offset() or 0
        if error is None and offset < wanted.end - 1:
            left[place] = wanted._replace(begin=offset + 1)
            return True
        if error is not None and offset < wanted.end:
            # The end of what this broker has yet.
            return False
        del left[place]
        return error is None and offset < wanted.end

    def _note(self, error: KafkaError) -> None:
        """What the client tries to overcome by itself."""
        self._trouble = error.str()

    def close(self) -> None:
        with suppress(KafkaException, RuntimeError):
            self._consumer.close()


_kept: dict[Any, _Client] = {}


def _are_all_wanted(found: Sequence[Message], left: dict[tuple[str, int], OffsetRange]) -> bool:
    """Whether no message is an error, and none reaches the end of its range; `left` is then what follows them.

    Almost always so, and seen without a look at each.
    """
    if any(map(Message.error, found)):
        return False
    places = zip(map(Message.topic, found), map(Message.partition, found), strict=True)
    # Of the messages of a partition, which are in order, the last one stays.
    reached = cast("dict[tuple[str, int], int]", dict(zip(places, map(Message.offset, found), strict=True)))
    if not all(place in left and offset < left[place].end - 1 for place, offset in reached.items()):
        return False
    left |= {place: left[place]._replace(begin=offset + 1) for place, offset in reached.items()}
    return True
