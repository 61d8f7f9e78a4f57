"""Rows as Parquet files: which files there are, and that one is never there by half."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from src.errors import ConfigurationError
from src.schema.kinds import Kind
from src.storage.parquet import ParquetSink, last_rows
from src.storage.sink import as_sink
from tests.storage.rows import START, batch, row, schema, stored

TABLE = schema("prices")


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_file_for_each_day_and_batch_which_replaces_itself(tmp_path: Path) -> None:
    sink = as_sink(ParquetSink(tmp_path))
    sink.open([TABLE])
    assert files(tmp_path) == []
    rows = [row(price=float("nan")), row("ETH", window_start=START + timedelta(days=1), price=2.0)]
    for _ in range(2):
        sink.write(batch(0, {TABLE: rows}))
    sink.write(batch(1, {TABLE: [row(price=3.0)]}))
    assert files(tmp_path) == [
        "prices/day=2026-09-21/tests.tests.1.0.parquet",
        "prices/day=2026-09-21/tests.tests.1.1.parquet",
        "prices/day=2026-09-22/tests.tests.1.0.parquet",
    ]
    found = pq.read_table(tmp_path / "prices/day=2026-09-21/tests.tests.1.0.parquet", partitioning=None)
    assert found.to_pylist() == [{**row(price=None), "_generation": 1, "_batch_id": 0}]
    # The whole folder as any reader of hive folders sees it: each batch's rows once.
    assert pq.read_table(tmp_path / "prices").num_rows == 3
    assert stored(last_rows(tmp_path, TABLE).to_pylist()) == stored([row(price=3.0), rows[1]])


def test_the_last_value_is_that_of_the_newest_checkpoint(tmp_path: Path) -> None:
    sink = as_sink(ParquetSink(tmp_path))
    sink.open([TABLE])
    sink.write(batch(0, {TABLE: [row(price=2.0)]}, generation=2))
    sink.write(batch(70, {TABLE: [row(price=1.0), row("ETH", price=1.0)]}))
    assert stored(last_rows(tmp_path, TABLE).to_pylist()) == stored([row(price=2.0), row("ETH", price=1.0)])


def test_a_metric_that_gained_a_column_reads_with_its_older_files(tmp_path: Path) -> None:
    sink = as_sink(ParquetSink(tmp_path))
    before, after = schema("metric", one=Kind.DOUBLE), schema("metric", one=Kind.DOUBLE, other=Kind.LONG)
    key = {name: value for name, value in row().items() if name in {"source", "symbol", "window_start", "window_end"}}
    sink.open([before])
    sink.write(batch(0, {before: [{**key, "one": 1.0}]}))
    sink.open([after])
    sink.write(batch(1, {after: [{**key, "symbol": "ETH", "one": 2.0, "other": 3}]}))
    expected = [{**key, "one": 1.0, "other": None}, {**key, "symbol": "ETH", "one": 2.0, "other": 3}]
    assert stored(last_rows(tmp_path, after).to_pylist()) == stored(expected)


def test_what_a_killed_job_left_unfinished_goes_at_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "prices" / "day=2026-09-21"
    folder.mkdir(parents=True)
    (folder / ".tests.tests.1.0.parquet.unfinished").write_bytes(b"PAR1 half")
    sink = as_sink(ParquetSink(tmp_path))
    assert last_rows(tmp_path, TABLE).num_rows == 0
    sink.open([TABLE])
    assert files(tmp_path) == []


def test_a_folder_that_cannot_be_is_said_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigurationError, match="cannot be written: Not a directory; choose another COINSPARK_PARQUET_FOLDER"):
        as_sink(ParquetSink(tmp_path / "file")).open([TABLE])
