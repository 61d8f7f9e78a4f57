"""What Spark's JVM says: kept in a file that does not grow for ever, and read out of it line by line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from src.logs import configure_logs
from src.logs import spark as spark_module
from src.logs.spark import Reader, followed, put_aside, spark_log


def test_new_lines_are_lines_of_the_log_with_their_level(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("debug")
    log = tmp_path / "ticker.log"
    log.write_text("26/11/22 02:00:00 ERROR Old: of an earlier run\n")
    reader = Reader(log)
    with log.open("a") as file:
        file.write("26/11/22 02:05:11 WARN MicroBatchExecution: falling behind\n\nsomething else\n26/11/22 02:05:12 ERROR Half")
        file.flush()
        reader.read()
        file.write(": a line\n")
    reader.read()
    found = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["level"], line["logger"], line["event"]) for line in found] == [
        ("warning", "spark MicroBatchExecution", "falling behind"),
        ("debug", "spark", "something else"),
        ("error", "spark Half", "a line"),
    ]


def test_a_file_that_is_put_aside_while_it_is_read_goes_on_in_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(spark_module, "LIMIT_BYTES", 10)
    configure_logs("debug")
    log = tmp_path / "ticker.log"
    log.write_text("26/11/22 02:00:00 ERROR Old: of an earlier run\n")
    reader = Reader(log)
    put_aside(log)
    log.write_text("one\n")
    reader.read()
    with log.open("a") as file:
        file.write("two\n")
    reader.read()
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["one", "two"]


def test_what_comes_until_the_end_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("debug")
    log = tmp_path / "ticker.log"
    with followed(log):
        log.write_text("26/11/22 02:05:11 WARN Executor: the last word\n")
    [line] = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert (line["level"], line["event"]) == ("warning", "the last word")


def test_a_large_file_is_put_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spark_module, "LIMIT_BYTES", 10)
    log = spark_log(tmp_path, "ticker")
    put_aside(log)
    log.parent.mkdir()
    log.write_text("short")
    put_aside(log)
    assert log.exists()
    log.write_text("longer than ten")
    put_aside(log)
    assert [path.name for path in log.parent.iterdir()] == ["ticker.log.1"]
