"""Series over the real broker: the job's Kafka sink writes rows and says which windows are closed, the series' query reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyspark.sql import DataFrame, SparkSession

from src.broker.cluster import Cluster
from src.broker.topics import TopicSpec, ensure_topics
from src.preprocess.series import series_rows
from src.schema.tables import TableSchema
from src.setting.series import SeriesPlan
from src.storage.kafka import CLOSED_UNTIL, KafkaSink
from src.storage.memory import MemorySink
from src.storage.sink import Batch
from tests.setting.series_job import keyed_rows
from tests.setting.series_made import EMA, RUNNING, TABLES, Step, Update, bar, closed_rows, flow, steps
from tests.storage.stores import messages


def _batch(number: int, step: Step) -> Batch:
    tables: dict[TableSchema, list[dict[str, Any]]] = {}
    for update in step.updates:
        tables.setdefault(update.table, []).append(dict(update.row))
    found = {
        table: pa.table({field.name: pa.array([row[field.name] for row in rows], field.type) for field in table.arrow()})
        for table, rows in tables.items()
    }
    return Batch("tests", number, found, step.closed_until)


@pytest.mark.broker
@pytest.mark.spark
def test_series_over_kafka_go_on_where_they_were(spark: SparkSession, broker: Cluster, tmp_path: Path) -> None:
    ensure_topics(broker.bootstrap_servers, [TopicSpec(table.topic, 2, cleanup="compact,delete") for table in TABLES.values()])
    plan, stored, sink = SeriesPlan([EMA, RUNNING], TABLES), MemorySink(), KafkaSink(broker.bootstrap_servers)

    def write(frame: DataFrame, batch_id: int) -> None:
        stored.write(Batch("series", batch_id, plan.rows(frame.toArrow())))

    def run() -> None:
        options = {
            "kafka.bootstrap.servers": broker.bootstrap_servers,
            "subscribe": ",".join(plan.topics),
            "startingOffsets": "earliest",
            "includeHeaders": "true",
        }
        frame = plan.frame(spark.readStream.format("kafka").options(**options).load())
        writer = frame.writeStream.outputMode("update").option("checkpointLocation", str(tmp_path / "checkpoint"))
        query = writer.trigger(availableNow=True).foreachBatch(write).start()
        try:
            query.awaitTermination()
        finally:
            query.stop()

    given = steps(3, minutes=4)
    sink.open(list(TABLES.values()))
    try:
        for number, step in enumerate(given):
            sink.write(_batch(number, step))
            if number == len(given) // 2:
                run()
                assert stored.rows("bar_ema")
        # A batch that was written twice changes nothing.
        sink.write(_batch(len(given) - 1, given[-1]))
    finally:
        sink.close()
    run()
    expected = closed_rows(given)
    for metric, table in zip(plan.metrics, plan.tables, strict=True):
        assert keyed_rows(stored.rows(metric.name), table.key) == series_rows(metric, expected)


@pytest.mark.broker
def test_the_last_message_of_a_topic_and_source_says_what_is_closed(broker: Cluster) -> None:
    bars = TableSchema("closing_bars", "ClosingBarsProcessedCoin", TABLES["bars"].columns, TABLES["bars"].key)
    flows = TableSchema("closing_flows", "ClosingFlowsProcessedCoin", TABLES["flows"].columns, TABLES["flows"].key)
    ensure_topics(broker.bootstrap_servers, [TopicSpec(table.topic, 1) for table in (bars, flows)])
    updates = [
        bar("BTC", 0),
        bar("BTC", 0, source="replay"),
        bar("ETH", 0),
        bar("XRP", 0, source="simulated"),
        bar("XRP", 0),
        flow("BTC", 0, "buy", 1.0),
    ]
    step = Step([Update(flows if update.table.name == "flows" else bars, update.row) for update in updates], {"live": 17, "replay": 5})
    sink = KafkaSink(broker.bootstrap_servers)
    sink.open([bars, flows])
    try:
        sink.write(_batch(4, step))
    finally:
        sink.close()
    found = {table.name: messages(broker.bootstrap_servers, table.topic) for table in (bars, flows)}
    said = {name: [(message.key.decode().rsplit(":", 1)[0], dict(message.headers).get(CLOSED_UNTIL)) for message in found[name]] for name in found}
    assert said == {
        "closing_bars": [
            ("live:upbit:BTC", None),
            ("simulated:upbit:XRP", None),
            ("live:upbit:ETH", None),
            ("live:upbit:XRP", b"17"),
            ("replay:upbit:BTC", b"5"),
        ],
        "closing_flows": [("live:BTC:buy", b"17")],
    }
    assert all(message.headers[:2] == [("query", b"tests"), ("batch", b"4")] for message in found["closing_bars"])
