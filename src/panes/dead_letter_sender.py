"""The producer of dead letters in a Python worker of Spark."""

from __future__ import annotations

import msgspec
from kafka import KafkaProducer
from kafka.errors import KafkaError

from src.broker.connection import client_options
from src.errors import TransientError
from src.panes.dead_letters import DeadLetterSender
from src.schema.records import DEAD_LETTER_TOPIC, DeadLetter

_SECONDS = 30


class KafkaDeadLetterSender(DeadLetterSender):
    """Sends to the dead letters' topic. Raises TransientError when Kafka takes none."""

    def __init__(self, bootstrap_servers: str) -> None:
        try:
            self._producer = KafkaProducer(**client_options(bootstrap_servers), acks="all", compression_type="lz4")
        except KafkaError as error:
            raise TransientError(f"dead letters cannot be sent to Kafka at {bootstrap_servers}: {error}") from None

    def send(self, letter: DeadLetter) -> None:
        try:
            self._producer.send(DEAD_LETTER_TOPIC, key=letter.origin.encode(), value=msgspec.json.encode(letter)).add_errback(self._failed)
        except KafkaError as error:
            self._failed(error)

    def close(self) -> None:
        try:
            self._producer.flush(timeout=_SECONDS)
        except KafkaError as error:
            self._failed(error)
        finally:
            self._producer.close(timeout=_SECONDS)
        if self._error is not None:
            raise TransientError(f"dead letters were not taken by Kafka: {self._error}")

    _error: BaseException | None = None

    def _failed(self, error: BaseException) -> None:
        self._error = error
