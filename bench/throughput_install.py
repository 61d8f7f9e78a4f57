"""Flink and its Kafka connector into `.bench/flink`, an environment of its own; nothing of it is in the project's. `make bench-throughput` runs it.

Standard library and the installer's own steps only.
"""

from __future__ import annotations

import os
import shutil
import sys
import venv
from pathlib import Path

from install.step import InstallError, run
from src.broker.java import find_java

PROJECT = Path(__file__).resolve().parents[1]
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
    run("Installing Flink for the bench (700 MB)", pip, FOLDER / "install.log", _nothing)
    ivy = max((PROJECT / ".venv").glob("lib/python*/site-packages/pyspark/jars/ivy-*.jar"))
    settings = ("-settings", os.environ["IVY_SETTINGS"]) if os.environ.get("IVY_SETTINGS") else ()
    shutil.rmtree(JARS, ignore_errors=True)
    fetch = (
        *(find_java().executable, "-jar", ivy, *settings, "-cache", FOLDER / "cache", "-dependency", *CONNECTOR),
        *("-confs", "default", "-types", "jar", "bundle", "-retrieve", f"{JARS}/[artifact]-[revision].[ext]"),
    )
    run("Downloading Flink's Kafka connector", fetch, FOLDER / "ivy.log", _nothing)
    if not any(JARS.glob(f"{CONNECTOR[1]}-*.jar")):
        raise InstallError(f"Ivy did not bring {':'.join(CONNECTOR)} (all of its output: {FOLDER / 'ivy.log'})")


def _nothing(line: str) -> None:
    del line


if __name__ == "__main__":
    main()
