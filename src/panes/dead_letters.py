"""Dead letters out of Spark's Python workers, to their Kafka topic."""

from __future__ import annotations

from dataclasses import dataclass

from src.broker.connection import KafkaSecurity, secure_connection
from src.schema.records import DeadLetter


class DeadLetterSender:
    """Where a worker sends dead letters; `send` may buffer, `close` returns once all are stored. Raises TransientError when they cannot be."""

    def send(self, letter: DeadLetter) -> None:
        """Take one dead letter."""
        raise NotImplementedError

    def close(self) -> None:
        """Wait until all are stored."""
        raise NotImplementedError


@dataclass(frozen=True)
class KafkaDeadLetters:
    """Opens a sender when called; picklable, so that a parser can carry it to the workers."""

    bootstrap_servers: str
    security: KafkaSecurity

    def __call__(self) -> DeadLetterSender:
        # Few workers ever meet a bad message, and all would load the client.
        from src.panes.dead_letter_sender import KafkaDeadLetterSender  # noqa: PLC0415

        secure_connection(self.bootstrap_servers, self.security)
        return KafkaDeadLetterSender(self.bootstrap_servers)
