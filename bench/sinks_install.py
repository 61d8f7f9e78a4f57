"""The JDBC driver that Spark's own append needs, into `.bench/jdbc`; nothing of it is in the project's jars. `make bench-sinks` runs it.

Standard library and the installer's own steps only.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from install.step import InstallError, run
from src.broker.java import find_java

PROJECT = Path(__file__).resolve().parents[1]
FOLDER = PROJECT / ".bench" / "jdbc"
JARS = FOLDER / "jars"
DRIVER = ("com.mysql", "mysql-connector-j", "9.3.0")
_STAMP = FOLDER / "coinspark.stamp"


def main() -> None:
    """Do nothing where it is there; a failure is one line."""
    wanted = ":".join(DRIVER)
    if _STAMP.exists() and _STAMP.read_text() == wanted:
        return
    try:
        _install()
    except InstallError as error:
        sys.exit(f"error: {error}")
    _STAMP.write_text(wanted)


def _install() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    ivy = max((PROJECT / ".venv").glob("lib/python*/site-packages/pyspark/jars/ivy-*.jar"))
    settings = ("-settings", os.environ["IVY_SETTINGS"]) if os.environ.get("IVY_SETTINGS") else ()
    shutil.rmtree(JARS, ignore_errors=True)
    fetch = (
        *(find_java().executable, "-jar", ivy, *settings, "-cache", FOLDER / "cache", "-dependency", *DRIVER),
        *("-confs", "default", "-types", "jar", "-retrieve", f"{JARS}/[artifact]-[revision].[ext]"),
    )
    run("Downloading MySQL's JDBC driver for the bench", fetch, FOLDER / "ivy.log", _nothing)
    if not any(JARS.glob(f"{DRIVER[1]}-*.jar")):
        raise InstallError(f"Ivy did not bring {':'.join(DRIVER)} (all of its output: {FOLDER / 'ivy.log'})")


def _nothing(line: str) -> None:
    del line


if __name__ == "__main__":
    main()
