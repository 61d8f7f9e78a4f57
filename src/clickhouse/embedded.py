"""The embedded ClickHouse: the real engine on this machine, started by the first who needs it and stopped by the last who leaves."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import msgspec

from src.broker.lease import Holder, Lease, LeaseFolder
from src.broker.ports import LOOPBACK
from src.clickhouse.accounts import Account, accounts
from src.clickhouse.names import EMBEDDED_DATABASE
from src.clickhouse.process import ClickHouseProcess, RunningClickHouse
from src.config.settings import Settings
from src.errors import ConfigurationError, TerminalError

LOCK_SECONDS = 90
"""How long to wait for another process that is starting or stopping it."""


class EmbeddedClickHouse:
    """The ClickHouse of one home folder, seen from any number of processes; `EmbeddedBroker`'s twin.

    Everything that looks at or changes who uses it, or whether it runs, happens under one file lock.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.home.resolve() / "clickhouse"
        self._leases = LeaseFolder(self._folder / "leases")
        self._process = ClickHouseProcess(self._folder)

    def acquire(self, purpose: str = "unnamed") -> ClickHouseLease:
        """Use it until the lease is closed; starts it when it does not run. `purpose` is shown to people.

        One whose users were all killed is taken over as it is. Raises what `ClickHouseProcess.start` raises, and `ConfigurationError` when
        the home folder cannot be written.
        """
        with self._locked():
            others = self._leases.holders()
            lease = self._leases.take(purpose)
            try:
                running = self._started(self._port(others))
                held = accounts(self._folder)
            except BaseException:
                lease.release()
                raise
            return ClickHouseLease(self, lease, running, held.owner, held.reader)

    def pin(self) -> RunningClickHouse:
        """Run it until `stop`, whether anybody uses it or not."""
        with self._locked():
            running = msgspec.structs.replace(self._started(self._port(self._leases.holders())), pinned=True)
            self._process.record(running)
            return running

    def stop(self, *, force: bool = False) -> RunningClickHouse | None:
        """Stop it and return what it was, or None when none ran.

        Raises `ConfigurationError` that names the users while there are any. With `force` it stops all the same; a user that still runs
        then starts it again, as after a crash.
        """
        if not self._folder.exists():
            return None
        with self._locked():
            holders = self._leases.holders()
            if holders and not force:
                users = ", ".join(f"{holder.purpose} (pid {holder.pid})" for holder in holders)
                raise ConfigurationError(f"the embedded ClickHouse is in use by {users}: stop them first, or use --force")
            running = self._process.find()
            if running:
                self._process.stop(running)
            return running

    def status(self) -> tuple[RunningClickHouse | None, list[Holder]]:
        """What runs, if it does, and its users."""
        if not self._folder.exists():
            return None, []
        with self._locked():
            return self._process.find(), self._leases.holders()

    def restart_if_dead(self, lost: RunningClickHouse) -> tuple[RunningClickHouse, bool]:
        """What runs now, and whether this call had to start it, on the port of the `lost` one."""
        if self._process.find() == lost:
            return lost, False
        with self._locked():
            running = self._process.find()
            if running:
                return running, False
            return self._process.start(lost.port, pinned=lost.pinned), True

    def leave(self, lease: Lease) -> None:
        """Give a lease back, and stop it when that was the last one."""
        with self._locked():
            lease.release()
            running = self._process.find()
            if running and not running.pinned and not self._leases.holders():
                self._process.stop(running)

    def _started(self, port: int) -> RunningClickHouse:
        # Made by whoever comes first, under the lock, so that the owner and its users read the same.
        accounts(self._folder)
        running = self._process.find()
        if running is None:
            return self._process.start(port)
        self._process.wait_ready(running)
        return running

    def _port(self, users: list[Holder]) -> int:
        """Where to listen: while others use it, where they expect it."""
        recorded = self._process.recorded()
        return recorded.port if users and recorded else self._settings.clickhouse_port

    @contextmanager
    def _locked(self) -> Iterator[None]:
        path = self._folder / "lock"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            file = path.open("ab")
        except OSError as error:
            raise ConfigurationError(
                f"cannot write in {self._folder} ({error.strerror}): give this user the right to, or set COINSPARK_HOME to another folder"
            ) from None
        with file:
            deadline = time.monotonic() + LOCK_SECONDS
            while not _try_lock(file.fileno()):
                if time.monotonic() > deadline:
                    raise TerminalError(
                        f"another process has been starting or stopping the embedded ClickHouse for {LOCK_SECONDS} s (it holds {path})"
                    )
                time.sleep(0.05)
            yield


class ClickHouseLease:
    """The right to use it, held by this process. Leave it with `with` or `close`; a killed process loses it by itself."""

    def __init__(self, server: EmbeddedClickHouse, lease: Lease, running: RunningClickHouse, owner: Account, reader: Account) -> None:
        self._server = server
        self._lease: Lease | None = lease
        self._running = running
        self._owner = owner
        self._reader = reader
        self._one_at_a_time = threading.Lock()

    @property
    def url(self) -> str:
        """The address that `ClickHouseSink` takes, with its password. The same when it is started again."""
        return self._url(self._owner)

    @property
    def reader_url(self) -> str:
        """The same for whoever may only read."""
        return self._url(self._reader)

    def ensure_running(self) -> bool:
        """Start it again if it died; True when this call did it. Cheap while it lives: call it every second from any thread.

        Of several users exactly one starts it; the others wait, then get False. Raises what `ClickHouseProcess.start` raises.
        """
        with self._one_at_a_time:
            if self._lease is None:
                return False
            self._running, restarted = self._server.restart_if_dead(self._running)
            return restarted

    def close(self) -> None:
        """Leave it; the last one to leave stops it. May be called twice."""
        with self._one_at_a_time:
            if self._lease is not None:
                lease, self._lease = self._lease, None
                self._server.leave(lease)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _url(self, account: Account) -> str:
        return f"http://{account.name}:{account.password}@{LOOPBACK}:{self._running.port}/{EMBEDDED_DATABASE}"


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise ConfigurationError(f"the home folder's file system cannot lock files ({error.strerror}): set COINSPARK_HOME to a local disk") from None
    return True
