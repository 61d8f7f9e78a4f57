"""Batches that wait on disk for a sink that is away: a file each, in the order in which they must be written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import pyarrow as pa

from src.errors import TerminalError
from src.schema.tables import TableSchema
from src.storage.durable import durable_file, sync_folder
from src.storage.sink import Batch

_NAME = re.compile(r"(\d{12})\.arrow")
_HEAD = b"coinspark.batch"


class _Head(msgspec.Struct, frozen=True):
    """What a batch says besides its rows."""

    query: str
    batch_id: int
    checkpoint: str
    generation: int
    closed_until: dict[str, int]
    newest_event_time: dict[str, int]
    tables: list[TableSchema]


def parking_folders(home: Path, job: str, sinks: Sequence[str]) -> list[Path]:
    """A folder for each sink of a job, by the sinks' names; the second of a name has a number behind it."""
    found: list[Path] = []
    for place, name in enumerate(sinks):
        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "sink"
        number = sinks[:place].count(name) + 1
        found.append(home.absolute() / "parked" / (plain if number == 1 else f"{plain}-{number}") / job)
    return found


@dataclass(frozen=True)
class ParkedBatches:
    """The batches of one sink of one job. Nobody else may use the folder meanwhile; it is made when the first one comes."""

    folder: Path

    def waiting(self) -> list[Path]:
        """The files, the one to be written first ahead."""
        return sorted(path for path in self.folder.glob("*.arrow") if _NAME.fullmatch(path.name))

    def park(self, batch: Batch) -> None:
        """Keep a batch behind those that wait; it is on the disk when this returns. Raises TerminalError when it cannot be."""
        waiting = self.waiting()
        number = int(waiting[-1].stem) + 1 if waiting else 1
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with durable_file(self.folder / f"{number:012d}.arrow") as file:
                _write(batch, file)
        except OSError as error:
            raise TerminalError(
                f"batch {batch.batch_id} cannot be parked in {self.folder}: {error.strerror}. Nothing is lost: the next start goes on at this batch"
            ) from None

    def read(self, path: Path) -> Batch:
        """A batch as it was parked. Raises TerminalError for a file that is not one."""
        return self._read(path, _read)

    def head(self, path: Path) -> Batch:
        """The same without its tables."""
        return self._read(path, lambda file: _batch(_head(_streams(file)), {}))

    def _read(self, path: Path, read: Callable[[BinaryIO], Batch]) -> Batch:
        try:
            with path.open("rb") as file:
                return read(file)
        except (OSError, pa.ArrowException, StopIteration, LookupError, TypeError, ValueError) as error:
            raise TerminalError(f"the parked batch {path} cannot be read ({type(error).__name__}): move it away, and its rows are missing") from None

    def done(self, path: Path) -> None:
        """Forget a batch that the sink has."""
        path.unlink(missing_ok=True)
        # One that came back after a power cut would be written after those that followed it.
        sync_folder(self.folder)


def _write(batch: Batch, file: BinaryIO) -> None:
    """Arrow streams one after the other: an empty one that carries the head, then one for each table."""
    closed, newest = dict(batch.closed_until), dict(batch.newest_event_time)
    head = _Head(batch.query, batch.batch_id, batch.checkpoint, batch.generation, closed, newest, list(batch.tables))
    tables = [pa.table({}).replace_schema_metadata({_HEAD: msgspec.json.encode(head)}), *batch.tables.values()]
    for table in tables:
        with pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)


def _read(file: BinaryIO) -> Batch:
    streams = _streams(file)
    head = _head(streams)
    return _batch(head, dict(zip(head.tables, streams, strict=True)))


def _head(streams: Iterator[pa.Table]) -> _Head:
    return msgspec.json.decode(next(streams).schema.metadata[_HEAD], type=_Head)


def _batch(head: _Head, tables: Mapping[TableSchema, pa.Table]) -> Batch:
    return Batch(head.query, head.batch_id, tables, head.closed_until, head.checkpoint, head.generation, head.newest_event_time)


def _streams(file: BinaryIO) -> Iterator[pa.Table]:
    size = file.seek(0, 2)
    file.seek(0)
    while file.tell() < size:
        yield pa.ipc.open_stream(file).read_all()
