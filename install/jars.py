"""The jars of ivy.xml into `.jars/spark` and `.jars/broker`, by the Ivy that PySpark brings."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from install import stamp
from install.counted import Counted
from install.step import InstallError, run
from src.broker.java import find_java


def install_jars(root: Path) -> bool:
    """Download what ivy.xml names; False when that is done. The download cache is `.jars/cache`: nothing is left outside the project.

    The environment variable IVY_SETTINGS names an Ivy settings file, for a network that reaches jars through a mirror of its own.
    """
    folder = root / ".jars"
    ivy = _ivy(root)
    value = stamp.digest((root / "ivy.xml",), ivy.name)
    if stamp.is_current(folder / "coinspark.stamp", value) and (folder / "spark").is_dir() and (folder / "broker").is_dir():
        return False
    fresh = folder / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    settings = ("-settings", os.environ["IVY_SETTINGS"]) if os.environ.get("IVY_SETTINGS") else ()
    command = (
        *(find_java().executable, "-jar", ivy, *settings, "-cache", folder / "cache", "-ivy", root / "ivy.xml"),
        *("-types", "jar", "bundle", "-retrieve", f"{fresh}/[conf]/[artifact]-[revision].[ext]"),
    )
    run("Downloading the jars of ivy.xml", command, folder / "install.log", shown_of_ivy(Counted("jars")))
    for name in ("spark", "broker"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (fresh / name).rename(folder / name)
    fresh.rmdir()
    stamp.write(folder / "coinspark.stamp", value)
    return True


def _ivy(root: Path) -> Path:
    found = sorted(root.glob(".venv/lib/python*/site-packages/pyspark/jars/ivy-*.jar"))
    if not found:
        raise InstallError("PySpark in .venv has no Ivy: remove .venv and run `make install` again")
    return found[-1]


def shown_of_ivy(counted: Counted) -> Callable[[str], str | None]:
    """What is shown of a line of Ivy's, which first says what it has found, then downloads it."""

    def shown(line: str) -> str | None:
        if re.match(r"\s*found \S+#\S+ in ", line):
            counted.expect(1)
        found = re.search(r"SUCCESSFUL \].*!(\S+)\.jar", line)
        return counted.done(found.group(1)) if found else None

    return shown
