"""Jars that only a bench needs, by Ivy, into a folder of the bench's own.

Standard library and the installer's own steps only.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from install.step import InstallError, run
from src.broker.java import find_java

PROJECT = Path(__file__).resolve().parents[1]


def fetch_jars(what: str, dependency: tuple[str, str, str], folder: Path, types: tuple[str, ...] = ("jar",)) -> None:
    """Bring `dependency` (organisation, module, revision) and what it needs into `folder`/jars. Raises InstallError."""
    jars, log = folder / "jars", folder / "ivy.log"
    folder.mkdir(parents=True, exist_ok=True)
    ivy = max((PROJECT / ".venv").glob("lib/python*/site-packages/pyspark/jars/ivy-*.jar"))
    settings = ("-settings", os.environ["IVY_SETTINGS"]) if os.environ.get("IVY_SETTINGS") else ()
    shutil.rmtree(jars, ignore_errors=True)
    fetch = (
        *(find_java().executable, "-jar", ivy, *settings, "-cache", folder / "cache", "-dependency", *dependency),
        *("-confs", "default", "-types", *types, "-retrieve", f"{jars}/[artifact]-[revision].[ext]"),
    )
    run(f"Downloading {what}", fetch, log, lambda _: None)
    if not any(jars.glob(f"{dependency[1]}-*.jar")):
        raise InstallError(f"Ivy did not bring {':'.join(dependency)} (all of its output: {log})")
