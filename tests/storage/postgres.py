"""A PostgreSQL server of the tests' own, where the machine has its programs and the Python package psycopg."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.servers import LOOPBACK, START_SECONDS, free_port

ROOT_NAME = "postgres"


class PostgreSql:
    """A server with a folder of its own; it listens on a port of 127.0.0.1 alone. Raises pytest's skip where there is none."""

    def __init__(self) -> None:
        programs = {name: _program(name) for name in ("initdb", "postgres")}
        if importlib.util.find_spec("psycopg") is None:
            pytest.skip("the Python package psycopg is not installed: pip install 'psycopg[binary]'")
        self._user = _other_user()
        # Not among pytest's folders: those are for the tests' own account alone.
        self.folder = folder = Path(tempfile.mkdtemp(prefix="coinspark-postgresql-"))
        if self._user is not None:
            shutil.chown(folder, self._user)
        self.address = sa.URL.create("postgresql+psycopg", username=ROOT_NAME, host=LOOPBACK, port=free_port(), database="postgres")
        options = ["--username", ROOT_NAME, "--auth-local=trust", "--auth-host=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
        made = self._run([programs["initdb"], "--pgdata", str(folder / "data"), *options])
        if made.wait() != 0:
            raise RuntimeError(f"initdb failed: {self._log.read_text()[-2000:]}")
        settings = {"listen_addresses": LOOPBACK, "port": self.address.port, "unix_socket_directories": "", "fsync": "off"}
        self._process = self._run([programs["postgres"], "-D", str(folder / "data"), *(f"--{name}={value}" for name, value in settings.items())])
        self._await_answer()

    @property
    def user(self) -> str | None:
        """The account of this machine that the server runs as, where it is another than the tests'."""
        return self._user

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Run statements as the administrator."""
        engine = sa.create_engine(self.address.set(database=database), isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                for statement in statements:
                    connection.exec_driver_sql(statement)
        finally:
            engine.dispose()

    def stop(self) -> None:
        """Stop without waiting for whoever is connected."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait()
        shutil.rmtree(self.folder)

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    def _run(self, command: list[str]) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            return subprocess.Popen(command, stdout=log, stderr=log, user=self._user, cwd="/", env=os.environ | {"LC_ALL": "C.UTF-8"})

    def _await_answer(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                return self.execute("SELECT 1")
            except sa.exc.OperationalError as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"postgres does not start: {self._log.read_text()[-2000:]}") from error
                time.sleep(0.05)


def _program(name: str) -> str:
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *map(str, folders))))
    if found is None:
        pytest.skip(f"no PostgreSQL on this machine ({name} is not found)")
    return found


def _other_user() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    pytest.skip("PostgreSQL does not run as root, and there is no other account")
