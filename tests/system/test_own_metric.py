"""A user's program of their own: one method more is one table, one topic and no second read of Kafka."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.servers import ROOT
from tests.system.jobs import Home
from tests.system.recorded import START_AT, record

pytestmark = pytest.mark.timeout(300)

PROGRAM = '''
"""My own metric, in a file of my own."""

import sys
from datetime import datetime

from src.collect.options import CollectOptions, SourceChoice
from src.setting import Max, Metric, Min, SparkStreamingTicker, TickerQueryOrganization, Window, col, load_settings


class MyTicker(TickerQueryOrganization):
    def cal_range(self) -> Metric:
        """High minus low of each market, USD, per minute."""
        return Metric(
            "price_range",
            Window("1 minute"),
            keys=("symbol", "market"),
            where=col("priced"),
            stats={"high": Max("price_usd"), "low": Min("price_usd")},
            derived={"range": col("high") - col("low")},
        )


class MyJob(SparkStreamingTicker):
    query_organization = MyTicker

    def _process_and_send(self, records):
        query = super()._process_and_send(records)
        query.processAllAvailable()
        plan = query._jsq.explainInternal(False)
        print("scans of Kafka in the plan:", plan.split("Physical Plan")[-1].count("MicroBatchScan"), flush=True)
        return query


replay = CollectOptions(source=SourceChoice.REPLAY, files=tuple(sys.argv[2:]), speed=float("inf"), start_at=datetime.fromisoformat(sys.argv[1]))
MyJob(load_settings(trigger="available-now"), collect=replay).ticker_spark_streaming()
'''


def test_a_method_in_a_file_of_ones_own_adds_a_metric(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    program = tmp_path / "my_job.py"
    program.write_text(PROGRAM)
    environment = {**os.environ, **home.environment, "PYTHONPATH": str(ROOT)}
    files = record(tmp_path / "frames", seconds=30)
    done = subprocess.run(
        [sys.executable, str(program), START_AT, *files], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "scans of Kafka in the plan: 1" in done.stdout

    engine = sa.create_engine(home.database_url)
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT source, symbol, market, window_start, high, low, range FROM price_range")).all()
        others = connection.execute(sa.text("SELECT count(*) FROM time_metrics")).scalar_one()
    engine.dispose()
    assert len(rows) >= 12, "six markets, two symbols"
    assert all(row.range == pytest.approx(row.high - row.low) for row in rows)
    assert others, "the metrics of the base class are there too"
    (messages,) = [home.messages("PriceRangeProcessedCoin")]
    assert len({key for part in messages.values() for key, _ in part}) == len(rows)
