"""What a real Spark tells the listener of a query: its batches, that it stands idle, and its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest
from pyspark.sql import DataFrame, SparkSession

from src.monitoring.listening import QueryListener, listening
from src.monitoring.queries import Queries
from src.monitoring.query_report import QueryReport
from src.setting.query_end import stop_queries

PATIENCE = 120
IDLE = "spark.sql.streaming.noDataProgressEventInterval"
"""How often Spark says of a query that it stands idle, ms; 10 s without it."""


class Heard(Queries):
    """Tells when idleness was heard of."""

    def __init__(self) -> None:
        super().__init__()
        self.was_idle = threading.Event()

    def idle(self, run: str) -> None:
        super().idle(run)
        self.was_idle.set()


def read(frame: DataFrame, _batch_id: int) -> None:
    frame.collect()


@pytest.fixture
def often_idle(spark: SparkSession) -> Iterator[SparkSession]:
    spark.conf.set(IDLE, "100")
    yield spark
    spark.conf.unset(IDLE)


@pytest.mark.timeout(300)
def test_batches_idleness_and_the_end_of_a_query_are_heard(often_idle: SparkSession, tmp_path: Path) -> None:
    (tmp_path / "lines").mkdir()
    (tmp_path / "lines" / "first.txt").write_text("one\ntwo\n")
    heard, reports = Heard(), Queue[QueryReport]()
    with listening(often_idle, QueryListener(heard, reports.put)):
        lines = often_idle.readStream.schema("value string").text(str(tmp_path / "lines"))
        writer = lines.writeStream.queryName("heard").option("checkpointLocation", str(tmp_path / "checkpoint"))
        query = writer.trigger(processingTime="100 milliseconds").foreachBatch(read).start()
        try:
            report = reports.get(timeout=PATIENCE)
            assert (report.query, report.run, report.batch_id, report.records) == ("heard", str(query.runId), 0, 2)
            assert report.seconds > 0
            heard.was_idle.clear()
            assert heard.was_idle.wait(PATIENCE)
            figures = heard.all()["heard"]
            assert figures.last is not None
            assert (figures.records, figures.last.batch_id, figures.last.input_records_per_second) == (2, 0, 0.0)
        finally:
            stop_queries([query], heard)
        assert heard.await_ended([report.run], 0.0)
