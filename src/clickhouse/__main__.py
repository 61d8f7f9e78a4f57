"""The owner process: opens the engine on a folder and serves it until it is told to stop. `ClickHouseProcess` starts it."""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from src.broker.ports import LOOPBACK
from src.clickhouse.accounts import accounts
from src.clickhouse.engine import Engine
from src.clickhouse.names import DATA_FOLDER
from src.clickhouse.server import ClickHouseServer
from src.errors import CoinSparkError, ConfigurationError

_LETTING_GO_SECONDS = 2
"""An owner that was killed has its files open for a moment longer."""


def main() -> int:
    """Serve `--folder` on `--port`; returns the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    try:
        with _owning(arguments.folder):
            _serve(arguments.folder, arguments.port)
    except CoinSparkError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_status
    return 0


def _serve(folder: Path, port: int) -> None:
    engine = Engine(folder / DATA_FOLDER)
    try:
        server = ClickHouseServer(port, engine, accounts(folder), _emptied(folder / "uploads"))
    except OSError as error:
        raise ConfigurationError(f"port {port} of {LOOPBACK} cannot be used: {error.strerror}") from None
    for number in (signal.SIGTERM, signal.SIGINT):
        # From another thread, as a signal interrupts the very loop that `shutdown` waits for.
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    with server:
        server.serve_forever(poll_interval=0.05)
    # A statement that writes is let to its end; one that reads is broken off with the process.
    server.sessions.close()
    engine.close()


def _emptied(folder: Path) -> Path:
    """The folder, without what an owner that was killed has left there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


@contextmanager
def _owning(folder: Path) -> Iterator[None]:
    """The lock of a folder's one owner, which dies with it. Raises ConfigurationError that names the other one."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "owner.lock").open("a+") as lock:
        deadline = time.monotonic() + _LETTING_GO_SECONDS
        while not _try_lock(lock.fileno()):
            if time.monotonic() > deadline:
                lock.seek(0)
                raise ConfigurationError(
                    f"{folder} has an owner already (pid {lock.read().strip() or 'unknown'}), and one process alone may have it open: "
                    "reach it over HTTP, or stop it first"
                )
            time.sleep(0.05)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
