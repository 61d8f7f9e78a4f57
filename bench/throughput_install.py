"""Flink and its Kafka connector into `.bench/flink`, an environment of its own; nothing of it is in the project's. `make bench-throughput` runs it.

Standard library and the installer's own steps only.
"""

from __future__ import annotations

import sys
import venv

from bench.ivy_jars import PROJECT, fetch_jars
from install.step import InstallError, run

FOLDER = PROJECT / ".bench" / "flink"
PYTHON = FOLDER / "bin" / "python"
JARS = FOLDER / "jars"
FLINK = "apache-flink==2.2.1"
CONNECTOR = ("org.apache.flink", "flink-sql-connector-kafka", "5.0.0-2.2")
_STAMP = FOLDER / "coinspark.stamp"


def main() -> None:
    """Do nothing where both are there; a failure is one line."""
    wanted = " ".join((FLINK, *CONNECTOR))
    if _STAMP.exists() and _STAMP.read_text() == wanted:
        return
    try:
        _install()
    except InstallError as error:
        sys.exit(f"error: {error}")
    _STAMP.write_text(wanted)


def _install() -> None:
    if not PYTHON.exists():
        venv.create(FOLDER, with_pip=True)
    pip = (PYTHON, "-m", "pip", "install", "--disable-pip-version-check", FLINK)
    run("Installing Flink for the bench (700 MB)", pip, FOLDER / "install.log", lambda _: None)
    fetch_jars("Flink's Kafka connector", CONNECTOR, FOLDER, ("jar", "bundle"))


if __name__ == "__main__":
    main()
