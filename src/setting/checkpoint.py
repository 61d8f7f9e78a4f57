"""Where a query keeps how far it got: a folder of its own for each query, cluster and set of metrics."""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from src.errors import ConfigurationError
from src.storage.durable import durable_file


class Origin(msgspec.Struct, frozen=True):
    """What a checkpoint began with."""

    whole_from: int = 0
    """Windows that begin before this time (ms since 1970 UTC) are not whole, as Kafka had already dropped part of their records."""
    generation: int = 0
    """When it began, ms since 1970 UTC, and above that of any checkpoint of the query before it; 0 where that was not kept yet."""


@dataclass(frozen=True)
class Lineage:
    """Which batch ids the ids of a checkpoint's batches are among, as sinks are told (`Batch.checkpoint`, `Batch.generation`)."""

    checkpoint: str = ""
    generation: int = 0


@dataclass(frozen=True)
class Checkpoint:
    """A query's checkpoint folder. Another identity (cluster, metrics) means another folder, never a state that cannot be read."""

    query: str
    folder: Path

    @property
    def is_new(self) -> bool:
        """Whether the query starts from nothing."""
        return not (self.folder / "metadata").exists()

    @property
    def replaces(self) -> Path | None:
        """The newest checkpoint of the same query with another identity, when this one is new."""
        others = [path for path in self.folder.parent.glob(f"{self.query}-*") if path.is_dir() and path != self.folder]
        return max(others, key=lambda path: path.stat().st_mtime, default=None) if self.is_new else None

    def origin(self) -> Origin | None:
        """What it began with, or None when that is still to be set."""
        path = self.folder / "origin.json"
        return msgspec.json.decode(path.read_bytes(), type=Origin) if path.exists() else None

    def watermark_ms(self) -> int:
        """Windows that ended before this time (ms since 1970 UTC) are closed for good; 0 for a new checkpoint."""
        entry = _last_entry(self.folder)
        return 0 if entry is None else int(msgspec.json.decode(entry[1])["batchWatermarkMs"])

    def offsets(self) -> dict[tuple[str, int], int]:
        """The offset of each (topic, partition) up to which every row is stored."""
        entry = _last_entry(self.folder, committed=True)
        if entry is None:
            return {}
        sources = msgspec.json.decode(entry[2], type=dict[str, dict[str, int]])
        return {(topic, int(partition)): offset for topic, partitions in sources.items() for partition, offset in partitions.items()}

    def set_aside(self) -> Path:
        """Move what there is out of the way, so that the query starts from nothing; returns where it is now."""
        aside = self.folder.with_name(f"{self.folder.name}.outlived-{int(time.time())}")
        self.folder.rename(aside)
        return aside

    def begin(self, origin: Origin) -> None:
        """Keep what it begins with."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with durable_file(self.folder / "origin.json") as file:
            file.write(msgspec.json.encode(origin))

    def next_generation(self) -> int:
        """The generation of a checkpoint that begins now: the time, and above all that are kept of the query whatever the clock says."""
        kept = [Checkpoint(self.query, path).origin() for path in self.folder.parent.glob(f"{self.query}-*") if path.is_dir()]
        return max([round(time.time() * 1000), *(origin.generation + 1 for origin in kept if origin is not None)])

    def lineage(self) -> Lineage:
        """Whose the batch ids are. The folder's name alone would be the same when it is deleted or set aside, and ids begin at 0 again."""
        generation = (self.origin() or Origin()).generation
        return Lineage(f"{self.folder.name}.{generation}", generation)


def checkpoint_folder(home: Path, query: str, *identity: str) -> Path:
    """Where the checkpoint of that identity is."""
    return (home / "checkpoints").absolute() / f"{query}-{hashlib.sha256('|'.join(identity).encode()).hexdigest()[:12]}"


@contextmanager
def checkpoint(home: Path, query: str, *identity: str) -> Iterator[Checkpoint]:
    """The checkpoint of a query, held alone for the length of the block: one process runs a query in a home, whatever its metrics.

    Raises ConfigurationError when another process runs the query.
    """
    parent = (home / "checkpoints").absolute()
    folder = checkpoint_folder(home, query, *identity)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        lock = (parent / f"{query}.lock").open("a+")
    except OSError as error:
        raise ConfigurationError(f"{parent} cannot be written ({error.strerror}): choose another COINSPARK_HOME") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise ConfigurationError(
                f"the {query} job already runs here as pid {lock.read().strip() or 'unknown'}: stop it first, look on with --debug, "
                "or set another COINSPARK_HOME"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield Checkpoint(query, folder)


def _last_entry(folder: Path, *, committed: bool = False) -> list[str] | None:
    """The lines of the newest entry of Spark's offset log (of a batch that is done): version, metadata, then the offsets of each source."""
    entries = [path for path in (folder / "offsets").glob("*") if path.name.isdigit()]
    if committed:
        entries = [path for path in entries if (folder / "commits" / path.name).exists()]
    return max(entries, key=lambda path: int(path.name)).read_text().splitlines() if entries else None
