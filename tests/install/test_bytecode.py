"""Files that are compiled ahead, also where Python may write none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from install import bytecode


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    packages = tmp_path / ".venv" / "lib" / "python3.99" / "site-packages"
    for folder in (packages, tmp_path / "src", tmp_path / ".venv" / "bin"):
        folder.mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").symlink_to(sys.executable)
    (tmp_path / ".venv" / "coinspark.stamp").write_text("installed")
    for file in (packages / "package.py", tmp_path / "src" / "own.py", tmp_path / "coin_spark.py"):
        file.write_text("a = 1\n")
    (packages / "of_python_2.py").write_text("print 1\n")
    return tmp_path


def _compiled(root: Path) -> set[str]:
    return {file.name.split(".")[0] for file in root.rglob("*.pyc")}


def test_packages_are_compiled_once_after_each_installation(root: Path) -> None:
    assert bytecode.compile_packages(root)
    assert _compiled(root) == {"package"}
    assert not bytecode.compile_packages(root)
    (root / ".venv" / "coinspark.stamp").write_text("installed anew")
    assert bytecode.compile_packages(root)


def test_the_projects_own_files_are_compiled_whenever_they_change(root: Path) -> None:
    assert not bytecode.compile_project(root)
    assert _compiled(root) == {"own", "coin_spark"}
    (compiled,) = (root / "src").rglob("*.pyc")
    before = compiled.read_bytes()
    (root / "src" / "own.py").write_text("a = 20\n")
    os.utime(root / "src" / "own.py", (1, 1))
    bytecode.compile_project(root)
    assert compiled.read_bytes() != before
