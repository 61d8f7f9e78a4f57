"""One of our jobs over what waits on Kafka, to a sink that counts. Settings come from the environment; the last line is JSON, as `Told` reads it.

Only the documented plug points are overridden: what the database and Kafka would get is counted, and in the end compared with what was read.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from pyspark.sql import DataFrame
from pyspark.sql.streaming.query import StreamingQuery

from src.collect.options import CollectOptions, SourceChoice
from src.errors import CoinSparkError
from src.schema.tables import TableSchema
from src.setting.progress import Progress
from src.setting.streaming import SparkStreamingCoinAverage
from src.storage.sink import Batch

_INPUT = "input_quality"
"""The table that says how many records came."""


def main() -> None:
    """Run to the end of what waits."""
    arguments = _arguments()
    module, _, name = arguments.job.partition(":")
    job = counting(getattr(importlib.import_module(module), name))(
        collect=CollectOptions(source=SourceChoice.NONE), view=_Quiet(), begin_at="earliest"
    )
    job.every_row = arguments.rows is not None
    try:
        job.run()
    except CoinSparkError as error:
        sys.exit(f"error: {error}")
    if arguments.rows is not None:
        with arguments.rows.open("w") as file:
            _write(job.kept, file)
    print(json.dumps({"seconds": job.ended - job.began, "records": job.records}))


def counting(job: type[SparkStreamingCoinAverage]) -> Any:
    """A subclass of a job that counts rows instead of storing them, and keeps the last value of each row of `input_quality` (or of all tables)."""

    class Counting(job):  # type: ignore[misc, valid-type]
        every_row = False
        began = ended = 0.0
        rows = 0

        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self.kept: dict[tuple[Any, ...], Mapping[str, Any]] = {}

        @property
        def records(self) -> int:
            return sum(row["records"] for key, row in self.kept.items() if key[0] == _INPUT)

        def _process_and_send(self, records: DataFrame) -> StreamingQuery:
            # Called again for a query that begins again.
            self.began = self.began or time.monotonic()
            return super()._process_and_send(records)

        def _write_to_mysql(self, batch: Batch) -> None:
            self.rows += batch.rows
            for table, rows in batch.tables.items():
                if self.every_row or table.name == _INPUT:
                    self.kept.update({(table.name, *(row[name] for name in table.key)): row for row in rows.to_pylist()})
            self.ended = time.monotonic()

        def _topic_to_kafka_sending(self, batch: Batch) -> None:
            """Nothing: the rows were counted."""

    return Counting


class _Quiet:
    """Shows nothing but what must not be missed."""

    def began(self, job: str, tables: Sequence[TableSchema], lines: Sequence[str]) -> None:
        """Nothing."""

    def say(self, message: str, level: str = "info") -> None:
        """To the log."""
        del level
        print(message, file=sys.stderr)

    def show(self, progress: Progress, newest: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Nothing."""

    def ended(self, message: str) -> None:
        """Nothing."""


def _write(rows: Mapping[tuple[Any, ...], Mapping[str, Any]], file: TextIO) -> None:
    for (table, *_), row in rows.items():
        plain = {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
        file.write(json.dumps({"table": table, **plain}) + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--job", default="src.setting.jobs:SparkStreamingTicker", help="module:Class")
    parser.add_argument("--rows", type=Path, help="a file for the last value of every row, as lines of JSON")
    return parser.parse_args()


if __name__ == "__main__":
    main()
