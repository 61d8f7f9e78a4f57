"""The status of a job, as others read it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from src.config.settings import load_settings
from src.monitoring.job_status import JobStatus, job_status_path, read_job_status, write_job_status
from src.monitoring.query_report import query_report
from src.setting import SparkStreamingTicker
from src.setting.monitored import job_status
from tests.monitoring.reports import progress
from tests.setting.test_left_out import TABLE, row, written

FULL = JobStatus(
    kind="trade",
    state="running",
    started_time=1_000,
    updated_time=2_000,
    batch_id=7,
    batch_seconds=0.42,
    input_records_per_second=144.5,
    processed_records_per_second=350.0,
    lag_records=10,
    lag_seconds=2.5,
    state_rows=550,
    late_records={"upbit": 3},
    dead_letters=1,
    sink_failures={"database": 2},
    parked_batches={"database": 0},
    message="database: not there",
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert read_job_status(tmp_path, "trade") is None
    write_job_status(tmp_path, FULL)
    assert read_job_status(tmp_path, "trade") == FULL
    assert read_job_status(tmp_path, "ticker") is None
    assert job_status_path(tmp_path, "trade") == tmp_path / "jobs" / "trade.json"
    assert [path.name for path in (tmp_path / "jobs").iterdir()] == ["trade.json"], "a reader never sees half of it"


@pytest.mark.parametrize("text", ["", "{", '{"kind":"trade"}', "[]"])
def test_what_is_no_status_of_this_version_is_none(tmp_path: Path, text: str) -> None:
    write_job_status(tmp_path, FULL)
    job_status_path(tmp_path, "trade").write_text(text)
    assert read_job_status(tmp_path, "trade") is None


def test_a_job_that_has_read_nothing_yet_knows_nothing(tmp_path: Path) -> None:
    job = SparkStreamingTicker(load_settings(home=tmp_path))
    said = job_status(job, "starting")
    assert said == JobStatus(
        kind="ticker",
        state="starting",
        started_time=job.figures.started_time,
        updated_time=said.updated_time,
        sink_failures={},
        parked_batches={},
    )


def test_the_figures_of_a_job(tmp_path: Path) -> None:
    job = SparkStreamingTicker(load_settings(home=tmp_path))
    job.figures.queries.finished_batch(query_report(progress()))
    job.figures.queries.finished_batch(query_report(progress(name="series-ticker", batchId=1)))
    written(job.left_out, 0, row(0, "upbit", late=3), row(0, "okx", malformed=2), row(1, "okx", late=1), table=TABLE)
    job.figures.sinks.measured("database", lambda _: None)
    job.tell("database: not there")
    said = job_status(job, "running")
    assert (said.batch_id, said.batch_seconds, said.lag_records, said.state_rows) == (7, 0.42, 10, 1_100)
    assert (said.input_records_per_second, said.processed_records_per_second) == (144.5, pytest.approx(350.0))
    assert (said.late_records, said.dead_letters, said.sink_failures) == ({"upbit": 3, "okx": 1}, 2, {"database": 0})
    assert (said.message, said.lag_seconds) == ("database: not there", None)
    assert said.updated_time == pytest.approx(time.time() * 1000, abs=60_000)
    assert job_status(job, "failed", "the disk is full").message == "the disk is full"
