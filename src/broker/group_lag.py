"""Consumer groups: how far each has read, and how much is before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from kafka.admin import OffsetSpec

from src.broker.admin import administration
from src.broker.patience import patient
from src.broker.ranges import TopicPartition
from src.broker.topic_tools import offsets
from src.errors import ConfigurationError
from src.nearest import did_you_mean


class Lag(msgspec.Struct, frozen=True, kw_only=True):
    """How far one group has read one partition."""

    group: str
    state: str
    """What Kafka says of the group: Stable, Empty, Dead."""
    topic: str
    partition: int
    committed: int
    """Offset of the next record that the group will read."""
    end: int | None
    """Offset that the next record of the partition will get; null where the partition is gone or has no leader."""
    lag: int | None
    """Records between the two."""
    lost: int | None
    """Records that Kafka deleted before the group read them; 0 where there are none."""


@patient
def group_lags(bootstrap_servers: str, group: str | None = None) -> list[Lag]:
    """The lag of one group, or of all, by group, topic and partition.

    Raises `ConfigurationError` that names the nearest ones where there is no group of that name.
    """
    with administration(bootstrap_servers) as client:
        states: dict[str, str] = {found["group_id"]: found.get("group_state") or "" for found in client.list_groups()}
        if group is not None and group not in states:
            hint = did_you_mean(group, states, f"there are {', '.join(sorted(states)) or 'none'}")
            raise ConfigurationError(f"there is no consumer group {group}: {hint}")
        wanted = sorted(states) if group is None else [group]
        committed = client.list_group_offsets(wanted) if wanted else {}
        names = {place.topic for places in committed.values() for place in places}
        topics = [topic for topic in client.describe_topics() if topic["name"] in names] if names else []
        begins, ends = offsets(client, topics, OffsetSpec.EARLIEST), offsets(client, topics, OffsetSpec.LATEST)
    lags = [
        _lag(name, states[name], TopicPartition(place.topic, place.partition), answer.offset, begins, ends)
        for name in wanted
        for place, answer in committed.get(name, {}).items()
        if answer.offset >= 0
    ]
    return sorted(lags, key=lambda lag: (lag.group, lag.topic, lag.partition))


def _lag(
    group: str, state: str, place: TopicPartition, committed: int, begins: Mapping[TopicPartition, Any], ends: Mapping[TopicPartition, Any]
) -> Lag:
    begin = begins[place].offset if place in begins else None
    end = ends[place].offset if place in ends else None
    return Lag(
        group=group,
        state=state,
        topic=place.topic,
        partition=place.partition,
        committed=committed,
        end=end,
        lag=None if end is None or begin is None else max(0, end - max(committed, begin)),
        lost=None if begin is None else max(0, begin - committed),
    )
