"""Java, jars, disk, ports and permissions, where something of them is wrong."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from collections import namedtuple
from pathlib import Path

import pytest

from src.config.settings import Settings
from src.doctor import programs
from src.errors import MissingPartError
from src.monitoring.job_status import JobStatus, write_job_status
from tests.doctor.conftest import Doctor
from tests.servers import LOOPBACK, ROOT

_Usage = namedtuple("_Usage", "total used free")  # noqa: PYI024  (as shutil's own)
GIBIBYTE = 1024**3


def test_a_new_home_is_well_and_stays_as_it_is(doctor: Doctor, tmp_path: Path) -> None:
    answer = doctor()
    assert [line[:3] for line in answer.output.splitlines()] == ["ok "] * 14, answer.output
    assert answer.status == 0
    assert not (tmp_path / "home").exists()


def test_json_is_one_object(doctor: Doctor, tmp_path: Path) -> None:
    answer = doctor("permissions", "--json")
    home = tmp_path / "home"
    assert answer.lines == [{"ok": True, "findings": [{"check": "permissions", "ok": True, "text": f"{home} can be written"}]}]


def test_a_check_that_is_none_is_refused(doctor: Doctor) -> None:
    answer = doctor("kafka")
    assert (answer.status, answer.errors[:45]) == (2, "coinspark: there is no check named 'kafka': T")


def test_a_wrong_setting_is_a_finding(doctor: Doctor) -> None:
    answer = doctor("java", "--json", COINSPARK_BROKER_PORT="hunter2")
    assert answer.status == 1
    (finding,) = json.loads(answer.output)["findings"]
    assert finding["check"] == "settings"
    assert finding["text"].startswith("a setting is wrong: COINSPARK_BROKER_PORT: ")
    assert "hunter2" not in answer.output


def test_without_java(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    def find_none() -> None:
        raise MissingPartError("Java 17 or newer is needed (found 11 at /usr/bin/java): run `make install`")

    monkeypatch.setattr(programs, "find_java", find_none)
    answer = doctor("java")
    assert (answer.status, answer.output) == (1, "fix  java         Java 17 or newer is needed (found 11 at /usr/bin/java): run `make install`\n")


def test_a_check_that_fails_itself_says_no_more_than_what_failed(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("mysql://me:hunter2@here")

    monkeypatch.setattr(programs, "find_java", fail)
    answer = doctor("java ports")
    assert answer.output.startswith("fix  java         this could not be looked at (RuntimeError)")
    assert "hunter2" not in answer.output + answer.errors
    assert "ok   ports" in answer.output


def test_without_jars(doctor: Doctor, tmp_path: Path) -> None:
    answer = doctor("jars", COINSPARK_JARS=str(tmp_path))
    assert answer.status == 1
    assert [line[:70] for line in answer.output.splitlines()] == [
        f"fix  jars         the jars of {name} are not in {tmp_path}/{name}: run `make install`"[:70] for name in ("spark", "broker")
    ]


def test_an_archive_of_classes_that_is_missing_or_old_is_said(doctor: Doctor, tmp_path: Path) -> None:
    for name, jar in (("spark", "spark-sql-kafka-0-10_2.13-4.2.0.jar"), ("broker", "kafka_2.13-4.1.2.jar")):
        (tmp_path / name).mkdir()
        (tmp_path / name / jar).touch()
    (tmp_path / "broker.jsa").touch()
    os.utime(tmp_path / "broker.jsa", (1, 1))
    answer = doctor("jars", COINSPARK_JARS=str(tmp_path))
    spark, broker = answer.output.splitlines()
    assert answer.status == 0
    assert "no archive of their classes" in spark
    assert "older than a jar" in broker


def test_a_taken_port(doctor: Doctor) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        answer = doctor("ports", COINSPARK_METRICS_PORT=str(port))
        assert answer.status == 1
        assert f"fix  ports        port {port} is taken by " in answer.output
        assert "set COINSPARK_METRICS_PORT to a free port" in answer.output
        answer = doctor("ports", COINSPARK_TRADE_METRICS_PORT=str(port))
        assert f"fix  ports        port {port} is taken by " in answer.output
        assert "set COINSPARK_TRADE_METRICS_PORT to a free port" in answer.output
        answer = doctor("ports", COINSPARK_BROKER_PORT=str(port))
        assert f"fix  ports        port {port} is taken by " in answer.output
        assert doctor("ports", COINSPARK_BROKER_PORT=str(port), KAFKA_BOOTSTRAP_SERVERS="elsewhere:9092").status == 0


def test_a_port_at_which_a_job_serves_its_metrics_is_well(doctor: Doctor, tmp_path: Path) -> None:
    write_job_status(tmp_path / "home", JobStatus(kind="ticker", state="running", started_time=1, updated_time=2))
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        answer = doctor("ports", COINSPARK_TICKER_METRICS_PORT=str(port))
        assert answer.status == 0
        assert f"ok   ports        {port} answers: the ticker job's metrics\n" in answer.output


def test_a_home_that_this_user_may_not_write(doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home" / "checkpoints").mkdir(parents=True)
    may = os.access
    # Root may write everywhere: the system's answer for another user is put in its place.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "checkpoints" and may(path, mode))
    answer = doctor("permissions")
    assert (answer.status, answer.output) == (
        1,
        f"fix  permissions  this user may not write {tmp_path}/home/checkpoints: give it the right to, or set COINSPARK_HOME to another folder\n",
    )


def test_secrets_that_others_may_read(doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("DATABASE_URL=sqlite:////tmp/hunter2.db\nCOINSPARK_PROXY=\n")
    monkeypatch.setitem(Settings.model_config, "env_file", file)
    file.chmod(0o644)
    answer = doctor("permissions")
    assert answer.status == 1
    assert f"others of this machine may read {file}, which holds DATABASE_URL: chmod 600 {file}\n" in answer.output
    assert "hunter2" not in answer.output
    file.chmod(0o600)
    assert doctor("permissions").status == 0


def test_a_full_disk(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(100 * GIBIBYTE, 0, GIBIBYTE - 1))
    answer = doctor("disk")
    assert answer.status == 1
    assert "1.0 GiB free" in answer.output
    assert "make room, set COINSPARK_HOME to another disk, or lower COINSPARK_RETENTION_HOURS" in answer.output


def test_room_for_what_is_to_come(doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    with (tmp_path / "home" / "segment").open("wb") as file:
        file.truncate(2 * GIBIBYTE)
    two_days_ago = time.time() - 2 * 24 * 60 * 60
    os.utime(tmp_path / "home" / "segment", (two_days_ago, two_days_ago))
    monkeypatch.setattr(shutil, "disk_usage", lambda _: _Usage(100 * GIBIBYTE, 0, 4 * GIBIBYTE))
    answer = doctor("disk")
    assert "holds 2.00 GiB, about 1.00 GiB a day; 5.0 GiB more before the oldest goes after 7 days" in answer.output
    assert answer.status == 1
    assert doctor("disk", COINSPARK_RETENTION_HOURS="96").status == 0


def test_the_real_jars_are_well(doctor: Doctor) -> None:
    if not (ROOT / ".jars" / "spark").is_dir():
        pytest.skip("the jars are not here: run `make install`")
    assert doctor("jars java").status == 0
