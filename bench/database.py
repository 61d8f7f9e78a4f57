"""A MariaDB of a bench's own, started as the tests start theirs, with its data in a folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import MariaDb, database_server_program

_OPTIONS = ("--innodb-buffer-pool-size=128M",)
"""What the server takes by itself; the tests give it less."""


@contextmanager
def mariadb(folder: Path) -> Iterator[MariaDb]:
    """A server that runs for the length of the block. Raises SystemExit where the machine has none."""
    program = database_server_program()
    if program is None:
        sys.exit("error: no mariadbd or mysqld on this machine: `make test` installs one on Debian")
    folder.mkdir(parents=True)
    server = MariaDb(folder.absolute(), program, _OPTIONS)
    server.start()
    try:
        yield server
    finally:
        server.stop()
