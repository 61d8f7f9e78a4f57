"""The owner's operating-system process: how it is started, recognised and stopped."""

from __future__ import annotations

import http.client
import importlib.util
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import psutil

from src.broker.ports import LOOPBACK, require_free_port
from src.clickhouse.names import CHDB_MISSING
from src.config.paths import PROJECT
from src.errors import ConfigurationError, MissingPartError, TerminalError

READY_SECONDS = 60
"""How long a start may take. It is 1.5 s on an idle machine; with many parts it reads them first."""
STOP_SECONDS = 15
"""How long an ordered stop may take before the process is killed; a statement that writes is let to its end."""
LOG_LIMIT_BYTES = 10 * 1024 * 1024
"""A log larger than this is put aside at the next start."""
_PING_SECONDS = 5
_LETTING_GO_SECONDS = 10


class RunningClickHouse(msgspec.Struct, frozen=True, kw_only=True):
    """An owner that was started, as its record on disk says. Whether it still runs is `ClickHouseProcess.find`'s to tell."""

    pid: int
    port: int
    started_time: int
    """ms since 1970 UTC."""
    pinned: bool = False
    """Runs until it is told to stop, even when nobody uses it."""


class ClickHouseProcess:
    """The one owner of `folder`. Call `start` and `stop` under the folder's lock."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._record = folder / "clickhouse.json"
        self._log = folder / "clickhouse.log"
        # A pid says nothing, as the system gives it to another process later; this word in the command line does.
        self._mark = f"--folder={folder}"
        self._child: subprocess.Popen[bytes] | None = None

    def recorded(self) -> RunningClickHouse | None:
        """The owner started last, dead or alive; None after an ordered stop."""
        try:
            return msgspec.json.decode(self._record.read_bytes(), type=RunningClickHouse)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def find(self) -> RunningClickHouse | None:
        """The owner if its process lives (it may still be starting), else None."""
        if self._child:
            self._child.poll()  # A child that died is a zombie until then, and would seem to live.
        recorded = self.recorded()
        return recorded if recorded and self._is_ours(recorded.pid) else None

    def start(self, port: int, *, pinned: bool = False) -> RunningClickHouse:
        """Start the owner on the data that is there, or on none, and wait until it answers.

        Raises `ConfigurationError` for a taken port, `MissingPartError` without chdb, `TerminalError` when the owner dies.
        """
        if importlib.util.find_spec("chdb") is None:
            raise MissingPartError(CHDB_MISSING)
        self._end_strays()
        self._await_free_port(port)
        if self._log.exists() and self._log.stat().st_size > LOG_LIMIT_BYTES:
            self._log.replace(self._log.with_suffix(".log.1"))
        log_start = self._log.stat().st_size if self._log.exists() else 0
        self._child = self._launch(port)
        running = RunningClickHouse(pid=self._child.pid, port=port, started_time=time.time_ns() // 1_000_000, pinned=pinned)
        try:
            self.record(running)
            self.wait_ready(running, log_start)
        except BaseException:
            self.stop(running)
            raise
        return running

    def record(self, running: RunningClickHouse) -> None:
        """Write down which owner runs, so that other processes find it."""
        fresh = self._record.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(running))
        fresh.replace(self._record)

    def wait_ready(self, running: RunningClickHouse, log_start: int = 0) -> None:
        """Wait until the owner answers, which it does once the engine has its data."""
        deadline = time.monotonic() + READY_SECONDS
        while not answers_ping(running.port):
            if self._has_ended(running.pid):
                raise TerminalError(f"the embedded ClickHouse stopped while it started: {self._last_line(log_start)} (all of it in {self._log})")
            if time.monotonic() > deadline:
                raise TerminalError(f"the embedded ClickHouse (pid {running.pid}) does not answer after {READY_SECONDS} s: see {self._log}")
            time.sleep(0.05)

    def stop(self, running: RunningClickHouse) -> None:
        """End the owner in order, or by force when that takes too long."""
        if self._is_ours(running.pid):
            _end(psutil.Process(running.pid))
        if self._child:
            self._child.poll()
        self._record.unlink(missing_ok=True)

    def _has_ended(self, pid: int) -> bool:
        if self._child is not None and self._child.pid == pid:
            return self._child.poll() is not None
        return not self._is_ours(pid)

    def _is_ours(self, pid: int) -> bool:
        try:
            return self._mark in psutil.Process(pid).cmdline()
        except psutil.Error:  # Gone, a zombie, or another user's.
            return False

    def _await_free_port(self, port: int) -> None:
        """Of a process with many threads that was killed the first is gone before the others have let go of its port."""
        deadline = time.monotonic() + (_LETTING_GO_SECONDS if self.recorded() else 0)
        while True:
            try:
                return require_free_port(port, "COINSPARK_CLICKHOUSE_PORT")
            except ConfigurationError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def _end_strays(self) -> None:
        """End owners of this folder that no record names: their starter was killed, or the folder was deleted under them."""
        for process in psutil.process_iter():
            if self._is_ours(process.pid):
                _end(process)

    def _launch(self, port: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "src.clickhouse", self._mark, f"--port={port}"]
        with self._log.open("ab") as log:
            # A session of its own: Ctrl-C in the terminal is for the job, which stops the owner when nobody needs it any more.
            return subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def _last_line(self, log_start: int) -> str:
        with self._log.open("rb") as log:
            log.seek(log_start)
            lines = [line.strip() for line in log.read().decode(errors="replace").splitlines() if line.strip()]
        return lines[-1] if lines else "it said nothing"


def answers_ping(port: int) -> bool:
    """Whether a ClickHouse on this machine answers at the port."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=_PING_SECONDS)
    try:
        connection.request("GET", "/ping")
        return connection.getresponse().read() == b"Ok.\n"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _end(process: psutil.Process) -> None:
    try:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
    except psutil.NoSuchProcess:
        return
