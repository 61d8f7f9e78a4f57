"""Rows in a metric's topic: what a message is, in which order, and what happens when the broker is away."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from src.broker.cluster import Cluster
from src.broker.embedded import EmbeddedBroker
from src.config.settings import load_settings
from src.errors import ConfigurationError, MissingPartError, TransientError
from src.schema.tables import TableSchema
from src.storage import kafka
from src.storage.kafka import NEWEST_EVENT_TIME, KafkaSink
from tests.servers import LOOPBACK, ROOT, free_port, missing
from tests.storage.rows import START, batch, row, stored
from tests.storage.stores import KafkaStore, messages

START_MS = round(START.timestamp() * 1000)


@pytest.mark.broker
def test_a_message(broker: Cluster, table: TableSchema) -> None:
    with KafkaStore(broker.bootstrap_servers).opened(table) as sink:
        given = batch(12, {table: [row("비트:코인\\", price=float("nan"), records=2**53 + 1, whole=False, signal="가격")]})
        sink.write(replace(given, newest_event_time={"live": START_MS + 7, "replay": 1}))
    [message] = messages(broker.bootstrap_servers, table.topic)
    assert message.key.decode() == f"live:비트\\:코인\\\\:{START_MS}"
    assert message.headers == [("query", b"tests"), ("batch", b"12"), (NEWEST_EVENT_TIME, str(START_MS + 7).encode())]
    assert msgspec.json.decode(message.value) == {
        "source": "live",
        "symbol": "비트:코인\\",
        "window_start": START_MS,
        "window_end": START_MS,
        "price": None,
        "records": 2**53 + 1,
        "whole": False,
        "signal": "가격",
    }


@pytest.mark.broker
def test_the_values_of_a_row_are_in_the_order_of_the_batches(broker: Cluster, table: TableSchema) -> None:
    symbols = [f"S{number}" for number in range(20)]
    with KafkaStore(broker.bootstrap_servers).opened(table) as sink:
        for number in [*range(10), 8, 9]:
            sink.write(batch(number, {table: [row(symbol, records=number) for symbol in symbols]}))
    found = messages(broker.bootstrap_servers, table.topic)
    assert {message.partition for message in found} == {0, 1}
    for symbol in symbols:
        mine = [message for message in found if message.key == f"live:{symbol}:{START_MS}".encode()]
        assert len({message.partition for message in mine}) == 1
        assert [msgspec.json.decode(message.value)["records"] for message in mine] == [*range(10), 8, 9]
        assert [dict(message.headers)["batch"] for message in mine] == [str(number).encode() for number in [*range(10), 8, 9]]


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    """A broker of the test's own, to be stopped; it runs."""
    own = EmbeddedBroker(load_settings(home=tmp_path / "home", jars=ROOT / ".jars", broker_port=free_port(), controller_port=free_port()))
    try:
        own.pin()
    except MissingPartError as error:
        raise missing(str(error)) from None
    yield own
    own.stop(force=True)


@pytest.mark.broker
def test_a_broker_that_is_away_passes(own_broker: EmbeddedBroker, table: TableSchema, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "_ANSWER_SECONDS", 1)
    monkeypatch.setattr(kafka, "_DELIVERY_SECONDS", 2)
    running, _ = own_broker.status()
    assert running
    threads = threading.active_count()
    store = KafkaStore(f"{LOOPBACK}:{running.port}")
    with store.opened(table) as sink:
        sink.write(batch(0, {table: [row(records=0)]}))
        own_broker.stop()
        # The first finds its producer's connection gone, the second has no producer and cannot connect.
        for _ in range(2):
            with pytest.raises(TransientError, match=f"Kafka at {LOOPBACK}:{running.port} (did not take the rows|cannot be reached)"):
                sink.write(batch(1, {table: [row(records=1), row("ETH", records=1)]}))
        own_broker.pin()
        sink.write(batch(1, {table: [row(records=1), row("ETH", records=1)]}))
        assert stored(store.rows(table)) == stored([row(records=1), row("ETH", records=1)])
        own_broker.stop()
    # Closed while the broker is away, which raises nothing; no producer is left behind by any of this.
    assert threading.active_count() == threads


def test_an_address_that_is_none(table: TableSchema) -> None:
    with pytest.raises(ConfigurationError, match="is not host:port"):
        KafkaSink("localhost:many").open([table])
