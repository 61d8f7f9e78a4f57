"""Where the outboxes of these tests send to."""

from __future__ import annotations

from uuid import uuid4

import pytest

from src.broker.cluster import Cluster
from src.broker.topics import TopicSpec, ensure_topics
from tests.collect.outboxes import PARTITIONS
from tests.servers import free_port


@pytest.fixture
def topic(broker: Cluster) -> str:
    name = f"outbox-{uuid4().hex}"
    ensure_topics(broker.bootstrap_servers, [TopicSpec(name, PARTITIONS)])
    return name


@pytest.fixture
def away() -> str:
    """An address where no Kafka is."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def topic_name() -> str:
    """A topic that nothing reaches."""
    return "a-topic"
