"""Kafka topics: made once, with what we need them to be, and asked how far they reach."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import kafka
from kafka import KafkaAdminClient
from kafka.admin import OffsetSpec
from kafka.errors import KafkaTimeoutError, for_code

from src.broker.admin import administration
from src.broker.ranges import TopicPartition
from src.config.settings import Settings
from src.errors import ConfigurationError, TransientError

_HOUR_MS = 60 * 60 * 1000
LEADER_SECONDS = 15
"""How long a new topic's partitions may take to get leaders."""

_MADE = ("NoError", "TopicAlreadyExistsError")
_USERS_TO_CORRECT = (
    "InvalidReplicationFactorError",
    "InvalidPartitionsError",
    "InvalidTopicError",
    "InvalidConfigurationError",
    "PolicyViolationError",
)


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as it should be when it is made. One that exists is left as it is."""

    name: str
    partitions: int
    replication: int = 1
    retention_ms: int | None = None
    """How long records are kept, ms; None for what the broker is set to."""
    cleanup: str = "delete"
    """`delete`, `compact` (the last record of each key stays) or `compact,delete`."""


def topic_specs(names: Iterable[str], settings: Settings, cleanup: str = "delete") -> list[TopicSpec]:
    """Topics with the partitions, replicas and retention of the settings."""
    retention_ms = settings.retention_hours * _HOUR_MS
    return [TopicSpec(name, settings.topic_partitions, settings.topic_replication, retention_ms, cleanup) for name in names]


def ensure_topics(bootstrap_servers: str, specs: Iterable[TopicSpec]) -> list[str]:
    """Make the topics that are missing, wait until every partition of all of them has a leader, and return the names made now.

    Safe to call again and from several processes at once. Raises `ConfigurationError` when the cluster will not have such a
    topic (more replicas than brokers, for example), `MissingPartError` when it cannot be reached, `TransientError` otherwise.
    """
    wanted = {spec.name: spec for spec in specs}
    with administration(bootstrap_servers) as client:
        present = set(client.list_topics())
        missing = [spec for name, spec in wanted.items() if name not in present]
        made = _create(client, missing) if missing else []
        try:
            client.wait_for_topics(list(wanted), timeout_ms=LEADER_SECONDS * 1000)
        except KafkaTimeoutError as error:
            raise TransientError(f"a topic has no leader after {LEADER_SECONDS} s: {error}") from None
    return made


def beginning_offsets(bootstrap_servers: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
    """The first offset that each partition of the topics still keeps. A topic that does not exist has no partitions."""
    return _offsets(bootstrap_servers, topics, OffsetSpec.EARLIEST)


def end_offsets(bootstrap_servers: str, topics: Sequence[str]) -> dict[TopicPartition, int]:
    """The offset that the next record of each partition of the topics will get. A topic that does not exist has no partitions."""
    return _offsets(bootstrap_servers, topics, OffsetSpec.LATEST)


def _create(client: KafkaAdminClient, specs: Sequence[TopicSpec]) -> list[str]:
    requests = {
        spec.name: {"num_partitions": spec.partitions, "replication_factor": spec.replication, "configs": _configuration(spec)} for spec in specs
    }
    made = []
    for answer in client.create_topics(requests, raise_errors=False)["topics"]:
        name, outcome = answer["name"], for_code(answer["error_code"]).__name__
        if outcome == "NoError":
            made.append(name)
        elif outcome not in _MADE:
            kind = ConfigurationError if outcome in _USERS_TO_CORRECT else TransientError
            raise kind(f"Kafka does not make the topic {name}: {answer.get('error_message') or outcome} ({requests[name]})")
    return made


def _configuration(spec: TopicSpec) -> dict[str, str]:
    configuration = {"cleanup.policy": spec.cleanup}
    if spec.retention_ms is not None:
        configuration["retention.ms"] = str(spec.retention_ms)
    return configuration


def _offsets(bootstrap_servers: str, topics: Sequence[str], which: OffsetSpec) -> dict[TopicPartition, int]:
    with administration(bootstrap_servers) as client:
        partitions = [
            kafka.TopicPartition(topic["name"], partition["partition_index"])
            for topic in client.describe_topics(list(topics))
            for partition in topic["partitions"]
        ]
        if not partitions:
            return {}
        found = client.list_partition_offsets(dict.fromkeys(partitions, which))
    return {TopicPartition(place.topic, place.partition): answer.offset for place, answer in found.items()}
