"""Two Python environments: `.poetry` holds Poetry, `.venv` holds the project, so that neither's packages disturb the other's."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from install import stamp, system
from install.counted import Counted
from install.step import run

POETRY = ("poetry==2.5.1", "poetry-plugin-pypi-mirror==0.6.5")
_TEST_GROUP = "test-engine"
"""The group of pyproject.toml that is installed for the tests alone: the ClickHouse engine, half a gigabyte."""
_PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def install_poetry(root: Path) -> bool:
    """Install Poetry into `.poetry`; False when it is there."""
    folder = root / ".poetry"
    value = stamp.digest((), *POETRY, _PYTHON_VERSION)
    if stamp.is_current(folder / "coinspark.stamp", value) and _runs(folder / "bin" / "poetry"):
        return False
    _make_environment(folder)
    pip = (folder / "bin" / "python", "-m", "pip", "install", "--progress-bar", "off", "--retries", "2", *POETRY)
    run("Installing Poetry", pip, folder / "install.log", _shown_of_pip)
    stamp.write(folder / "coinspark.stamp", value)
    return True


def install_project(root: Path, *, for_tests: bool = False) -> bool:
    """Install what poetry.lock names into `.venv`, with what only the tests need where it is for them; False when that is done."""
    folder = root / ".venv"
    values = [stamp.digest((root / "poetry.lock",), _PYTHON_VERSION, *words) for words in ((_TEST_GROUP,), ())]
    # What the tests need besides is in nobody's way: an environment that has it is complete for everybody.
    fit = values[:1] if for_tests else values
    if any(stamp.is_current(folder / "coinspark.stamp", value) for value in fit) and _runs(folder / "bin" / "python"):
        return False
    _make_environment(folder)
    poetry = root / ".poetry" / "bin" / "poetry"
    groups = (f"--with={_TEST_GROUP}",) if for_tests else ()
    command = (poetry, "install", "--no-interaction", "--no-ansi", f"--directory={root}", *groups)
    run("Installing the project's packages (PySpark alone is 430 MB)", command, folder / "install.log", shown_of_poetry(Counted("packages")), _poetry_environment(root))
    _link_poetry(folder / "bin" / "poetry")
    stamp.write(folder / "coinspark.stamp", fit[-1])
    return True


def _make_environment(folder: Path) ->def shown_of_poetry(counted: Counted) -> Callable[[str], str | None]:
    """What is shown of a line of Poetry's, which first says how many operations there are."""

    def shown(line: str) -> str | None:
        if operations := re.match(r"Package operations: (\d+) installs?, (\d+) updates?, (\d+) removals?", line):
            counted.expect(sum(map(int, operations.groups())))
        found = re.match(r"\s*- (?:Installing|Updating|Downgrading|Removing) .*?\)", line)
        return counted.done(found.group(0).strip(" -")) if found else None

    return shown
