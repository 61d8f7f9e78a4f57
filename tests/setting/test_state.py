"""State goes when its window has ended long enough ago, though windows of a second and of a week share one aggregation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from pyspark.sql import DataFrame, SparkSession

from src.config.settings import Settings
from src.preprocess import Count, Last, Metric, Sum, Window
from src.preprocess.organization import SparkCoinAverageQueryOrganization
from src.schema.records import Region, Source, Ticker
from src.setting.jobs import SparkStreamingTicker
from tests.setting.streamed import NoDeadLetters, messages, raw_table, write_batch

HOUR = 3_600_000
MONDAY = 1_789_948_800_000
"""2026-09-21 00:00 UTC."""


class Several(SparkCoinAverageQueryOrganization):
    """Windows of very different lengths."""

    def cal_several(self) -> Metric:
        windows = {"1s": Window("1 second"), "5m": Window("5 minutes", "1 minute"), "1w": Window("7 days", offset="4 days")}
        return Metric("several", windows, ("symbol",), {"total": Sum("price"), "last": Last("price"), "records": Count()})


class Job(SparkStreamingTicker):
    query_organization = Several


@pytest.mark.spark
def test_short_windows_are_forgotten_and_long_ones_kept(spark: SparkSession, tmp_path: Path) -> None:
    job = Job(Settings(home=tmp_path, outage_hours=1.0))
    (tmp_path / "raw").mkdir()
    hours = range(0, 60, 3)
    for number, hour in enumerate(hours):
        records = [_ticker(MONDAY + hour * HOUR + second * 1000, second + 1.0) for second in range(5)]
        write_batch(tmp_path / "raw", number, raw_table(messages("raw", records)))
    found: dict[Any, dict[str, Any]] = {}

    def take(frame: DataFrame, batch_id: int) -> None:
        del batch_id
        for table, rows in job.plan.rows(frame.toArrow()).items():
            if table.name == "several":
                found.update({(row["interval"], row["window_start"]): row for row in rows.to_pylist()})

    raw = spark.readStream.schema("value binary, topic string, partition int, offset bigint, timestamp timestamp").option("maxFilesPerTrigger", 1)
    rows = job.plan.aggregated(job.plan.combined(raw.parquet(str(tmp_path / "raw")), NoDeadLetters), round(job.settings.outage_hours * HOUR))
    writer = rows.writeStream.outputMode("update").option("checkpointLocation", str(tmp_path / "checkpoint"))
    query = writer.trigger(availableNow=True).foreachBatch(take).start()
    query.awaitTermination()
    states = [json.loads(report.json)["stateOperators"][0] for report in query.recentProgress]
    totals = [state["numRowsTotal"] for state in states]
    assert len(totals) == len(hours)
    # Of a batch: 5 seconds, 5 windows of 5 minutes, one minute of reception; the week is one row for all. What is older goes with the next batch.
    assert max(totals) <= 3 * 12, totals
    assert sum(state["numRowsDroppedByWatermark"] for state in states) == 0
    weeks = [row for (interval, _), row in found.items() if interval == "1w"]
    assert [(row["records"], row["total"], row["last"]) for row in weeks] == [(5 * len(hours), 15.0 * len(hours), 5.0)]
    assert sum(interval == "1s" for interval, _ in found) == 5 * len(hours)


def _ticker(time: int, price: float) -> Ticker:
    known = msgspec.structs.asdict(
        Ticker(region=Region.ASIA, market="okx", symbol="BTC", quote="USDT", source=Source.LIVE, event_time=0, received_time=0)
    )
    return Ticker(**{**known, "event_time": time, "received_time": time + 20, "price": price})
