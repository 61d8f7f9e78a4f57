"""From when on the retained records are whole, on topics of records and of a venue's own payloads."""

from __future__ import annotations

import time
from contextlib import closing
from uuid import uuid4

import msgspec
import pytest
from kafka import KafkaAdminClient, KafkaProducer, TopicPartition

from src.broker.cluster import Cluster
from src.broker.topics import TopicSpec, ensure_topics
from src.schema.records import RawMessage, Source
from src.setting.whole import whole_from
from tests.generated import tickers

pytestmark = pytest.mark.broker


def filled(broker: Cluster, values: list[bytes], dropped: int) -> str:
    """A topic of one partition that has lost its first messages."""
    topic = f"whole-{uuid4().hex}"
    ensure_topics(broker.bootstrap_servers, [TopicSpec(topic, 1)])
    with closing(KafkaProducer(bootstrap_servers=broker.bootstrap_servers)) as producer:
        for value in values:
            producer.send(topic, value=value).get(timeout=30)
    if dropped:
        with closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)) as admin:
            admin.delete_records({TopicPartition(topic, 0): dropped})
    return topic


def test_the_first_record_that_is_left_says_it(broker: Cluster) -> None:
    records = tickers(3, 6)
    values = [msgspec.json.encode(records[:2]), b"no JSON", msgspec.json.encode(records[2:4]), msgspec.json.encode(records[4])]
    topic = filled(broker, values, dropped=1)
    assert whole_from(broker.bootstrap_servers, [topic]) == min(record.event_time for record in records[2:4])
    assert whole_from(broker.bootstrap_servers, [filled(broker, values, dropped=0)]) == 0


def test_payloads_of_a_venue_say_when_they_came(broker: Cluster) -> None:
    payloads = [
        RawMessage(symbol="BTCUSDT", stream="s", data=msgspec.Raw(b"null"), ts=time, market="binance_futures", source=Source.LIVE)
        for time in (7, 8, 9)
    ]
    topic = filled(broker, [msgspec.json.encode(payload) for payload in payloads], dropped=1)
    assert whole_from(broker.bootstrap_servers, [topic]) == 8


def test_what_says_no_time_holds_nothing_up(broker: Cluster) -> None:
    assert whole_from(broker.bootstrap_servers, [filled(broker, [b"{}", b"[]", b"x"], dropped=1)]) == 0


def test_of_a_partition_that_has_lost_everything_nothing_before_now_is_whole(broker: Cluster) -> None:
    values = [msgspec.json.encode(record) for record in tickers(3, 3)]
    emptied, cut = filled(broker, values, dropped=3), filled(broker, values, dropped=1)
    begun = int(time.time() * 1000)
    for topics in ([emptied], [cut, emptied]):
        assert begun <= whole_from(broker.bootstrap_servers, topics) <= time.time() * 1000 + 1
    # Nothing was ever in it: nothing is lost.
    assert whole_from(broker.bootstrap_servers, [filled(broker, [], dropped=0)]) == 0
