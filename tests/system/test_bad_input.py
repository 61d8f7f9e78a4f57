"""Messages on Kafka that are no records: counted, kept as dead letters, and nothing else is lost for them."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from kafka import KafkaProducer

from src.broker.cluster import cluster
from src.broker.topics import TopicSpec, ensure_topics
from src.schema.records import DEAD_LETTER_TOPIC, ticker_topic
from tests.generated import START_MS, tickers
from tests.system.jobs import RAW_TOPICS, Home, assert_tables_equal_oracle

pytestmark = pytest.mark.timeout(600)
GOOD = tickers(seed=5, count=400)


def _changed(**fields: object) -> bytes:
    return msgspec.json.encode(msgspec.structs.replace(GOOD[0], **fields))


BAD: dict[str, bytes | None] = {
    "not a Ticker: JSON is malformed: object keys": b"{broken",
    "not a Ticker: Expected `float | null`, got `str`": msgspec.json.encode({**msgspec.to_builtins(GOOD[0]), "price": "65000"}),
    "empty array": b"[]",
    "empty message": None,
    "event more than 10 s ahead of its reception": _changed(event_time=START_MS + 86_400_000, received_time=START_MS),
    "time outside 2009 to 2100": _changed(event_time=5, received_time=6),
    "price of a spot pair not above zero": _changed(price=-1.0, instrument="spot"),
    "not a Ticker: JSON is malformed: invalid": b"x" * 900_000,
}


def send(servers: str) -> None:
    """The good and the bad ones, on topics as a collector has them."""
    ensure_topics(servers, [TopicSpec(topic, 2) for topic in (*RAW_TOPICS, DEAD_LETTER_TOPIC)])
    producer = KafkaProducer(bootstrap_servers=servers)
    for bad in BAD.values():
        producer.send(RAW_TOPICS[0], key=b"upbit:BTC", value=bad)
    for record in GOOD[:-2]:
        producer.send(ticker_topic(record.region), key=f"{record.market}:{record.symbol}".encode(), value=msgspec.json.encode(record))
    # One message of three records, of which the middle one is bad: the other two count.
    mixed = [msgspec.to_builtins(GOOD[-2]), {"market": 7}, msgspec.to_builtins(GOOD[-1])]
    producer.send(RAW_TOPICS[1], key=b"okx:BTC", value=msgspec.json.encode(mixed))
    producer.close()


def test_what_is_no_record_is_counted_kept_and_harmless(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with cluster(home.settings, "tests") as running:
        send(running.bootstrap_servers)
        status, output = home.run("ticker", "--source", "none", "--trigger", "available-now")
        assert status == 0, output
        letters = home.dead_letters()

    unknown = [row for row in home.rows("input_quality") if row["source"] == "unknown"]
    assert sum(row["malformed"] for row in unknown) == len(BAD) + 1
    assert f"malformed {len(BAD) + 1}" in output
    assert len(letters) == len({letter.origin for letter in letters}) == len(BAD) + 1
    for reason, raw in BAD.items():
        fitting = [letter for letter in letters if letter.reason.startswith(reason) and letter.raw_size == len(raw or b"")]
        assert fitting, (reason, [letter.reason for letter in letters])
        assert (raw or b"").startswith(fitting[0].raw)
    assert all(letter.origin.split("/")[0] in RAW_TOPICS for letter in letters)

    assert_tables_equal_oracle(home, GOOD, but_source="unknown")
