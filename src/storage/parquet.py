"""Rows as Parquet files: a folder for each table and day, in it a file for each batch."""

from __future__ import annotations

import errno
import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from src.errors import CoinSparkError, ConfigurationError, TransientError
from src.schema.kinds import Kind
from src.schema.tables import TableSchema, check_identifier
from src.storage.durable import UNFINISHED, durable_file
from src.storage.sink import BatchSink, Guarantee

GENERATION, BATCH = "_generation", "_batch_id"
"""The columns that each file has besides the table's: of two rows of one key, the one of the larger (generation, batch id) is right."""
_PASSES = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EAGAIN, errno.EBUSY, errno.EMFILE, errno.ENFILE, errno.ESTALE, errno.ETIMEDOUT}


class ParquetSink(BatchSink):
    """Files `<table>/day=2026-11-21/<query>.<checkpoint>.<batch>.parquet`, the day being that of `window_start` in UTC.

    A file is there whole or not at all, and a batch that is written again replaces its own, so each batch's rows are there once. A row that
    several batches changed is in the file of each: `_generation` and `_batch_id` tell the last one, which is right. Files are not merged:
    a long trigger makes fewer.
    """

    guarantee: ClassVar[Guarantee] = Guarantee.AT_LEAST_ONCE
    name: ClassVar[str] = "Parquet files"

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def open(self, tables: Sequence[TableSchema]) -> None:
        for table in tables:
            check_identifier(table.name, "table name")
            folder = self._folder / table.name
            try:
                folder.mkdir(parents=True, exist_ok=True)
                for left in folder.glob(f"*/.*{UNFINISHED}"):
                    left.unlink()
                # Whether files can be made is found before the first batch.
                with durable_file(folder / ".writable"):
                    pass
                (folder / ".writable").unlink()
            except OSError as error:
                raise _ours(error, folder) from None

    def write(self, batch: pa.Table, batch_id: int) -> None:
        table, (query, checkpoint, generation) = self.table_of(batch), self.lineage_of(batch)
        name = f"{_plain(query)}.{_plain(checkpoint) or 'none'}.{batch_id}.parquet"
        rows = batch.replace_schema_metadata(None)
        version = {GENERATION: generation, BATCH: batch_id}
        for column, number in version.items():
            rows = rows.append_column(column, pa.repeat(pa.scalar(number, pa.int64()), rows.num_rows))
        for day, part in _by_day(table, rows).items():
            folder = self._folder / table.name / f"day={day}"
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with durable_file(folder / name) as file:
                    pq.write_table(part, file, compression="zstd")
            except OSError as error:
                raise _ours(error, folder) from None


def last_rows(folder: Path, table: TableSchema) -> pa.Table:
    """The rows of a table with the last value of each, out of the files of a `ParquetSink`; an empty table where there are none."""
    files = sorted((folder / table.name).glob("day=*/[!.]*.parquet"))
    wanted = pa.schema([*table.arrow(), pa.field(GENERATION, pa.int64()), pa.field(BATCH, pa.int64())])
    # Columns that a metric gained later are null in older files.
    found = pa.concat_tables([wanted.empty_table(), *(pq.read_table(file, partitioning=None) for file in files)], promote_options="default")
    ordered = found.sort_by([(GENERATION, "ascending"), (BATCH, "ascending")]).append_column("_place", pa.array(range(found.num_rows), pa.int64()))
    last = ordered.group_by(list(table.key)).aggregate([("_place", "max")])["_place_max"]
    return ordered.take(last).select(table.arrow().names)


def _by_day(table: TableSchema, rows: pa.Table) -> dict[str, pa.Table]:
    times = [column.name for column in table.columns if column.kind is Kind.TIMESTAMP]
    if not times:
        return {"none": rows}
    days = pc.strftime(rows["window_start" if "window_start" in times else times[0]], format="%Y-%m-%d")
    return {day or "none": rows.filter(pc.equal(days, day) if day else pc.is_null(days)) for day in pc.unique(days).to_pylist()}


def _plain(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", name)


def _ours(error: OSError, folder: Path) -> CoinSparkError:
    said = f"{folder} cannot be written: {error.strerror or error}"
    return TransientError(said) if error.errno in _PASSES else ConfigurationError(f"{said}; choose another COINSPARK_PARQUET_FOLDER")
