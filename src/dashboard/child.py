"""The dashboard that a job runs beside itself, as a child process: its port looked at, started, watched, stopped."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx

from src.background import in_background
from src.broker.ports import LOOPBACK, accepts_connections, require_free_port
from src.clickhouse.names import EMBEDDED_DATABASE
from src.config.environment import as_environment
from src.config.paths import PROJECT
from src.config.settings import Settings
from src.errors import ConfigurationError
from src.logs import last_event
from src.parts import parent
from src.storage.clickhouse_address import parsed as clickhouse_parsed
from src.storage.sql_engine import parsed, shown

_LOOK_SECONDS = 0.5
_STOP_SECONDS = 6.0
_ANSWER_SECONDS = 2.0


class DashboardProcess:
    """One dashboard as a child of the job's process. `tell` gets what a person should know."""

    def __init__(self, settings: Settings, port: int, tell: Callable[[str], None]) -> None:
        self._settings = settings
        self._port = port
        self._tell = tell

    @property
    def address(self) -> str:
        """Where a browser of this machine finds it."""
        return f"http://{LOOPBACK}:{self._port}/"

    @contextmanager
    def running(self) -> Iterator[str]:
        """The dashboard for the length of the block, and a line that says where it is.

        One that runs at that port already, over the same database, is left to its owner and used. Raises ConfigurationError, before anything is
        started, for a port that another program has. A dashboard that ends by itself is said, and ends nothing else.
        """
        if self._is_there():
            yield f"the dashboard is at {self.address}, started before this job"
            return
        try:
            require_free_port(self._port, "--dashboard-port")
        except ConfigurationError as error:
            raise ConfigurationError(f"--dashboard: {error}; without --dashboard the job needs no such port") from None
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            child = self._started(log)
        try:
            with in_background("dashboard", lambda done: self._watch(child, done), _LOOK_SECONDS):
                yield f"the dashboard is at {self.address}"
        finally:
            _stop(child)
            self.log.unlink(missing_ok=True)

    @property
    def log(self) -> Path:
        """What the child prints."""
        return self._settings.home / "dashboard" / f"{os.getpid()}.log"

    def _started(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(PROJECT / "coin_spark.py"), "dashboard", "--port", str(self._port)]
        environment = {**os.environ, **as_environment(self._settings), parent.VARIABLE: str(os.getpid())}
        # A session of its own: Ctrl-C in the terminal reaches the job alone, which then stops its dashboard in order.
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True)

    def _watch(self, child: subprocess.Popen[bytes], done: threading.Event) -> None:
        while not done.wait(_LOOK_SECONDS):
            if child.poll() is not None:
                said = last_event(self.log.read_text(errors="replace")) or f"exit status {child.returncode}"
                self._tell(f"the dashboard has ended ({said}); the job goes on without it")
                return

    def _is_there(self) -> bool:
        """Whether what answers at the port is a dashboard over the same database."""
        if not accepts_connections(self._port):
            return False
        try:
            said = httpx.get(f"{self.address}api/v1/health", timeout=_ANSWER_SECONDS, trust_env=False).json()
        except (httpx.HTTPError, ValueError):
            return False
        return isinstance(said, dict) and said.get("application") == "coinspark" and said.get("database") == self._database()

    def _database(self) -> str:
        given = self._settings.clickhouse_url
        if given is None:
            return shown(parsed(self._settings.database_address))
        if self._settings.has_own_clickhouse:
            return f"ClickHouse {clickhouse_parsed(given.get_secret_value()).shown}"
        return f"ClickHouse http://{LOOPBACK}:{self._settings.clickhouse_port}/{EMBEDDED_DATABASE}"


def _stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
