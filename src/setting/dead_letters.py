"""Dead letters out of Spark's Python workers, to their Kafka topic."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from src.errors import TransientError
from src.panes.reading import DeadLetterSender
from src.schema.records import DEAD_LETTER_TOPIC, DeadLetter

_SECONDS = 30


@dataclass(frozen=True)
class KafkaDeadLetters:
    """Opens a sender when called; picklable, so that a parser can carry it to the workers."""

    bootstrap_servers: str

    def __call__(self) -> DeadLetterSender:
        return _KafkaSender(self.bootstrap_servers)


class _KafkaSender(DeadLetterSender):
    def __init__(self, bootstrap_servers: str) -> None:
        try:
            self._producer = KafkaProducer(bootstrap_servers=bootstrap_servers.split(","), acks="all", compression_type="lz4")
        except KafkaError as error:
            raise TransientError(f"dead letters cannot be sent to Kafka at {bootstrap_servers}: {error}") from None

    def send(self, letter: DeadLetter) -> None:
        self._producer.send(DEAD_LETTER_TOPIC, key=letter.origin.encode(), value=msgspec.json.encode(letter)).add_errback(self._failed)

    def close(self) -> None:
        self._producer.flush(timeout=_SECONDS)
        self._producer.close(timeout=_SECONDS)
        if self._error is not None:
            raise TransientError(f"dead letters were not taken by Kafka: {self._error}")

    _error: BaseException | None = None

    def _failed(self, error: BaseException) -> None:
        self._error = error
