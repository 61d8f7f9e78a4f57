"""Spark's report of a batch, as far as anybody is told of it."""

from __future__ import annotations

import pytest

from src.broker.ranges import TopicPartition
from src.monitoring.query_report import query_report
from tests.monitoring.reports import progress

WATERMARK = 1_769_828_400_500
"""2026-01-31T03:00:00.500Z."""
ASIA, KOREA = "RegionAsia_TickerPreprocessing", "RegionKorea_TickerPreprocessing"


def test_each_number_is_where_it_belongs() -> None:
    report = query_report(progress())
    assert (report.query, report.run, report.batch_id, report.records, report.seconds) == ("ticker", "run-1", 7, 147, 0.42)
    assert (report.input_records_per_second, report.processed_records_per_second) == (144.5, pytest.approx(350.0))
    assert (report.state_rows, report.state_bytes, report.rows, report.dropped_by_watermark) == (550, 5096, 22, 4)
    assert report.watermark == WATERMARK
    assert report.offsets == {TopicPartition(ASIA, 0): 100, TopicPartition(ASIA, 1): 40, TopicPartition(KOREA, 0): 7}
    assert report.lag == {TopicPartition(ASIA, 0): 10, TopicPartition(ASIA, 1): 0, TopicPartition(KOREA, 0): 0}


def test_what_is_not_known_is_none() -> None:
    # Spark says 0 for the first batch of a run, as there was no trigger before, and nothing where the time between two was none.
    assert query_report(progress(inputRowsPerSecond=0.0)).input_records_per_second is None
    assert query_report(progress(inputRowsPerSecond=0.0, numInputRows=0)).input_records_per_second == 0.0
    assert query_report(progress(durationMs={})).processed_records_per_second is None
    without = query_report(progress(eventTime={}, stateOperators=[], sources=[{"endOffset": None, "latestOffset": None}], inputRowsPerSecond=None))
    assert (without.watermark, without.state_rows, without.lag, without.input_records_per_second) == (None, 0, {}, None)
    assert query_report(progress(eventTime={"watermark": "1970-01-01T00:00:00.000Z"})).watermark is None


def test_a_partition_that_has_not_been_read_is_all_lag() -> None:
    source = {"endOffset": {ASIA: {"0": 3}}, "latestOffset": {ASIA: {"0": 3, "1": 8}}}
    assert query_report(progress(sources=[source])).lag == {TopicPartition(ASIA, 0): 0, TopicPartition(ASIA, 1): 8}


def test_a_source_that_is_not_kafka_has_no_partitions() -> None:
    report = query_report(progress(sources=[{"endOffset": {"logOffset": 3}, "latestOffset": 5, "numInputRows": 2}]))
    assert (report.offsets, report.ends, report.lag) == ({}, {}, {})


@pytest.mark.parametrize("text", ["", "{}", "[1]"])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises((ValueError, LookupError, AttributeError)):
        query_report(text)
