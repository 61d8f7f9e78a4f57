"""A user's program of their own: one method more is one table, one topic, no second read of Kafka, and state that starts anew."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import ROOT
from tests.system.captured import Captured
from tests.system.jobs import PATIENCE, assert_tables_equal_oracle

pytestmark = pytest.mark.timeout(300)

PROGRAM = '''
"""My own metric, in a file of my own."""

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


if __name__ == "__main__":
    MyJob(load_settings(trigger="available-now"), collect=CollectOptions(source=SourceChoice.NONE)).ticker_spark_streaming()
'''


def test_a_metric_more_after_a_run_without_it(captured: Captured, tmp_path: Path) -> None:
    program = tmp_path / "my_job.py"
    program.write_text(PROGRAM)
    home = captured.home.seen_by(runpy.run_path(str(program))["MyJob"])
    assert not home.rows("price_range")

    environment = {**os.environ, **home.environment, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "scans of Kafka in the plan: 1" in said
    assert said.count("state starts anew from the retained records") == 1, said
    assert "Traceback" not in said, "what Spark says of a state that it cannot read"
    assert "StateStore" not in said

    assert {(row["symbol"], row["market"]) for row in home.rows("price_range")} >= {("BTC", "bybit"), ("ETH", "bybit")}
    assert_tables_equal_oracle(home, captured.records)
    messages = home.messages("PriceRangeProcessedCoin")
    assert len({key for part in messages.values() for key, _ in part}) == len(home.rows("price_range"))
