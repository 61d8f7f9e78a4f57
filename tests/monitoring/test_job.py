"""What a real job leaves for others to see, when it has read all there is: its status, and its offsets in Kafka."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from src.broker.cluster import cluster
from src.broker.group_lag import group_lags
from src.broker.topics import end_offsets
from src.collect.parsed import Channel
from src.monitoring.job_status import read_job_status
from src.setting.jobs import SparkStreamingTrade
from tests.servers import LOOPBACK
from tests.system.jobs import Home
from tests.system.recorded import START_AT, record

pytestmark = pytest.mark.timeout(600)


def test_the_status_and_the_consumer_groups_of_a_job_that_has_read_all(tmp_path: Path) -> None:
    home = Home(tmp_path, job=SparkStreamingTrade)
    files = record(tmp_path / "frames", 60, rate=2.0, channel=Channel.TRADE, markets=("upbit", "okx"))
    before = time.time() * 1000
    with cluster(home.settings, "tests") as kafka:
        replay = ("--source", "replay", *files, "--speed", "inf", "--start-at", START_AT, "--trigger", "available-now")
        status, output = home.run("trade", *replay)
        assert status == 0, output
        assert_lines_of_the_log_alone(output)
        ends = end_offsets(kafka.bootstrap_servers, home.job.topics)
        lags = group_lags(kafka.bootstrap_servers, "coinspark-trade")
        series = group_lags(kafka.bootstrap_servers, "coinspark-series-trade")
        assert {(lag.topic, lag.partition): lag.committed for lag in lags} == {(place.topic, place.partition): end for place, end in ends.items()}
        assert {lag.lag for lag in [*lags, *series]} == {0}
        assert {lag.topic for lag in series} == set(home.job.series.topics)
    said = read_job_status(home.settings.home, "trade")
    assert said is not None
    assert (said.kind, said.state, said.message) == ("trade", "finished", "")
    assert before <= said.started_time <= said.updated_time <= time.time() * 1000
    assert (said.lag_records, said.sink_failures, said.parked_batches) == (0, {"database": 0, "Kafka": 0}, {"database": 0, "Kafka": 0})
    assert said.batch_id is not None
    assert said.batch_seconds is not None
    assert said.batch_seconds > 0
    # A window of each metric and market at the least is open, and the recording's own time is long ago.
    assert said.state_rows is not None
    assert said.state_rows > 20
    assert said.lag_seconds is not None
    assert said.lag_seconds > 0
    quality = home.rows("input_quality")
    late = {market: sum(row["late"] for row in quality if row["market"] == market) for market in {row["market"] for row in quality}}
    assert said.late_records == late
    assert said.dead_letters == sum(row["malformed"] for row in quality)


def assert_lines_of_the_log_alone(output: str) -> None:
    """Where there is no terminal, a job says JSON lines and nothing else: no word of Spark's, of its JVM's, or of a library's."""
    lines = [json.loads(line) for line in output.splitlines()]
    assert lines
    for line in lines:
        assert {"time", "level", "event", "part", "job"} <= set(line), line
        assert (line["part"], line["job"]) == ("job", "trade")
        assert "logger" not in line, line


def test_a_port_that_is_taken_is_said_at_once_in_one_line(tmp_path: Path) -> None:
    home = Home(tmp_path, log_format="text")
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        status, output = home.run("ticker", "--metrics-port", str(port))
        why = "Address already in use; choose another (COINSPARK_TICKER_METRICS_PORT)"
        said = f"coinspark: --metrics-port {port} cannot be used at {LOOPBACK}: {why}\n"
        assert (status, output) == (2, said)
        home.environment["COINSPARK_TICKER_METRICS_PORT"] = str(port)
        assert home.run("ticker") == (2, said)
    assert not (home.settings.home / "jobs").exists(), "nothing has begun"
