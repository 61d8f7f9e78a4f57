"""How large everything of a soak is now: processes, handles, checkpoints, tables, and what the jobs told since the last look."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import median

import msgspec
import psutil
import sqlalchemy as sa
from clickhouse_connect.driver.client import Client

from bench.soak_job import BatchReport
from bench.soak_minutes import JobMinute
from bench.throughput_records import RECORDS_A_MESSAGE
from src.broker.topics import end_offsets
from src.schema.tables import TableSchema
from src.setting.checkpoint import Checkpoint
from src.storage.sql import sql_table

_NINETY_NINTH = 0.99


def processes(jobs: Mapping[str, int]) -> tuple[dict[str, int], int]:
    """Resident bytes by process, and the handles of all of them. jobs: pid by name; their JVMs and Python workers are told apart.

    The others are this process's own children: broker, ClickHouse, MariaDB.
    """
    sizes: dict[str, int] = defaultdict(int)
    handles = 0
    names = {pid: name for name, pid in jobs.items()}
    for child in psutil.Process().children():
        for each in _family(child):
            try:
                with each.oneshot():
                    size, program, opened = each.memory_info().rss, each.name(), each.num_fds()
                    name = _name(names.get(child.pid), program, each.cmdline())
            except psutil.Error:
                # Workers come and go.
                continue
            sizes[name] += size
            handles += opened
    return dict(sorted(sizes.items())), handles


def folder_bytes(folder: Path) -> int:
    """Of all files below; those that go meanwhile are not there."""
    total = 0
    for path, _, files in os.walk(folder):
        for file in files:
            try:
                total += (Path(path) / file).stat().st_size
            except FileNotFoundError:
                continue
    return total


def lag_records(home: Path, query: str, topics: Iterable[str], bootstrap_servers: str) -> int:
    """Records on Kafka that no committed batch of the query has read."""
    found = [path for path in (home / "checkpoints").glob(f"{query}-[0-9a-f]*") if path.is_dir()]
    read = Checkpoint(query, found[0]).offsets() if found else {}
    ends = end_offsets(bootstrap_servers, list(topics))
    return RECORDS_A_MESSAGE * sum(end - read.get((place.topic, place.partition), 0) for place, end in ends.items())


class Reports:
    """The file that a job writes a line to for each batch."""

    def __init__(self, path: Path, query: str) -> None:
        self._path = path
        self._query = query
        self._read = 0
        self._states: dict[str, tuple[int, int]] = {}

    def minute(self, lag: int) -> JobMinute:
        """What came since the last call."""
        times = []
        for report in self._fresh():
            self._states[report.query] = (report.state_rows, report.state_bytes)
            if report.query == self._query:
                times.append(report.batch_ms)
        times.sort()
        return JobMinute(
            batches=len(times),
            median_ms=median(times) if times else None,
            p99_ms=times[int(_NINETY_NINTH * (len(times) - 1) + 0.5)] if times else None,
            state_rows=sum(rows for rows, _ in self._states.values()),
            state_bytes=sum(size for _, size in self._states.values()),
            lag_records=lag,
        )

    def _fresh(self) -> Iterator[BatchReport]:
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._read)
                for line in file:
                    if line.endswith(b"\n"):
                        self._read += len(line)
                        yield msgspec.json.decode(line, type=BatchReport)


def stored_rows(engine: sa.Engine, client: Client, tables: Iterable[TableSchema]) -> dict[str, int]:
    """Rows in the database, and in ClickHouse, where rows that were replaced count until they are merged away."""
    with engine.connect() as connection:
        there = set(sa.inspect(connection).get_table_names())
        counts = [
            connection.scalar(sa.select(sa.func.count()).select_from(sql_table(table, sa.MetaData()))) or 0 for table in tables if table.name in there
        ]
    parts = client.query("SELECT sum(rows) FROM system.parts WHERE active AND database = currentDatabase()").result_rows
    return {"MySQL": sum(counts), "ClickHouse": int(parts[0][0])}


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _name(job: str | None, program: str, words: list[str]) -> str:
    if job is not None:
        return f"{job} {'JVM' if 'java' in program else 'Python'}"
    if "src.clickhouse" in words:
        return "ClickHouse"
    return "broker" if "java" in program else program
