"""Topics as the settings ask for them: made where they are missing, compared where they are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import UnknownTopicOrPartitionError, for_code

from src.broker.admin import administration
from src.broker.patience import patient
from src.broker.topic_tools import configurations
from src.broker.topics import TopicSpec, ensure_topics

_HOUR_MS = 60 * 60 * 1000


class SetUpState(StrEnum):
    """How a topic stands after a set-up."""

    MADE = "made"
    THERE = "there"
    ALTERED = "altered"
    """It was there, and its retention is now that of the settings."""
    DIFFERS = "differs"
    """It was there and is not as the settings say; that cannot be altered in place without harm."""


class SetUp(msgspec.Struct, frozen=True, kw_only=True):
    """What a set-up found and did of one topic."""

    topic: str
    state: SetUpState
    partitions: int
    replication: int
    retention_hours: float | None
    """Null: for ever."""
    differences: list[str] = msgspec.field(default_factory=list)
    """What was altered, and what differs still; for a person to read."""
    advice: str | None = None
    """How to change what differs still."""


def set_up_topics(bootstrap_servers: str, specs: Sequence[TopicSpec]) -> list[SetUp]:
    """Make what is missing, give the others the retention asked for, and say what else differs. Raises what `ensure_topics` raises."""
    made = set(ensure_topics(bootstrap_servers, specs))
    names = [spec.name for spec in specs]
    with administration(bootstrap_servers) as client:
        described, configured = _found(client, names)
        return [_compare(client, spec, described[spec.name], configured[spec.name], is_new=spec.name in made) for spec in specs]


@patient
def _found(client: KafkaAdminClient, names: Sequence[str]) -> tuple[Mapping[str, Mapping[str, Any]], Mapping[str, Mapping[str, str]]]:
    """Descriptions and configurations by name. Of a topic that was just made one broker may know before the one that is asked."""
    described = {topic["name"]: topic for topic in client.describe_topics(names)}
    for topic in described.values():
        if topic["error_code"]:
            raise for_code(topic["error_code"])(topic["name"])
    configured = configurations(client, names, "all")
    if unknown := [name for name, configuration in configured.items() if not configuration]:
        raise UnknownTopicOrPartitionError(", ".join(unknown))
    return described, configured


def _compare(client: KafkaAdminClient, spec: TopicSpec, topic: Mapping[str, Any], configuration: Mapping[str, str], *, is_new: bool) -> SetUp:
    partitions = len(topic["partitions"])
    replication = min(len(partition["replica_nodes"]) for partition in topic["partitions"])
    retention_ms = int(configuration["retention.ms"])
    differences: list[str] = []
    if spec.retention_ms is not None and retention_ms != spec.retention_ms:
        resource = ConfigResource(ConfigResourceType.TOPIC, spec.name, configs={"retention.ms": str(spec.retention_ms)})
        client.alter_configs([resource])
        differences.append(f"retention was {_hours_text(retention_ms)}")
        retention_ms = spec.retention_ms
    still = still_different(spec, partitions, replication, configuration)
    state = SetUpState.DIFFERS if still else SetUpState.ALTERED if differences else SetUpState.MADE if is_new else SetUpState.THERE
    return SetUp(
        topic=spec.name,
        state=state,
        partitions=partitions,
        replication=replication,
        retention_hours=_hours(retention_ms),
        differences=differences + still,
        advice=_advice(spec) if still else None,
    )


def still_different(spec: TopicSpec, partitions: int, replication: int, configuration: Mapping[str, str]) -> list[str]:
    """What of a topic is not as it should be and cannot be altered in place."""
    found = []
    if partitions != spec.partitions:
        found.append(f"partitions are {partitions}, the settings say {spec.partitions}")
    if replication != spec.replication:
        found.append(f"replicas are {replication}, the settings say {spec.replication}")
    cleanup = configuration["cleanup.policy"]
    if set(cleanup.split(",")) != set(spec.cleanup.split(",")):
        found.append(f"clean-up is {cleanup}, it should be {spec.cleanup}")
    return found


def _advice(spec: TopicSpec) -> str:
    # More partitions would send a key elsewhere than its older records, and break the order of its records.
    return f"stop what uses it, then `topics delete {spec.name}` and `topics setup` (its records go), or change the settings"


def _hours(milliseconds: int) -> float | None:
    return None if milliseconds < 0 else round(milliseconds / _HOUR_MS, 3)


def _hours_text(milliseconds: int) -> str:
    hours = _hours(milliseconds)
    return "for ever" if hours is None else f"{hours:g} h"
