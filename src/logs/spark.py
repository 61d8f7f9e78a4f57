"""What Spark's JVM and its Python workers say: a file under the home, and with the level `debug` lines of our log as well."""

from __future__ import annotations

import logging
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from src.background import in_background
from src.logs.setup import logger

LIMIT_BYTES = 10 * 1024 * 1024
"""A file larger than this is put aside at the next start."""
_LINE = re.compile(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d (?P<level>[A-Z]+) (?P<logger>[\w.$]+): (?P<event>.*)")
_LEVELS = {"WARN": logging.WARNING, "ERROR": logging.ERROR, "FATAL": logging.CRITICAL}
_EVERY_SECONDS = 0.5
_JOIN_SECONDS = 2.0


def spark_log(home: Path, job: str) -> Path:
    """The file of a job's Spark: the JVM's errors since its first start, the newest last."""
    return home.absolute() / "spark" / f"{job}.log"


def put_aside(log: Path) -> None:
    """Give a file that has become large another name, in place of the one put aside before."""
    if log.exists() and log.stat().st_size > LIMIT_BYTES:
        log.replace(log.with_suffix(".log.1"))


@contextmanager
def followed(log: Path) -> Iterator[None]:
    """For the length of the block each line that comes to the file is a line of our log, at `debug` or what Spark says of it."""
    reader = Reader(log)

    def read(done: threading.Event) -> None:
        while not done.wait(_EVERY_SECONDS):
            reader.read()
        reader.read()

    with in_background("spark log", read, _JOIN_SECONDS):
        yield


class Reader:
    """Reads what has come to a file since the last time; begins at its end."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._read = log.stat().st_size if log.exists() else 0

    def read(self) -> None:
        """Say the whole lines that have come."""
        try:
            with self._log.open("rb") as file:
                if file.seek(0, os.SEEK_END) < self._read:
                    # It has become large and was put aside: this is a new one.
                    self._read = 0
                file.seek(self._read)
                new = file.read()
        except OSError:
            return
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            if line.strip():
                _say(line.rstrip())


def _say(line: str) -> None:
    found = _LINE.fullmatch(line)
    if found is None:
        logger().debug(line, logger="spark")
    else:
        logger().log(_LEVELS.get(found["level"], logging.DEBUG), found["event"], logger=f"spark {found['logger']}")
