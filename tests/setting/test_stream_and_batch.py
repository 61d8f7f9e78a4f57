"""The one plan runs on a stream as on a batch: the same messages, cut into batches or not, give the same aggregated frame."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from chispa import assert_df_equality
from pyspark.sql import SparkSession

from src.config.settings import Settings
from src.panes.packing import PACK
from src.schema.records import Trade
from src.setting.jobs import SparkStreamingTrade
from tests.generated_trades import trades
from tests.setting.streamed import SPARK_RAW, NoDeadLetters, messages, raw_table, write_batch

BATCHES = 3


def rounded(trade: Trade) -> Trade:
    """In whole numbers, sizes in eighths: sums and products of them are exact in a double, so equal bit for bit in whatever order they are made."""
    price = None if trade.price is None else float(round(trade.price))
    size = None if trade.size is None else round(trade.size * 8 + 1) / 8
    return msgspec.structs.replace(trade, price=price, size=size, usd_rate=None if trade.usd_rate is None else 0.5)


@pytest.mark.spark
def test_the_frame_of_a_stream_is_the_frame_of_a_batch(spark: SparkSession, tmp_path: Path) -> None:
    plan = SparkStreamingTrade(Settings(home=tmp_path, whale_notional_usd=500.0)).plan
    values = messages("raw", [rounded(trade) for trade in trades(21, 200)])
    (tmp_path / "raw").mkdir()
    for number in range(BATCHES):
        write_batch(tmp_path / "raw", number, raw_table(values[number::BATCHES]))

    one_by_one = spark.readStream.schema(SPARK_RAW).option("maxFilesPerTrigger", 1).parquet(str(tmp_path / "raw"))
    writer = plan.aggregated(plan.combined(one_by_one, NoDeadLetters)).writeStream.outputMode("complete").format("memory").queryName("of_the_stream")
    query = writer.trigger(availableNow=True).start()
    query.awaitTermination()
    assert len(query.recentProgress) == BATCHES

    at_once = spark.read.schema(SPARK_RAW).parquet(str(tmp_path / "raw"))
    of_the_batch = plan.aggregated(plan.combined(at_once, NoDeadLetters))
    of_the_stream = spark.table("of_the_stream")
    assert of_the_stream.count() > 100
    # What is packed lies there in as many parts as there were batches; the rows that are made of it are compared in test_jobs.py.
    of_the_stream, of_the_batch = of_the_stream.drop(PACK), of_the_batch.drop(PACK)
    assert_df_equality(of_the_stream, of_the_batch, ignore_row_order=True, ignore_nullable=True)
