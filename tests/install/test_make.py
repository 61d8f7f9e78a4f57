"""The tasks of the Makefile."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.servers import ROOT, free_port


def make(*words: str, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(["make", *words], cwd=folder, env=inherited | environment, capture_output=True, text=True, check=False)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The project as a fresh clone has it, as far as the installation reads it."""
    for name in ("Makefile", "ivy.xml", "poetry.lock", "poetry.toml", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    for name in ("install", "src"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_run_passes_the_words_it_is_given() -> None:
    assert make("--dry-run", "run").stdout.splitlines()[-1] == ".venv/bin/python coin_spark.py ticker --dashboard"
    given = make("--dry-run", "run", "ARGS=ticker --source simulate").stdout
    assert given.splitlines()[-1] == ".venv/bin/python coin_spark.py ticker --source simulate"


def test_test_installs_the_stores_that_tests_run_on_then_checks_then_tests() -> None:
    steps = make("--dry-run", "test").stdout
    order = [steps.index(step) for step in ("install --for-tests", "ruff check", "ruff format --check", "mypy", "poetry run pytest")]
    assert order == sorted(order)


def test_ci_runs_make_test_alone() -> None:
    assert (ROOT / ".ci" / "run").read_text().splitlines()[1:] == ["set -euo pipefail", 'cd "$(dirname "$0")/.."', "make test"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_installing_again_changes_nothing() -> None:
    make("install")
    before = _state()
    again = make("install")
    assert (again.returncode, again.stdout) == (0, "CoinSpark is installed, nothing to do.\n")
    assert _state() == before


def test_without_network_one_line_says_so(clone: Path) -> None:
    unreachable = f"http://127.0.0.1:{free_port()}/simple"
    failed = make("install", folder=clone, PIP_INDEX_URL=unreachable, PIP_FIND_LINKS="", PIP_NO_CACHE_DIR="1")
    assert failed.returncode != 0
    [line] = [line for line in failed.stderr.splitlines() if not line.startswith("make")]
    assert line.startswith("CoinSpark is not installed: Installing Poetry failed: no connection to where it is downloaded from")
    assert "Traceback" not in failed.stdout


def test_without_python_one_line_says_so(clone: Path, tmp_path: Path) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("make", "sh", "bash"):
        (programs / name).symlink_to(str(shutil.which(name)))
    failed = make("install", folder=clone, PATH=str(programs))
    assert failed.returncode != 0
    [line] = [line for line in failed.stderr.splitlines() if not line.startswith("make")]
    assert line.startswith("CoinSpark needs Python 3.11, 3.12 or 3.13, and none is on PATH")


def _state() -> dict[str, str | int]:
    stamps = {str(path): path.stat().st_mtime_ns for path in ROOT.glob(".*/coinspark.stamp")}
    jars = {str(path): path.stat().st_mtime_ns for path in (ROOT / ".jars").glob("*/*.jar")}
    return {**stamps, **jars, "poetry.lock": hashlib.sha256((ROOT / "poetry.lock").read_bytes()).hexdigest()}
