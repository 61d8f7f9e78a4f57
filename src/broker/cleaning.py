"""Starting anew: the data of the embedded servers and all state under the home folder deleted, while nobody uses them."""

from __future__ import annotations

import fcntl
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from src.broker.embedded import EmbeddedBroker
from src.broker.kafka_files import DATA_FOLDER
from src.broker.lease import LeaseFolder
from src.broker.topic_tools import empty_topics
from src.clickhouse.embedded import EmbeddedClickHouse
from src.clickhouse.names import DATA_FOLDER as CLICKHOUSE_DATA_FOLDER
from src.config.settings import Settings
from src.errors import ConfigurationError

STATE_FOLDERS = ("checkpoints", "replay", "collect", "jobs", "spool", "parked")
"""What jobs and collectors remember, under the home folder."""
DATABASE_FILES = ("coin.db", "coin.db-wal", "coin.db-shm", "coin.db-journal")
"""The database that is used without DATABASE_URL, under the home folder."""
_LOCKED_BY = {"checkpoints": "the job", "collect": "the collector of", "spool": "a collector with spool"}
"""Folders with lock files, and who holds one."""


def things_to_delete(settings: Settings, *, database: bool = False) -> list[Path]:
    """What `clean` would delete: folders, whose content goes, and files. Data of the embedded server stay where the settings name the user's own."""
    home = settings.home.resolve()
    folders = [home / name for name in STATE_FOLDERS]
    if not settings.kafka_bootstrap_servers:
        folders.insert(0, home / "broker" / DATA_FOLDER)
    if database and not settings.has_own_clickhouse:
        folders.append(home / "clickhouse" / CLICKHOUSE_DATA_FOLDER)
    files = [home / name for name in DATABASE_FILES] if database else []
    return [path for path in [*folders, *files] if path.is_file() or (path.is_dir() and any(_to_go(path)))]


def refuse_while_used(settings: Settings, *, database: bool = False) -> None:
    """Raise `ConfigurationError` that names whoever uses the home folder or its broker now, or with `database` its ClickHouse."""
    with _undisturbed(settings, database=database):
        pass


def clean(settings: Settings, topics: Sequence[str] = (), *, database: bool = False) -> list[Path]:
    """Stop the embedded servers, or empty these topics of the user's Kafka, and delete what `things_to_delete` says; returns that.

    Raises `ConfigurationError`, before anything is deleted, that names the users while there are any; also where a file cannot be deleted.
    """
    with _undisturbed(settings, database=database):
        if settings.kafka_bootstrap_servers:
            empty_topics(settings.kafka_bootstrap_servers, topics)
        else:
            EmbeddedBroker(settings).stop()
        if database:
            EmbeddedClickHouse(settings).stop()
        with ExitStack() as stack:
            if not settings.kafka_bootstrap_servers:
                _keep_away(stack, settings, "broker")
            if database:
                _keep_away(stack, settings, "clickhouse")
            found = things_to_delete(settings, database=database)
            for path in found:
                try:
                    _delete(path)
                except OSError as error:
                    raise ConfigurationError(f"{error.filename or path} cannot be deleted: {error.strerror}") from None
            return found


@contextmanager
def _undisturbed(settings: Settings, *, database: bool) -> Iterator[None]:
    """Every lock that a job or a collector of this home takes, held for the length of the block."""
    home = settings.home.resolve()
    holders = EmbeddedBroker(settings).status()[1] + (EmbeddedClickHouse(settings).status()[1] if database else [])
    users = [*dict.fromkeys(f"{holder.purpose} (pid {holder.pid})" for holder in holders)]
    with ExitStack() as stack:
        for name, user in _LOCKED_BY.items():
            for path in sorted((home / name).glob("*.lock")):
                holder = _lock(stack, path)
                if holder is not None:
                    users.append(f"{user} {path.stem} (pid {holder})")
        if users:
            raise ConfigurationError(f"{home} is in use by {', '.join(users)}: stop them first")
        yield


def _keep_away(stack: ExitStack, settings: Settings, server: str) -> None:
    """Hold the own lock of an embedded server, under which nobody starts it, and look once more that nobody has."""
    folder = settings.home.resolve() / server
    if not folder.exists():
        return
    if _lock(stack, folder / "lock") is not None or LeaseFolder(folder / "leases").holders():
        raise ConfigurationError(f"the {server} of {settings.home} is being started: stop what starts it, and try again")


def _lock(stack: ExitStack, path: Path) -> str | None:
    """Hold a lock file till the stack unwinds; or the process that holds it, as the file says."""
    file = stack.enter_context(path.open("a+"))
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        pid = re.search(r"\d+", file.read())
        return pid[0] if pid else "unknown"
    return None


def _to_go(folder: Path) -> Sequence[Path]:
    """What is in a folder but lock files: one that is deleted and made anew could be held by two."""
    return [path for path in folder.iterdir() if path.suffix != ".lock"]


def _delete(path: Path) -> None:
    if path.is_file():
        return path.unlink()
    for child in _to_go(path):
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()
    return None
