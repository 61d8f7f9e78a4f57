"""A job's figures as metrics: each with its labels and value, and none of what is not known."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from src.errors import TransientError
from src.monitoring.job_families import JobFamilies
from src.monitoring.job_figures import JobFigures, JobLook
from src.monitoring.query_report import query_report
from src.storage.sink import Batch
from tests.monitoring.reports import progress
from tests.monitoring.scraped import Samples, shown_by
from tests.storage.rows import row, schema

ASIA, KOREA = "RegionAsia_TickerPreprocessing", "RegionKorea_TickerPreprocessing"


def shown(figures: JobFigures, look: JobLook, home: Path) -> Samples:
    return shown_by(JobFamilies(figures, lambda: look, home))


def by_prefix(samples: Samples, prefix: str) -> dict[tuple[str, ...], float]:
    """Those of a prefix, without it; disk and clock, which nobody can write out, are looked at apart."""
    return {(name.removeprefix(prefix), *labels): value for (name, *labels), value in samples.items() if name.startswith(prefix)}


def test_a_job_that_has_just_begun_shows_nothing_that_is_not_known(tmp_path: Path) -> None:
    samples = shown(JobFigures("ticker", started_time=5_000), JobLook(), tmp_path)
    assert by_prefix(samples, "coinspark_job_") == {
        ("start_time_seconds", "ticker"): 5.0,
        ("query_restarts_total", "ticker"): 0.0,
        ("dead_letters_total", "ticker"): 0.0,
    }
    assert {name for name, *_ in samples if not name.startswith("coinspark_job_")} == {"coinspark_home_free_bytes", "coinspark_home_size_bytes"}
    assert 0 < samples[("coinspark_home_free_bytes",)] < samples[("coinspark_home_size_bytes",)]


def test_batches_of_a_query(tmp_path: Path) -> None:
    figures = JobFigures("ticker")
    figures.queries.started("run-1", "ticker")
    first = query_report(progress())
    figures.queries.finished_batch(replace(first, seconds=3.0, records=1_000, batch_id=6))
    figures.queries.finished_batch(first)
    now = time.time()
    samples = by_prefix(shown(figures, JobLook(newest_event_time={"ticker": {"live": round(now * 1000) - 2_500}}), tmp_path), "coinspark_query_")
    assert {key: value for key, value in samples.items() if "duration" not in key[0] and "timestamp" not in key[0] and "_delay_" not in key[0]} == {
        ("records_total", "ticker"): 1_147.0,
        ("rows_dropped_by_watermark_total", "ticker"): 8.0,
        ("input_records_per_second", "ticker"): 144.5,
        ("processed_records_per_second", "ticker"): pytest.approx(350.0),
        ("state_rows", "ticker"): 550.0,
        ("state_bytes", "ticker"): 5_096.0,
        ("lag_records", "0", "ticker", ASIA): 10.0,
        ("lag_records", "1", "ticker", ASIA): 0.0,
        ("lag_records", "0", "ticker", KOREA): 0.0,
        ("offset", "0", "ticker", ASIA): 100.0,
        ("offset", "1", "ticker", ASIA): 40.0,
        ("offset", "0", "ticker", KOREA): 7.0,
        ("topic_end_offset", "0", "ticker", ASIA): 110.0,
        ("topic_end_offset", "1", "ticker", ASIA): 40.0,
        ("topic_end_offset", "0", "ticker", KOREA): 7.0,
        ("lag_seconds", "ticker", "live"): pytest.approx(2.5, abs=30),
    }
    assert samples["batch_duration_seconds_count", "ticker"] == 2.0
    assert samples["batch_duration_seconds_sum", "ticker"] == pytest.approx(3.42)
    buckets = {key[1]: value for key, value in samples.items() if key[0] == "batch_duration_seconds_bucket"}
    assert (buckets["0.25"], buckets["0.5"], buckets["2.5"], buckets["5.0"], buckets["+Inf"]) == (0.0, 1.0, 1.0, 2.0, 2.0)
    assert samples["watermark_delay_seconds", "ticker"] == pytest.approx(now - 1_769_828_400.5, abs=60)
    assert samples["last_progress_timestamp_seconds", "ticker"] == pytest.approx(now, abs=60)


def test_a_query_that_stands_idle_gives_signs_and_one_that_is_over_none() -> None:
    queries = JobFigures("ticker").queries
    queries.started("run-1", "ticker")
    figures = queries.of("ticker")
    assert figures is not None
    figures.last_sign = 0.0
    queries.idle("run-of-somebody-else")
    assert figures.last_sign == 0.0
    queries.idle("run-1")
    assert figures.last_sign > 1e9
    assert not queries.await_ended(["run-1"], 0.0)
    queries.ended("run-1")
    assert queries.await_ended(["run-1"], 0.0)
    figures.last_sign = 0.0
    queries.idle("run-1")
    assert figures.last_sign == 0.0


def test_the_input_of_a_query_that_stands_idle_is_none() -> None:
    queries = JobFigures("ticker").queries
    queries.started("run-1", "ticker")
    queries.idle("run-1")
    assert queries.all()["ticker"].last is None, "a batch that never was has no rate"
    queries.finished_batch(query_report(progress()))
    queries.idle("run-1")
    figures = queries.all()["ticker"]
    assert figures.last == replace(query_report(progress()), input_records_per_second=0.0)
    assert figures.records == 147


def test_writes_of_a_sink_are_counted_and_timed(tmp_path: Path) -> None:
    figures, table = JobFigures("trade"), schema("prices")
    rows = pa.Table.from_pylist([row(records=1), row(records=2)], schema=table.arrow())
    is_away = True
    written: list[Batch] = []

    def write(batch: Batch) -> None:
        if is_away:
            raise TransientError("not there")
        written.append(batch)

    batch, measured = Batch("trade", 0, {table: rows}), figures.sinks.measured("database", write)
    figures.sinks.measured("Kafka", write)
    for _ in range(3):
        with pytest.raises(TransientError, match="not there"):
            measured(batch)
    is_away = False
    measured(batch)
    assert written == [batch]
    samples = by_prefix(shown(figures, JobLook(parked={"database": 4, "Kafka": 0}), tmp_path), "coinspark_sink_")
    assert {key: value for key, value in samples.items() if key[0] not in {"write_duration_seconds_bucket", "write_duration_seconds_sum"}} == {
        ("write_duration_seconds_count", "trade", "database"): 1.0,
        ("write_duration_seconds_count", "trade", "Kafka"): 0.0,
        ("rows_total", "trade", "database"): 2.0,
        ("rows_total", "trade", "Kafka"): 0.0,
        ("failures_total", "trade", "database"): 3.0,
        ("failures_total", "trade", "Kafka"): 0.0,
        ("parked_batches", "trade", "database"): 4.0,
        ("parked_batches", "trade", "Kafka"): 0.0,
    }


def test_what_is_left_out_by_market_and_reason_and_commits_by_group(tmp_path: Path) -> None:
    figures = JobFigures("ticker", restarts=2)
    figures.commits["coinspark-ticker"] += 5
    figures.commit_failures["coinspark-ticker"] += 1
    left_out: dict[str, Any] = {"upbit": {"late": 3, "malformed": 0}, "okx": {"late": 0, "malformed": 2}, "unknown": {"late": 0, "malformed": 1}}
    samples = shown(figures, JobLook(left_out=left_out), tmp_path)
    assert by_prefix(samples, "coinspark_job_left_out_") == {
        ("records_total", "ticker", market, reason): float(count) for market, counts in left_out.items() for reason, count in counts.items()
    }
    assert samples["coinspark_job_dead_letters_total", "ticker"] == 3.0
    assert samples["coinspark_job_query_restarts_total", "ticker"] == 2.0
    assert by_prefix(samples, "coinspark_group_") == {("commits_total", "coinspark-ticker"): 5.0, ("commit_failures_total", "coinspark-ticker"): 1.0}
