"""Archives of Java's classes: used where they are, written where that is asked for, and no hindrance where they fit nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from src.broker.class_archive import WRITING, class_archive_options, ending_seconds
from src.broker.java import find_java


def test_without_an_archive_java_starts_as_it_would(tmp_path: Path) -> None:
    assert class_archive_options(tmp_path / "spark") == ()
    assert ending_seconds(3.0) == 3.0


def test_an_archive_beside_the_jars_is_used(tmp_path: Path) -> None:
    (tmp_path / "spark.jsa").touch()
    assert class_archive_options(tmp_path / "spark") == (f"-XX:SharedArchiveFile={tmp_path}/spark.jsa", "-Xshare:auto")


def test_asked_to_java_writes_one_and_has_the_time_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WRITING, "1")
    (tmp_path / "spark.jsa").touch()
    assert class_archive_options(tmp_path / "spark") == (f"-XX:ArchiveClassesAtExit={tmp_path}/spark.jsa",)
    assert ending_seconds(3.0) > 60


@pytest.mark.parametrize("content", [b"", b"of another Java" * 1000])
def test_java_starts_with_an_archive_that_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "spark.jsa").write_bytes(content)
    answer = subprocess.run(
        [find_java().executable, *class_archive_options(tmp_path / "spark"), "-version"], capture_output=True, text=True, timeout=60, check=False
    )
    assert answer.returncode == 0
    assert "version" in answer.stderr
