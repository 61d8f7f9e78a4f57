"""The JDBC driver that Spark's own append needs, into `.bench/jdbc`; nothing of it is in the project's jars. `make bench-sinks` runs it.

Standard library and the installer's own steps only.
"""

from __future__ import annotations

import sys

from bench.ivy_jars import PROJECT, fetch_jars
from install.step import InstallError

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
        fetch_jars("MySQL's JDBC driver for the bench", DRIVER, FOLDER)
    except InstallError as error:
        sys.exit(f"error: {error}")
    _STAMP.write_text(wanted)


if __name__ == "__main__":
    main()
