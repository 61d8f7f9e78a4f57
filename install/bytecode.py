"""Python's files compiled ahead, so that no process has to: Poetry leaves its packages as they came.

Otherwise a process that starts compiles what it loads, and keeps it only where Python may write: not in a container, and not where
PYTHONDONTWRITEBYTECODE is set. A job starts a dozen of them.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from install import stamp
from install.step import say


def compile_packages(root: Path) -> bool:
    """Compile what is installed in `.venv`; False when nothing was installed since."""
    folder = root / ".venv"
    value = stamp.digest((folder / "coinspark.stamp",))
    if stamp.is_current(folder / "bytecode.stamp", value):
        return False
    say("Compiling the packages ...")
    _compile(root, *folder.glob("lib/python*/site-packages"))
    stamp.write(folder / "bytecode.stamp", value)
    return True


def compile_project(root: Path) -> bool:
    """Compile the project's own files that have changed; False, as that is nothing to speak of."""
    _compile(root, *(path for path in (root / "src", root / "coin_spark.py") if path.exists()))
    return False


def _compile(root: Path, *paths: Path) -> None:
    """A file that cannot be compiled, as packages have some for other Pythons, is left as it is: what loads it says what is wrong."""
    python = root / ".venv" / "bin" / "python"
    subprocess.run([python, "-m", "compileall", "-q", "-j", "0", *paths], stdout=subprocess.DEVNULL, check=False)
