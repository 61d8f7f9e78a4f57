"""What MySQL and ClickHouse are given, by the programs of their kind that run here; and the health checks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from tests.compose.conftest import COMPOSE, health_check
from tests.doctor.test_stores import http_answering
from tests.servers import LOOPBACK, ROOT, DatabaseServer, database_server_program, free_port, missing


def test_a_server_takes_the_configuration_of_mysql() -> None:
    program = database_server_program()
    if program is None:
        raise missing("no mariadbd or mysqld on this machine")
    user = ["--user=root"] if os.geteuid() == 0 else []
    command = [program, f"--defaults-file={COMPOSE / 'mysql' / 'coinspark.cnf'}", *user, "--help", "--verbose"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "unknown variable" not in done.stderr
    said = {words[0]: words[1] for line in done.stdout.splitlines() if len(words := line.split()) == 2}
    assert said["character-set-server"] == "utf8mb4"
    assert said["collation-server"] == "utf8mb4_bin"
    assert said["innodb-buffer-pool-size"] == str(768 * 1024**2)


@pytest.mark.mysql
def test_the_health_check_of_mysql(compose: dict[str, Any], mysql: DatabaseServer, tmp_path: Path) -> None:
    if shutil.which("mysql") is None:
        raise missing("no mysql client on this machine: `make test` installs one on Debian")
    mysql.execute(
        *("CREATE DATABASE IF NOT EXISTS coinspark", "CREATE OR REPLACE USER coinspark@'%' IDENTIFIED BY 'se cret'"),
        "GRANT ALL ON coinspark.* TO coinspark@'%'",
    )
    secret = tmp_path / "mysql_password"
    shell, option, script = health_check(compose["services"]["mysql"])

    def healthy(port: int | None, password: str) -> bool:
        secret.write_text(password)
        here = script.replace("/run/secrets/mysql_password", str(secret)).replace("--port=3306", f"--port={port}")
        assert str(port) in here
        return subprocess.run([shell, option, here], capture_output=True, check=False).returncode == 0

    try:
        assert healthy(mysql.administrator.port, "se cret")
        assert not healthy(mysql.administrator.port, "wrong")
        assert not healthy(free_port(), "se cret")
    finally:
        mysql.execute("DROP USER coinspark@'%'", "DROP DATABASE coinspark")


def test_the_health_check_of_clickhouse(compose: dict[str, Any]) -> None:
    if shutil.which("wget") is None:
        raise missing("no wget on this machine")
    shell, option, script = health_check(compose["services"]["clickhouse"])

    def healthy(port: int) -> bool:
        return (
            subprocess.run([shell, option, script.replace("127.0.0.1:8123", f"{LOOPBACK}:{port}")], capture_output=True, check=False).returncode == 0
        )

    with http_answering("Ok.\n") as port:
        assert healthy(port)
    with http_answering("no\n") as port:
        assert not healthy(port)
    assert not healthy(free_port())


def test_clickhouse_gets_its_password_from_the_file(compose: dict[str, Any], tmp_path: Path) -> None:
    bash, option, script = compose["services"]["clickhouse"]["entrypoint"]
    (tmp_path / "secret").write_text("se'cret $x\n")
    (tmp_path / "entrypoint.sh").write_text('#!/bin/sh\nprintf %s "$CLICKHOUSE_PASSWORD"\n')
    (tmp_path / "entrypoint.sh").chmod(0o755)
    here = (
        script.replace("$$", "$")
        .replace("/run/secrets/clickhouse_password", f"{tmp_path}/secret")
        .replace("/entrypoint.sh", f"{tmp_path}/entrypoint.sh")
    )
    assert subprocess.run([bash, option, here], capture_output=True, text=True, check=True).stdout == "se'cret $x"


def test_the_configuration_of_clickhouse_is_xml_of_its_kind() -> None:
    root = ET.parse(COMPOSE / "clickhouse" / "coinspark.xml").getroot()  # noqa: S314  (it is our own)
    assert root.tag == "clickhouse"
    assert [child.tag for child in root] == ["logger", "mark_cache_size", "max_server_memory_usage_to_ram_ratio"]


@pytest.mark.parametrize("service", ["collect-ticker", "collect-trade", "collect-orderbook"])
def test_the_health_check_of_a_collector_runs(compose: dict[str, Any], service: str, tmp_path: Path) -> None:
    words = health_check(compose["services"][service])
    assert words[:2] == ["/app/.venv/bin/python", "/app/coin_spark.py"]
    environment = {**os.environ, "COINSPARK_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, str(ROOT / "coin_spark.py"), *words[2:]], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "ok   collectors   none has run here: jobs start theirs\n"), done.stderr
