"""Each job as a stream, in many small batches and over a restart, gives what the plain batch computation gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from src.collect.aggregate_trade import aggregate_trade
from src.collect.message import BINANCE_DEPTH_TOPIC, BINANCE_TRADE_TOPIC
from src.config.settings import Settings
from src.preprocess import Max, Metric, Window
from src.preprocess.depth_change import depth_change
from src.preprocess.gap_marks import spread_gap_mark
from src.preprocess.oracle import batch_rows
from src.preprocess.ticker import TickerQueryOrganization
from src.schema.records import Record
from src.setting.jobs import SparkStreamingOrderbook, SparkStreamingTicker, SparkStreamingTrade
from src.setting.streaming import SparkStreamingCoinAverage
from tests.equality import assert_equal_rows, keyed, plain_rows
from tests.generated import tickers
from tests.generated_books import books, depth_messages
from tests.generated_trades import aggregate_messages, trades
from tests.setting.streamed import SPARK_RAW, messages, streamed

pytestmark = pytest.mark.spark
MARKETS = ("upbit", "bithumb", "okx", "bybit", "binance", "kraken")
SEEDS = range(7, 13)


Made = tuple[Sequence[tuple[str, bytes]], Sequence[Record]]


def coins(seed: int) -> tuple[str, ...]:
    """Coins of a seed's own: what several seeds give lies side by side in one stream, and no window is filled up by another seed."""
    return f"A{seed}", f"B{seed}"


def arrived(records: Iterable[Any]) -> list[Any]:
    return sorted(records, key=attrgetter("received_time"))


def ticker_messages(seeds: range) -> Made:
    records = arrived(each for seed in seeds for each in tickers(seed, 250, symbols=coins(seed)))
    return messages("raw", records), records


def orderbook_messages(seeds: range) -> Made:
    records = arrived(each for seed in seeds for each in books(seed, 130, symbols=coins(seed)))
    depth = [each for seed in seeds for each in depth_messages(seed, 35)]
    return [*messages("raw", records), *messages(BINANCE_DEPTH_TOPIC, depth)], [*records, *map(depth_change, depth)]


def trade_messages(seeds: range) -> Made:
    records = arrived(each for seed in seeds for each in trades(seed, 250, symbols=coins(seed)))
    raw = [each for seed in seeds for each in aggregate_messages(seed, 35)]
    futures = [trade for each in raw if (trade := aggregate_trade(each)) is not None]
    spread = [part for record in [*records, *futures] for part in spread_gap_mark(record)]
    return [*messages("raw", records), *messages(BINANCE_TRADE_TOPIC, raw)], spread


@pytest.mark.parametrize(
    ("job_class", "made"),
    [(SparkStreamingTicker, ticker_messages), (SparkStreamingOrderbook, orderbook_messages), (SparkStreamingTrade, trade_messages)],
)
def test_a_stream_with_a_restart_equals_the_batch_oracle(spark: SparkSession, tmp_path: Path, job_class: Any, made: Any) -> None:
    settings = Settings(home=tmp_path, markets=MARKETS, whale_notional_usd=500.0, whale_run_trade_usd=10.0, whale_floor_usd=400.0)
    job: SparkStreamingCoinAverage = job_class(settings)
    values, records = made(SEEDS)
    found = streamed(spark, job, values, tmp_path / "stream")
    rows = plain_rows(records, job.organization)
    for metric in job.plan.metrics:
        expected = batch_rows(metric, rows)
        assert expected, f"{metric.name}: nothing is compared"
        assert_equal_rows(keyed(found.get(metric.name, {}).values(), metric), expected, metric)


class OneMore(TickerQueryOrganization):
    """A user's."""

    def cal_highest(self) -> Metric:
        """Highest price of each market, quote currency."""
        return Metric("highest", Window("1 minute"), ("symbol", "market"), {"high": Max("price")})


def test_one_more_metric_is_no_second_read_of_kafka(spark: SparkSession, tmp_path: Path) -> None:
    class Job(SparkStreamingTicker):
        query_organization = OneMore

    (tmp_path / "raw").mkdir()
    plans = {}
    for job in (SparkStreamingTicker(Settings(home=tmp_path)), Job(Settings(home=tmp_path))):
        raw = spark.readStream.schema(SPARK_RAW).parquet(str(tmp_path / "raw"))
        plans[type(job).__name__] = _operators(job.plan.aggregated(job.plan.combined(raw, _none), 1000))
    assert plans["Job"] == plans["SparkStreamingTicker"] == {"StreamingRelation": 1, "MapInArrow": 1, "Aggregate": 1}


def _none() -> Any:
    raise AssertionError("nothing is read")


def _operators(frame: Any) -> Mapping[str, int]:
    lines = frame._jdf.queryExecution().analyzed().toString().splitlines()
    return {name: sum(name in line for line in lines) for name in ("StreamingRelation", "MapInArrow", "Aggregate")}
