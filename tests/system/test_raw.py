"""`--raw`: every record that lay on the topics is in ClickHouse once, though the job was killed in the middle and a batch was made again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest
from kafka import KafkaProducer

from src.broker.cluster import cluster
from src.broker.topics import ensure_topics
from src.clickhouse.place import clickhouse
from src.raw.tables import RAW_ORDERBOOKS, RAW_TRADES
from src.schema.records import OrderBook, Record, Region, Source, Trade, orderbook_topic, trade_topic
from src.setting.checkpoint import checkpoint_folder
from src.setting.jobs import SparkStreamingOrderbook, SparkStreamingTrade
from src.setting.raw_query import raw_identity, raw_name
from tests.generated_trades import START_MS, trades
from tests.raw.messages import plain, row_of
from tests.servers import free_port
from tests.storage.clickhouse_store import ClickHouseStore, require_engine
from tests.system.jobs import Home

pytestmark = pytest.mark.timeout(600)
ALL_THERE_IS = ("--raw", "--source", "none", "--trigger", "available-now")


@dataclass(frozen=True)
class Running:
    """A home whose broker and ClickHouse run."""

    home: Home
    store: ClickHouseStore
    bootstrap_servers: str
    cluster_id: str

    def send(self, records: Sequence[Record], topic: Any, *values: bytes) -> None:
        """Arrays of three records to the topics of their regions, then `values` to that of Korea."""
        producer = KafkaProducer(bootstrap_servers=self.bootstrap_servers, acks="all")
        by_key: dict[tuple[str, bytes], list[Record]] = {}
        for record in records:
            by_key.setdefault((topic(record.region), f"{record.market}:{record.symbol}".encode()), []).append(record)
        for (name, key), found in by_key.items():
            for begin in range(0, len(found), 3):
                producer.send(name, key=key, value=msgspec.json.encode(found[begin : begin + 3]))
        for value in values:
            producer.send(topic(Region.KOREA), value=value)
        producer.flush()
        producer.close()

    def expected(self, home: Home, kind: type[Record]) -> list[dict[str, Any]]:
        """A row for each record on the topics of the home's job."""
        found = []
        for place, messages in self.home.messages(*home.job.topics).items():
            for offset, (_, value) in enumerate(messages):
                if value != b"no record":
                    records = msgspec.json.decode(value, type=list[kind])  # type: ignore[valid-type]
                    found += [row_of(record, (*place, offset, number), self.cluster_id) for number, record in enumerate(records)]
        return plain(found)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    require_engine()
    folder: Path = tmp_path_factory.mktemp("raw")
    home = Home(folder, job=SparkStreamingTrade, clickhouse_url="embedded", clickhouse_port=str(free_port()), clickhouse_ttl_days="0")
    with cluster(home.settings, "tests") as broker, clickhouse(home.settings, "tests") as place:
        assert place is not None
        yield Running(home, ClickHouseStore(place.url.get_secret_value()), broker.bootstrap_servers, broker.cluster_id)


@pytest.mark.slow
def test_every_trade_is_there_once_after_a_kill(running: Running) -> None:
    home, given = running.home, trades(11, 1_500)
    ensure_topics(running.bootstrap_servers, home.job._topic_specs())
    running.send(given[:600], trade_topic)
    name = raw_name("trade")
    commits = checkpoint_folder(home.settings.home, name, *raw_identity(home.job, running.cluster_id)) / "commits"
    with home.started("trade", "--raw", "--source", "none") as process:
        home.wait_for((commits / "0").exists, process)
        running.send(given[600:900], trade_topic)
        home.wait_for((commits / "1").exists, process)
        process.kill()
    # As if it had been killed between the write and the commit.
    for file in (commits / "1", commits / ".1.crc"):
        file.unlink(missing_ok=True)
    running.send(given[900:], trade_topic, b"no record")
    status, output = home.run("trade", *ALL_THERE_IS)
    assert status == 0, output
    assert "(raw records too)" in output
    expected = running.expected(home, Trade)
    assert len(expected) == 1_500
    assert plain(running.store.rows(RAW_TRADES)) == expected
    assert running.store.value("SELECT count() FROM raw_trades") == 1_500, "not even behind the view is a row twice"
    assert [letter.raw for letter in home.dead_letters()] == [b"no record"], "the query of raw records sends no letters of its own"
    assert (commits / "2").exists()


def test_every_order_book_is_there_once(running: Running) -> None:
    home = running.home.seen_by(SparkStreamingOrderbook)
    ensure_topics(running.bootstrap_servers, home.job._topic_specs())
    first = OrderBook(
        region=Region.KOREA,
        market="upbit",
        symbol="BTC",
        quote="KRW",
        source=Source.SIMULATED,
        event_time=START_MS,
        received_time=START_MS + 20,
        bids=((100.0, 1.5), (99.0, 2.0)),
        asks=((101.0, 0.5),),
        sequence=1,
    )
    books = [
        msgspec.structs.replace(
            first,
            region=region,
            event_time=START_MS + number,
            sequence=number,
            valid=number % 10 != 0,
            bids=first.bids[: 2 if number % 10 else 0],
            asks=first.asks if number % 10 else (),
        )
        for number in range(100)
        for region in Region
    ]
    running.send(books, orderbook_topic)
    status, output = home.run("orderbook", *ALL_THERE_IS)
    assert status == 0, output
    expected = running.expected(home, OrderBook)
    assert len(expected) == 300
    assert plain(running.store.rows(RAW_ORDERBOOKS)) == expected
