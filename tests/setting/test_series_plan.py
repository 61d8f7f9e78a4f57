"""All series of a job in one Spark query: it gives what the batch computation gives, whatever the batches, however often it was stopped."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import DataFrame, SparkSession

from src.config.settings import Settings
from src.errors import ConfigurationError
from src.preprocess.series import Row, Series, SeriesMetric, series_rows
from src.schema.kinds import Kind
from src.setting.collecting import CollectorProcess
from src.setting.jobs import SparkStreamingTrade
from src.setting.series import SeriesPlan, Unfit
from src.setting.series_query import series_tables
from src.setting.watching import Watch
from src.storage.kafka import CLOSED_UNTIL, row_key
from src.storage.memory import MemorySink
from src.storage.sink import Batch
from tests.setting.series_made import EMA, MINUTE, RUNNING, START, TABLES, Step, bar, closed_rows, steps

RAW = "topic string, key binary, value binary, partition int, offset long, headers array<struct<key: string, value: binary>>"
_RAW = pa.schema(
    {
        "topic": pa.string(),
        "key": pa.binary(),
        "value": pa.binary(),
        "partition": pa.int32(),
        "offset": pa.int64(),
        "headers": pa.list_(pa.struct({"key": pa.string(), "value": pa.binary()})),
    }
)


class Topics:
    """A folder that stands for Kafka: a file for each batch of the query, with the columns of its source."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.written = 0
        self.offset = 0

    def write(self, *given: Step, value: bytes | None = None) -> None:
        """Write the messages of some of the job's batches; with `value`, one that is no row."""
        messages = [message for step in given for message in self._messages(step)]
        if value is not None:
            messages.append({"topic": TABLES["bars"].topic, "key": b"x", "value": value, "partition": 0, "offset": -1, "headers": None})
        path = self.folder / f"{self.written:04}.parquet"
        pq.write_table(pa.Table.from_pylist(messages, schema=_RAW), path)
        # The source reads files in the order of their times.
        os.utime(path, (self.written, self.written))
        self.written += 1

    def read(self, spark: SparkSession) -> DataFrame:
        return spark.readStream.schema(RAW).option("maxFilesPerTrigger", 1).parquet(str(self.folder))

    def _messages(self, step: Step) -> list[dict[str, Any]]:
        found = []
        for update in step.updates:
            headers = [{"key": "query", "value": b"tests"}]
            time = step.closed_until.get(update.row["source"])
            if time is not None:
                headers.append({"key": CLOSED_UNTIL, "value": str(time).encode()})
            key, value = row_key(update.table, update.row), msgspec.json.encode(update.row)
            found.append({"topic": update.table.topic, "key": key, "value": value, "partition": 0, "offset": self.offset, "headers": headers})
            self.offset += 1
        return found


class CrashError(Exception):
    """What a killed process is here: the batch was computed, and nobody took it."""


class Job:
    """The second query of a job, from start to stop on one checkpoint, with what its sinks hold."""

    def __init__(self, spark: SparkSession, folder: Path, metrics: Sequence[SeriesMetric]) -> None:
        self.spark = spark
        self.plan = SeriesPlan(metrics, TABLES)
        self.topics = Topics(folder / "topics")
        self.topics.folder.mkdir()
        self.checkpoint = folder / "checkpoint"
        self.sink = MemorySink()
        self.left_out: Counter[str] = Counter()
        self.written: list[int] = []
        self.crash_at: int | None = None

    def run(self) -> None:
        """Until all that is there was read."""
        frame = self.plan.frame(self.topics.read(self.spark))
        writer = frame.writeStream.outputMode("update").option("checkpointLocation", str(self.checkpoint))
        query = writer.trigger(availableNow=True).foreachBatch(self._write).start()
        try:
            query.awaitTermination()
        finally:
            query.stop()

    def rows(self, metric: SeriesMetric) -> dict[tuple[Any, ...], dict[str, Any]]:
        (table,) = (table for table in self.plan.tables if table.name == metric.name)
        return keyed_rows(self.sink.rows(metric.name), table.key)

    def _write(self, frame: DataFrame, batch_id: int) -> None:
        found = frame.toArrow()
        if batch_id == self.crash_at:
            self.crash_at = None
            raise CrashError
        self.left_out += self.plan.left_out(found)
        self.written.append(batch_id)
        self.sink.write(Batch("series", batch_id, self.plan.rows(found)))


def keyed_rows(rows: Sequence[Mapping[str, Any]], key: Sequence[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Rows by their key in the order of `series_rows`, times as integer ms."""
    found = {}
    for row in rows:
        plain = {name: round(value.timestamp() * 1000) if isinstance(value, datetime) else value for name, value in row.items()}
        found[tuple(plain[name] for name in key)] = plain
    assert len(found) == len(rows)
    return found


@pytest.mark.spark
def test_streamed_rows_equal_the_batch_oracle_over_crashes_and_restarts(spark: SparkSession, tmp_path: Path) -> None:
    job, given = Job(spark, tmp_path, [EMA, RUNNING]), steps(1, minutes=14)
    batches = [given[place : place + 9] for place in range(0, len(given), 9)]
    assert len(batches) > 6
    for batch in batches[: len(batches) // 2]:
        job.topics.write(*batch)
    job.crash_at = 1
    with pytest.raises(Exception, match="CrashError"):
        job.run()
    job.run()
    for batch in batches[len(batches) // 2 :]:
        job.topics.write(*batch)
    job.run()
    assert job.written == list(range(len(batches)))
    expected = closed_rows(given)
    assert min(len(rows) for rows in expected.values()) > 50
    for metric in (EMA, RUNNING):
        assert job.rows(metric) == series_rows(metric, expected)
    assert not job.left_out


@pytest.mark.spark
def test_silent_series_and_corrections_and_what_is_left_out(spark: SparkSession, tmp_path: Path) -> None:
    job = Job(spark, tmp_path, [EMA])
    bars = [bar("ETH", minute, float(minute)) for minute in range(70)]
    job.topics.write(Step([bar("BTC", 0, 5.0), bar("BTC", 0, 7.0, source="replay")], {}))
    # Nothing of BTC comes any more: another series tells that its window is closed. The replay's is not.
    job.topics.write(Step(bars[:1], {"live": START + MINUTE}))
    job.run()
    assert [(row["source"], row["symbol"]) for row in job.sink.rows("bar_ema")] == [("live", "BTC"), ("live", "ETH")]
    job.topics.write(Step(bars, {"live": START + 70 * MINUTE}))
    job.topics.write(Step([bar("ETH", 3, 50.0), bar("ETH", 60, 0.5)], {}))
    job.topics.write(Step([bar("BTC", 1, 9.0)], {}), value=b"[]")
    job.topics.write(Step([], {}), value=b'{"source": 5}')
    job.run()
    bars[60] = bar("ETH", 60, 0.5)
    assert job.rows(EMA) == series_rows(EMA, {"bars": [update.row for update in (bar("BTC", 0, 5.0), bar("BTC", 1, 9.0), *bars)]})
    assert job.left_out == {"bar_ema": 1, "": 2}
    # More than a week later ETH begins anew, and its mean is shown from the fourth bar on: its 64 windows are gone.
    later = 8 * 24 * 60
    job.topics.write(Step([bar("SOL", later)], {"live": START + (later + 1) * MINUTE}))
    job.topics.write(Step([bar("ETH", later + 1), bar("ETH", 69, 7.0)], {"live": START + (later + 2) * MINUTE}))
    job.run()
    assert job.rows(EMA)["live", "upbit", "ETH", START + 69 * MINUTE]["ema"] is not None
    assert job.rows(EMA)["live", "upbit", "ETH", START + (later + 1) * MINUTE]["ema"] is None


class _Wrong(Series):
    version = 1

    def __init__(self, **row: Any) -> None:
        self.row = row

    def step(self, state: Any, rows: Mapping[str, Sequence[Row]]) -> tuple[Any, Sequence[Mapping[str, Any]]]:
        del rows
        return state, [self.row]


def _found(metric: str, **row: Any) -> pa.Table:
    named = {"source": "live", "window_start": START, "window_end": START + MINUTE, "market": "upbit", "symbol": "BTC"}
    return _output({"metric": metric, "row": msgspec.msgpack.encode({**named, **row}), "left_out": 0})


def _output(*found: Mapping[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(
        list(found), schema=pa.schema({"metric": pa.string(), "row": pa.binary(), "left_out": pa.int64(), "fault": pa.string()})
    )


def test_what_could_not_be_taken_is_counted_by_metric_apart_from_what_came_too_late() -> None:
    plan = SeriesPlan([EMA, RUNNING], TABLES)
    found = _output(
        {"metric": "bar_ema", "left_out": 3, "fault": "TypeError: one"},
        {"metric": "bar_ema", "left_out": 2, "fault": "TypeError: other"},
        {"metric": "running", "left_out": 4},
        {"metric": None, "left_out": 1},
    )
    assert plan.unfit(found) == {"bar_ema": Unfit(5, "TypeError: one")}
    assert plan.left_out(found) == {"running": 4, "": 1}
    assert plan.rows(found) == {}


def test_a_job_says_of_which_metric_how_many_rows_could_not_be_taken_and_why() -> None:
    job = SparkStreamingTrade(Settings())
    for rows in (3, 4):
        assert series_tables(job, _output({"metric": "indicators", "left_out": rows, "fault": "TypeError: x"})) == {}
    series_tables(job, _output({"metric": "indicators", "left_out": 2}))
    watch = Watch(job, CollectorProcess(job.settings, job.collect, "", print), job.view)
    assert {name: count for name, count in watch._quality().items() if count} == {"too_old_for_series": 2, "unfit_for_indicators": 7}
    assert job.note == "metric indicators: rows that its series cannot take are left out (TypeError: x)"


def test_rows_have_the_types_of_their_table() -> None:
    plan = SeriesPlan([EMA, RUNNING], TABLES)
    ((table, rows),) = plan.rows(_found("bar_ema", ema=2**60 + 1, trades=2**53 + 1)).items()
    assert (table, rows.schema) == (plan.tables[0], plan.tables[0].arrow())
    assert (rows["ema"].to_pylist(), rows["trades"].to_pylist()) == ([float(2**60)], [2**53 + 1])
    assert plan.rows(_found("bar_ema"))[table]["ema"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"emma": 1.0}, "emma, which `columns` does not name"),
        ({"trades": 1.5}, "1.5 as trades, which is no long"),
        ({"trades": True}, "True as trades, which is no long"),
        ({"ema": "high"}, "'high' as ema, which is no double"),
    ],
)
def test_what_a_series_may_not_give_names_the_metric_and_the_column(row: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"metric bar_ema: its series gives {said}"):
        SeriesPlan([EMA], TABLES).rows(_found("bar_ema", **row))


def test_topics_and_tables() -> None:
    plan = SeriesPlan([EMA, RUNNING], TABLES)
    assert plan.topics == ("BarsProcessedCoin", "FlowsProcessedCoin")
    assert [(table.name, table.topic) for table in plan.tables] == [("bar_ema", "BarEmaProcessedCoin"), ("running", "RunningProcessedCoin")]
    assert plan.tables[1].key == ("source", "symbol", "side", "window_start")
    with pytest.raises(ConfigurationError, match="reads 'candles', and there is no such metric"):
        SeriesPlan([replace(EMA, of=("candles",))], TABLES)
    with pytest.raises(ConfigurationError, match="metric bar_ema: bars has no key column close"):
        SeriesPlan([replace(EMA, keys=("symbol", "close"))], TABLES)
    with pytest.raises(ConfigurationError, match="metric bar_ema: the column symbol is given, and named again"):
        replace(EMA, columns={"symbol": Kind.STRING})


def test_the_fingerprint_tells_what_cannot_read_each_others_state(monkeypatch: pytest.MonkeyPatch) -> None:
    def fingerprint(*metrics: SeriesMetric) -> str:
        return SeriesPlan(metrics, TABLES).fingerprint

    assert fingerprint(EMA) == fingerprint(replace(EMA, description="other", columns={**EMA.columns, "more": Kind.DOUBLE}))
    assert fingerprint(replace(EMA, series=_Wrong(a=1))) == fingerprint(replace(EMA, series=_Wrong(a=1)))
    before = fingerprint(replace(EMA, series=_Wrong(a=1)))
    monkeypatch.setattr(_Wrong, "version", 2)
    assert fingerprint(replace(EMA, series=_Wrong(a=1))) != before
    others = [
        fingerprint(EMA),
        fingerprint(EMA, RUNNING),
        fingerprint(replace(EMA, keys=("symbol",))),
        fingerprint(replace(EMA, series=type(EMA.series)(warm_up=9))),
        fingerprint(replace(EMA, series=_Wrong(a=1))),
        fingerprint(replace(EMA, series=_Wrong(a=2))),
    ]
    assert len(set(others)) == len(others)
