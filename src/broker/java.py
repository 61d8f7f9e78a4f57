"""Which Java runs the broker and Spark. Standard library only: `make install` asks here before anything is installed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from src.errors import MissingPartError

OLDEST_VERSION = 17
"""Spark 4 and Kafka 4 need it."""
INSTALLED_FOLDERS = ("/usr/lib/jvm/*", "/Library/Java/JavaVirtualMachines/*/Contents/Home", "/opt/homebrew/opt/openjdk*")
_ANSWER_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Java:
    """A Java that can run everything here. `home` is what JAVA_HOME must be for Spark to use it."""

    home: Path
    version: int

    @property
    def executable(self) -> Path:
        """The `java` program."""
        return self.home / "bin" / "java"


def find_java(environment: Mapping[str, str] = os.environ, installed_folders: tuple[str, ...] = INSTALLED_FOLDERS) -> Java:
    """The first fit Java of JAVA_HOME, PATH and the places where systems install them.

    Raises `MissingPartError` that names what was found instead.
    """
    unfit = []
    for executable in _candidates(environment, installed_folders):
        version, complaint = _examine(executable)
        if version is not None and complaint is None:
            return Java(executable.resolve().parent.parent, version)
        unfit.append(f"{complaint} at {executable}")
    found = f"found {', '.join(unfit)}" if unfit else "found none in JAVA_HOME, PATH or /usr/lib/jvm"
    raise MissingPartError(f"Java {OLDEST_VERSION} or newer is needed ({found}): run `make install`, or install one and set JAVA_HOME to its folder")


def _candidates(environment: Mapping[str, str], installed_folders: tuple[str, ...]) -> Iterator[Path]:
    seen = set()
    for executable in _places(environment, installed_folders):
        if os.access(executable, os.X_OK) and (real := executable.resolve()) not in seen:
            seen.add(real)
            yield executable


def _places(environment: Mapping[str, str], installed_folders: tuple[str, ...]) -> Iterator[Path]:
    if home := environment.get("JAVA_HOME"):
        yield Path(home, "bin", "java")
    if on_path := shutil.which("java", path=environment.get("PATH", "")):
        yield Path(on_path)
    for pattern in installed_folders:
        for folder in sorted(Path("/").glob(pattern.lstrip("/"))):
            yield folder / "bin" / "java"


def _examine(executable: Path) -> tuple[int | None, str | None]:
    """The version, and what makes it unfit. Spark 4 does not start without the vector module, which some runtimes leave out."""
    version, _ = _ask(executable, "-version")
    if version is None:
        return None, "a java that does not say its version"
    if version < OLDEST_VERSION:
        return version, str(version)
    _, succeeded = _ask(executable, "--add-modules", "jdk.incubator.vector", "-version")
    return version, None if succeeded else f"{version} without the module jdk.incubator.vector"


def _ask(executable: Path, *arguments: str) -> tuple[int | None, bool]:
    try:
        answer = subprocess.run([executable, *arguments], capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None, False
    said = re.search(r'version "(?:1\.)?(\d+)', answer.stderr + answer.stdout)
    return int(said.group(1)) if said else None, answer.returncode == 0
