"""Dead letters out of Spark's Python workers, to their Kafka topic."""

from __future__ import annotations

from dataclasses import dataclass

from src.broker.connection import KafkaSecurity, secure_connection
from src.panes.reading import DeadLetterSender


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
