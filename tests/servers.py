"""Real servers for the tests: free ports, and a MySQL-protocol server that can be stopped, killed and started again."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = "127.0.0.1"
START_SECONDS = 60


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def kill(process: psutil.Process) -> None:
    """Kill, and wait until the process is over. It stays a zombie until the one that started it asks for it."""
    process.kill()
    # It may be gone between the two looks.
    with suppress(psutil.NoSuchProcess):
        while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)


def missing(what: str) -> pytest.fail.Exception | pytest.skip.Exception:
    """The outcome of a test that lacks a real part: a failure where CI=true, a skip that says so elsewhere. Raise it."""
    if os.environ.get("CI", "").lower() == "true":
        return pytest.fail.Exception(f"{what} (a missing part is a failure where CI=true)")
    return pytest.skip.Exception(what)


class DatabaseServer:
    """A running MySQL-protocol server."""

    def __init__(self, administrator: URL) -> None:
        self.administrator = administrator

    def url(self, database: str, user: str | None = None, password: str | None = None) -> str:
        """DATABASE_URL of a database, which is made if it is missing; of the administrator unless a user is given."""
        self.execute(f"CREATE DATABASE IF NOT EXISTS `{database}`")
        address = self.administrator.set(database=database)
        if user is not None:
            address = address.set(username=user, password=password)
        return address.render_as_string(hide_password=False)

    def execute(self, *statements: str) -> None:
        """Run statements as the administrator."""
        engine = create_engine(self.administrator, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                for statement in statements:
                    connection.execute(text(statement))
        finally:
            engine.dispose()


class MariaDb(DatabaseServer):
    """A server of our own (`mariadbd` or `mysqld`) with its data in `folder`; it listens on a port of 127.0.0.1 alone."""

    def __init__(self, folder: Path, program: str, options: Sequence[str] = ()) -> None:
        super().__init__(URL.create("mysql+pymysql", username="root", host=LOOPBACK, port=free_port()))
        self._folder = folder
        self._program = program
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._make_data()

    @property
    def port(self) -> int:
        """Where it listens, the same after every start."""
        port = self.administrator.port
        assert port is not None
        return port

    @property
    def pid(self) -> int:
        """Of the running server."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start on the data that is there, and wait until it answers."""
        # Socket files have short paths: a socket in a deep folder cannot be made, so its name is relative to the data folder.
        self._process = subprocess.Popen(
            [
                *(self._program, "--no-defaults", f"--datadir={self._data}", "--socket=server.sock", f"--pid-file={self._folder}/server.pid"),
                *(f"--bind-address={LOOPBACK}", f"--port={self.port}", f"--tmpdir={self._folder}", f"--log-error={self._log}"),
                *("--skip-name-resolve", "--innodb-buffer-pool-size=32M", *self._as_user(), *self._options),
            ]
        )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return self.execute("SELECT 1")
            except OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{self._program} does not start:\n{self._log.read_text(errors='replace')[-3000:]}") from error
                time.sleep(0.05)

    def stop(self) -> None:
        """Stop in order, as an administrator would."""
        self._end(kill=False)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(kill=True)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    @property
    def _log(self) -> Path:
        return self._folder / "server.log"

    def _end(self, *, kill: bool) -> None:
        if self._process is not None:
            self._process.kill() if kill else self._process.terminate()
            self._process.wait()
            self._process = None

    def _as_user(self) -> list[str]:
        """The server refuses to run as root unless it is told so."""
        return ["--user=root"] if os.geteuid() == 0 else []

    def _make_data(self) -> None:
        installer = shutil.which("mariadb-install-db")
        if installer and Path(self._program).name == "mariadbd":
            command = [installer, "--no-defaults", f"--datadir={self._data}", "--auth-root-authentication-method=normal", "--skip-test-db"]
        else:
            command = [self._program, "--no-defaults", "--initialize-insecure", f"--datadir={self._data}"]
        made = subprocess.run([*command, *self._as_user()], capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise RuntimeError(f"{command[0]} failed:\n{made.stdout}{made.stderr}")


def database_server_program() -> str | None:
    """A MySQL-protocol server program of this machine."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin", "/usr/libexec"))
    return next((found for name in ("mariadbd", "mysqld") if (found := shutil.which(name, path=path))), None)


def given_database_server() -> DatabaseServer | None:
    """The server that TEST_MYSQL_URL names (with an account that may make databases), if any."""
    given = os.environ.get("TEST_MYSQL_URL")
    return DatabaseServer(make_url(given).set(drivername="mysql+pymysql", database=None)) if given else None
