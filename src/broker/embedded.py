"""The embedded broker: a real Apache Kafka on this machine, started by the first who needs it and stopped by the last who leaves."""

from __future__ import annotations

import fcntl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

import msgspec

from src.broker.kafka_files import Ports
from src.broker.lease import Holder, Lease, LeaseFolder
from src.broker.process import BrokerProcess, RunningBroker
from src.config.settings import Settings
from src.errors import ConfigurationError, TerminalError

LOCK_SECONDS = 90
"""How long to wait for another process that is starting or stopping the broker."""


class EmbeddedBroker:
    """The broker of one home folder, seen from any number of processes.

    Everything that looks at or changes who uses the broker, or whether it runs, happens under one file lock, so that two
    users who start, leave or find it dead in the same instant act one after the other.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.home.resolve() / "broker"
        self._leases = LeaseFolder(self._folder / "leases")
        self._process = BrokerProcess(self._folder, settings)

    def acquire(self, purpose: str = "unnamed") -> BrokerLease:
        """Use the broker until the lease is closed; starts it when it does not run. `purpose` is shown to people.

        A broker whose users were all killed is taken over as it is. Raises what `BrokerProcess.start` raises, and
        `ConfigurationError` when the home folder cannot be written.
        """
        with self._locked():
            others = self._leases.holders()
            lease = self._leases.take(purpose)
            try:
                running = self._started(self._ports(others))
            except BaseException:
                lease.release()
                raise
            return BrokerLease(self, lease, running)

    def pin(self) -> RunningBroker:
        """Run the broker until `stop`, whether anybody uses it or not."""
        with self._locked():
            running = msgspec.structs.replace(self._started(self._ports(self._leases.holders())), pinned=True)
            self._process.record(running)
            return running

    def stop(self, *, force: bool = False) -> RunningBroker | None:
        """Stop the broker and return what it was, or None when none ran.

        Raises `ConfigurationError` that names the users while there are any. With `force` it stops all the same; a user that
        still runs then starts it again, as after a crash.
        """
        if not self._folder.exists():
            return None
        with self._locked():
            holders = self._leases.holders()
            if holders and not force:
                users = ", ".join(f"{holder.purpose} (pid {holder.pid})" for holder in holders)
                raise ConfigurationError(f"the broker is in use by {users}: stop them first, or use --force")
            running = self._process.find()
            if running:
                self._process.stop(running)
            return running

    def status(self) -> tuple[RunningBroker | None, list[Holder]]:
        """The broker, if it runs, and its users."""
        if not self._folder.exists():
            return None, []
        with self._locked():
            return self._process.find(), self._leases.holders()

    def restart_if_dead(self, lost: RunningBroker) -> tuple[RunningBroker, bool]:
        """The broker that runs now, and whether this call had to start it, on the ports of the `lost` one."""
        if self._process.find() == lost:
            return lost, False
        with self._locked():
            running = self._process.find()
            if running:
                return running, False
            return self._process.start(Ports(lost.port, lost.controller_port), pinned=lost.pinned), True

    def leave(self, lease: Lease) -> None:
        """Give a lease back, and stop the broker when that was the last one."""
        with self._locked():
            lease.release()
            running = self._process.find()
            if running and not running.pinned and not self._leases.holders():
                self._process.stop(running)

    def _started(self, ports: Ports) -> RunningBroker:
        running = self._process.find()
        if running is None:
            return self._process.start(ports)
        self._process.wait_ready(running)
        return running

    def _ports(self, users: list[Holder]) -> Ports:
        """Where to listen: while others use the broker, where they expect it."""
        recorded = self._process.recorded()
        if users and recorded:
            return Ports(recorded.port, recorded.controller_port)
        return Ports(self._settings.broker_port, self._settings.controller_port)

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
                    raise TerminalError(f"another process has been starting or stopping the broker for {LOCK_SECONDS} s (it holds {path})")
                time.sleep(0.05)
            yield


class BrokerLease:
    """The right to use the broker, held by this process. Leave it with `with` or `close`; a killed process loses it by itself."""

    def __init__(self, broker: EmbeddedBroker, lease: Lease, running: RunningBroker) -> None:
        self._broker = broker
        self._lease: Lease | None = lease
        self._running = running
        self._one_at_a_time = threading.Lock()

    @property
    def bootstrap_servers(self) -> str:
        """The address that Kafka clients take."""
        return self._running.bootstrap_servers

    @property
    def cluster_id(self) -> str:
        """The identity of the broker's data: the same as long as the data is."""
        return self._running.cluster_id

    def ensure_running(self) -> bool:
        """Start the broker again if it died; True when this call did it. Cheap while it lives: call it every second from any thread.

        Of several users exactly one starts it; the others wait, then get False. Raises what `BrokerProcess.start` raises.
        """
        with self._one_at_a_time:
            if self._lease is None:
                return False
            self._running, restarted = self._broker.restart_if_dead(self._running)
            return restarted

    def close(self) -> None:
        """Leave the broker; the last one to leave stops it. May be called twice."""
        with self._one_at_a_time:
            if self._lease is not None:
                lease, self._lease = self._lease, None
                self._broker.leave(lease)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise ConfigurationError(f"the home folder's file system cannot lock files ({error.strerror}): set COINSPARK_HOME to a local disk") from None
    return True
