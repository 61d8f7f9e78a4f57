"""How far topics reach, asked again and again over one connection: what a streaming query wants to know before each batch.

By librdkafka: the process of Spark's that asks has nothing else to do, and kafka-python would take ten times as long to load.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any

import confluent_kafka
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]

from src.broker.connection import KafkaSecurity
from src.broker.patience import patient
from src.broker.ranges import TopicPartition
from src.errors import TransientError

_ANSWER_SECONDS = 10.0
_OPTIONS = {"reconnect.backoff.max.ms": 1_000, "log_level": 0}


class Reach:
    """Of some topics in one cluster. Raises TransientError when Kafka does not say."""

    def __init__(self, bootstrap_servers: str, security: KafkaSecurity, topics: Sequence[str]) -> None:
        self._address = bootstrap_servers
        self._topics = tuple(topics)
        self._trouble = ""
        options: dict[str, Any] = {**_OPTIONS, "bootstrap.servers": bootstrap_servers, **security.fetch_options, "error_cb": self._note}
        try:
            self._client = AdminClient(options)
        except KafkaException as error:
            raise TransientError(f"Kafka at {bootstrap_servers}: {error}") from error

    def begins(self) -> dict[TopicPartition, int]:
        """The first offset that each partition still keeps. A topic that does not exist has no partitions."""
        return patient(self._offsets)(OffsetSpec.earliest())  # type: ignore[no-untyped-call]

    def ends(self) -> dict[TopicPartition, int]:
        """The offset that the next message of each partition will get. A topic that does not exist has no partitions."""
        return patient(self._offsets)(OffsetSpec.latest())  # type: ignore[no-untyped-call]

    def _offsets(self, which: OffsetSpec) -> dict[TopicPartition, int]:
        wanted = dict.fromkeys(self._partitions(), which)
        answers = self._client.list_offsets(wanted, request_timeout=_ANSWER_SECONDS) if wanted else {}
        return {TopicPartition(place.topic, place.partition): found.offset for place, found in self._known(answers)}

    def _partitions(self) -> list[confluent_kafka.TopicPartition]:
        described: Mapping[str, Future[Any]] = self._client.describe_topics(TopicCollection([*self._topics]), request_timeout=_ANSWER_SECONDS)
        return [confluent_kafka.TopicPartition(topic, partition.id) for topic, found in self._known(described) for partition in found.partitions]

    def _known(self, answers: Mapping[Any, Future[Any]]) -> Iterator[tuple[Any, Any]]:
        """What is asked for and the answer, but for topics that there are not."""
        for asked, answer in answers.items():
            try:
                yield asked, answer.result()
            except KafkaException as error:
                what: KafkaError = error.args[0]
                if what.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    continue
                why = f" ({self._trouble})" if self._trouble else ""
                raise TransientError(f"Kafka at {self._address} does not say how far its topics reach: {what.str()}{why}") from _Passing()

    def _note(self, error: KafkaError) -> None:
        """What the client tries to overcome by itself."""
        self._trouble = error.str()


class _Passing(Exception):
    """librdkafka calls few errors retriable, having tried again itself where it could; brokers come back all the same."""

    retriable = True
