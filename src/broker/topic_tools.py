"""What a person asks about topics: which there are, how one is made up, what it holds; and taking them away."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import kafka
import msgspec
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, OffsetSpec
from kafka.errors import KafkaError, for_code

from src.broker.admin import administration
from src.broker.patience import patient
from src.broker.ranges import TopicPartition
from src.broker.topics import LEADER_SECONDS
from src.errors import ConfigurationError, TransientError
from src.nearest import did_you_mean

GONE_SECONDS = 15
"""How long a deleted topic may take to leave the brokers' lists."""
_FIRST_OF_ALL = 0
"""ms since 1970 UTC: the first record that is not older is the first one."""


class TopicSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One topic in a list."""

    topic: str
    partitions: int
    replication: int
    """Replicas of each partition."""
    records: int | None
    """End minus beginning of all partitions; of a compacted topic the most it can hold. Null where a partition has no leader."""
    bytes: int | None
    """On the disks of all brokers together; null where the cluster does not tell."""
    internal: bool
    """Kafka's own: it keeps committed offsets, for example."""


class PartitionState(msgspec.Struct, frozen=True, kw_only=True):
    """One partition of a topic. Null: it has no leader that could say, or there is no record."""

    partition: int
    leader: int | None
    """Id of the broker that leads it."""
    replicas: list[int]
    in_sync: list[int]
    """Ids of the brokers whose copy is whole."""
    begin: int | None
    """First offset that is still kept."""
    end: int | None
    """Offset that the next record will get."""
    oldest_time: int | None
    """Of the first record that is kept, ms since 1970 UTC."""
    newest_time: int | None
    """The latest time of a record, ms since 1970 UTC."""


class TopicDescription(msgspec.Struct, frozen=True, kw_only=True):
    """One topic in full."""

    topic: str
    partitions: list[PartitionState]
    configuration: dict[str, str]
    """What is set for the topic or differs from Kafka's own defaults."""


@patient
def list_topics(bootstrap_servers: str, *, internal: bool = False) -> list[TopicSummary]:
    """Every topic by name; Kafka's own only with `internal`."""
    with administration(bootstrap_servers) as client:
        topics = [topic for topic in client.describe_topics() if internal or not is_internal(topic)]
        begins, ends = offsets(client, topics, OffsetSpec.EARLIEST), offsets(client, topics, OffsetSpec.LATEST)
        sizes = _sizes(client, [topic["name"] for topic in topics])
        return sorted((_summary(topic, begins, ends, sizes) for topic in topics), key=lambda summary: summary.topic)


@patient
def describe_topic(bootstrap_servers: str, name: str) -> TopicDescription:
    """One topic in full. Raises `ConfigurationError` that names the nearest ones where there is none of that name."""
    with administration(bootstrap_servers) as client:
        topics = known_topics(client, [name])
        begins, ends = offsets(client, topics, OffsetSpec.EARLIEST), offsets(client, topics, OffsetSpec.LATEST)
        oldest, newest = offsets(client, topics, _FIRST_OF_ALL), offsets(client, topics, OffsetSpec.MAX_TIMESTAMP)
        states = []
        for partition in sorted(topics[0]["partitions"], key=lambda partition: int(partition["partition_index"])):
            place = TopicPartition(name, partition["partition_index"])
            states.append(
                PartitionState(
                    partition=place.partition,
                    leader=partition["leader_id"] if has_leader(partition) else None,
                    replicas=partition["replica_nodes"],
                    in_sync=sorted(partition["isr_nodes"]),
                    begin=_offset(begins, place),
                    end=_offset(ends, place),
                    oldest_time=_time(oldest, place),
                    newest_time=_time(newest, place),
                )
            )
        return TopicDescription(topic=name, partitions=states, configuration=configurations(client, [name])[name])


def delete_topics(bootstrap_servers: str, names: Sequence[str]) -> None:
    """Delete topics with all they hold, and wait until they are gone.

    Raises `ConfigurationError`, before anything is deleted, for one that does not exist or is Kafka's own; also where the cluster forbids it.
    """
    with administration(bootstrap_servers) as client:
        refuse_internal(known_topics(client, names))
        _delete(client, names)


def empty_topics(bootstrap_servers: str, names: Iterable[str]) -> list[str]:
    """Delete those of the topics that exist and make them again as they were, without records; returns their names."""
    with administration(bootstrap_servers) as client:
        present = set(client.list_topics())
        topics = client.describe_topics([name for name in names if name in present]) if present else []
        if not topics:
            return []
        refuse_internal(topics)
        kept = configurations(client, [topic["name"] for topic in topics])
        found = sorted(topic["name"] for topic in topics)
        _delete(client, found)
        requests = {
            topic["name"]: {
                "num_partitions": len(topic["partitions"]),
                "replication_factor": _replication(topic),
                "configs": kept[topic["name"]],
            }
            for topic in topics
        }
        client.create_topics(requests)
        client.wait_for_topics(found, timeout_ms=LEADER_SECONDS * 1000)
        return found


def known_topics(client: KafkaAdminClient, names: Sequence[str]) -> list[dict[str, Any]]:
    """The cluster's descriptions of topics. Raises `ConfigurationError` that names the nearest ones where one does not exist."""
    present: list[str] = client.list_topics()
    for name in names:
        if name not in present:
            hint = did_you_mean(name, present, "`topics list` shows those there are, `topics setup` makes CoinSpark's", faint=True)
            raise ConfigurationError(f"there is no topic {name}: {hint}")
    described: list[dict[str, Any]] = client.describe_topics(list(dict.fromkeys(names)))
    return described


def offsets(client: KafkaAdminClient, topics: Iterable[Mapping[str, Any]], which: OffsetSpec | int) -> dict[TopicPartition, Any]:
    """Offset and timestamp (-1 where there is none) of each partition that has a leader. A number is a time, ms since 1970 UTC."""
    places = [
        kafka.TopicPartition(topic["name"], partition["partition_index"])
        for topic in topics
        for partition in topic["partitions"]
        if has_leader(partition)
    ]
    found = client.list_partition_offsets(dict.fromkeys(places, which)) if places else {}
    return {TopicPartition(place.topic, place.partition): answer for place, answer in found.items()}


def configurations(client: KafkaAdminClient, names: Sequence[str], which: str = "modified") -> dict[str, dict[str, str]]:
    """By topic its configuration: what was `modified` from the defaults, or `all` of it. A secret value is left out."""
    found = client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names], config_filter=which)["topic"]
    return {
        name: {key: entry["value"] for key, entry in sorted(found.get(name, {}).items()) if entry["value"] is not None and not entry["is_sensitive"]}
        for name in names
    }


def has_leader(partition: Mapping[str, Any]) -> bool:
    """Whether some broker leads a partition; else nothing can be asked about it."""
    leader: int = partition["leader_id"]
    return leader >= 0


def is_internal(topic: Mapping[str, Any]) -> bool:
    """Whether a topic is Kafka's own."""
    return bool(topic["is_internal"]) or str(topic["name"]).startswith("__")


def refuse_internal(topics: Iterable[Mapping[str, Any]]) -> None:
    """Raise `ConfigurationError` when one of the topics is Kafka's own."""
    for topic in topics:
        if is_internal(topic):
            raise ConfigurationError(f"{topic['name']} is Kafka's own topic: it is not deleted here")


def _delete(client: KafkaAdminClient, names: Sequence[str]) -> None:
    for answer in client.delete_topics(list(dict.fromkeys(names)), raise_errors=False)["topics"]:
        outcome = for_code(answer["error_code"]).__name__
        # Somebody else deleted it in the same moment: it is gone, as was asked for.
        if outcome not in {"NoError", "UnknownTopicOrPartitionError"}:
            raise ConfigurationError(f"Kafka does not delete the topic {answer['name']}: {answer.get('error_message') or outcome}")
    deadline = time.monotonic() + GONE_SECONDS
    while left := set(names) & set(client.list_topics()):
        if time.monotonic() > deadline:
            raise TransientError(f"{', '.join(sorted(left))}: deleted, but still listed after {GONE_SECONDS} s")
        time.sleep(0.1)


def _summary(
    topic: Mapping[str, Any], begins: Mapping[TopicPartition, Any], ends: Mapping[TopicPartition, Any], sizes: Mapping[str, int] | None
) -> TopicSummary:
    places = [TopicPartition(topic["name"], partition["partition_index"]) for partition in topic["partitions"]]
    whole = all(place in begins and place in ends for place in places)
    return TopicSummary(
        topic=topic["name"],
        partitions=len(places),
        replication=_replication(topic),
        records=sum(ends[place].offset - begins[place].offset for place in places) if whole else None,
        bytes=None if sizes is None else sizes.get(topic["name"], 0),
        internal=is_internal(topic),
    )


def _replication(topic: Mapping[str, Any]) -> int:
    return min(len(partition["replica_nodes"]) for partition in topic["partitions"])


def _sizes(client: KafkaAdminClient, names: Sequence[str]) -> dict[str, int] | None:
    """Bytes on disk by topic, or None where this user may not ask for them, as on many hosted clusters."""
    if not names:
        return {}
    try:
        brokers = client.describe_log_dirs(list(names))
    except KafkaError:
        return None
    sizes: Counter[str] = Counter()
    for folder in (folder for broker in brokers for folder in broker["log_dirs"]):
        if folder["error_code"] != 0:
            return None
        for topic in folder["topics"]:
            sizes[topic["name"]] += sum(partition["partition_size"] for partition in topic["partitions"])
    return sizes


def _offset(found: Mapping[TopicPartition, Any], place: TopicPartition) -> int | None:
    return found[place].offset if place in found else None


def _time(found: Mapping[TopicPartition, Any], place: TopicPartition) -> int | None:
    answer = found.get(place)
    return answer.timestamp if answer is not None and answer.timestamp >= 0 else None
