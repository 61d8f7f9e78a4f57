"""The owner process: started by the first who needs it, found by the others, stopped by the last, and alone on its folder."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import clickhouse_connect
import psutil
import pytest

from src.clickhouse.embedded import EmbeddedClickHouse
from src.clickhouse.place import clickhouse
from src.clickhouse.process import RunningClickHouse
from src.config.settings import Settings, load_settings
from src.errors import ConfigurationError, TerminalError
from src.storage.clickhouse import ClickHouseSink
from tests.clickhouse.conftest import User
from tests.servers import ROOT, kill

StartUser = Callable[[], User]


def running(embedded: EmbeddedClickHouse) -> RunningClickHouse:
    found, _ = embedded.status()
    assert found
    return found


def query(url: str, statement: str) -> object:
    client = clickhouse_connect.get_client(dsn=url)
    try:
        return client.command(statement)
    finally:
        client.close()


def test_the_last_user_stops_it_and_a_killed_user_does_not_count(embedded: EmbeddedClickHouse, start_user: StartUser) -> None:
    first, second, third = start_user(), start_user(), start_user()
    process = psutil.Process(running(embedded).pid)

    first.leave()
    second.kill()
    assert [holder.pid for holder in embedded.status()[1]] == [third.process.pid]
    assert process.is_running()
    with pytest.raises(ConfigurationError, match=rf"in use by a test's user \(pid {third.process.pid}\): stop them first, or use --force"):
        embedded.stop()

    third.leave()
    assert not process.is_running()
    assert embedded.status() == (None, [])


def test_one_whose_users_were_killed_is_adopted(embedded: EmbeddedClickHouse, start_user: StartUser) -> None:
    start_user().kill()
    orphan = running(embedded)
    with embedded.acquire("adopter") as lease:
        assert running(embedded) == orphan
        assert query(lease.url, "SELECT 1") == 1
    assert not psutil.pid_exists(orphan.pid)


def test_a_killed_one_is_started_once_by_its_users_and_has_its_rows(settings: Settings, embedded: EmbeddedClickHouse, start_user: StartUser) -> None:
    users = [start_user(), start_user()]
    killed = running(embedded)
    with embedded.acquire("test") as lease:
        query(lease.url, "CREATE TABLE kept (a Int64) ENGINE = MergeTree ORDER BY a")
        query(lease.url, "INSERT INTO kept SELECT number FROM numbers(100000)")
        kill(psutil.Process(killed.pid))

        for user in users:
            user.tell("ensure")
        assert sorted(user.answer()["restarted"] for user in users) == [False, True]
        assert lease.ensure_running() is False

        again = running(embedded)
        assert again.pid != killed.pid
        assert again.port == settings.clickhouse_port
        # The address, its password in it, is the same.
        assert query(lease.url, "SELECT sum(a) FROM kept") == sum(range(100_000))
    for user in users:
        user.leave()
    assert embedded.status() == (None, [])


def test_one_that_is_pinned_outlives_its_users(embedded: EmbeddedClickHouse) -> None:
    pinned = embedded.pin()
    with embedded.acquire("test"):
        pass
    assert embedded.status() == (pinned, [])
    assert embedded.stop() == pinned
    assert not psutil.pid_exists(pinned.pid)
    assert embedded.stop() is None


def test_one_without_its_record_is_replaced_not_joined(embedded: EmbeddedClickHouse, settings: Settings) -> None:
    with embedded.acquire("first"):
        stray = psutil.Process(running(embedded).pid)
        (settings.home / "clickhouse" / "clickhouse.json").unlink()
        with EmbeddedClickHouse(settings).acquire("second"):
            assert running(embedded).pid != stray.pid
            assert not stray.is_running() or stray.status() == psutil.STATUS_ZOMBIE


def test_a_second_owner_of_the_folder_is_refused_and_told_whose_it_is(embedded: EmbeddedClickHouse, settings: Settings) -> None:
    folder = settings.home / "clickhouse"
    with embedded.acquire("test") as lease:
        owner = running(embedded)
        command = [sys.executable, "-m", "src.clickhouse", "--port=1024", "--folder", str(folder)]
        second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert second.returncode == 2
        assert second.stderr == (
            f"{folder} has an owner already (pid {owner.pid}), and one process alone may have it open: reach it over HTTP, or stop it first\n"
        )
        # Nor may the engine in another process have it.
        sink = ClickHouseSink(f"chdb://{folder}/data")
        with pytest.raises(ConfigurationError, match=r"another process has the folder \(one alone may\).*COINSPARK_CLICKHOUSE_URL=embedded"):
            sink.open([])
        sink.close()
        assert query(lease.url, "SELECT 1") == 1


def test_a_taken_port_is_named_with_its_holder_and_its_setting(embedded: EmbeddedClickHouse, settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", settings.clickhouse_port)), pytest.raises(ConfigurationError) as refusal:
        embedded.acquire()
    message = str(refusal.value)
    assert f"port {settings.clickhouse_port} is taken by" in message
    assert f"pid {os.getpid()}" in message
    assert "COINSPARK_CLICKHOUSE_PORT" in message
    assert embedded.status() == (None, [])


def test_it_listens_on_loopback_only_and_no_ctrl_c_reaches_it(embedded: EmbeddedClickHouse) -> None:
    with embedded.acquire("test"):
        process = psutil.Process(running(embedded).pid)
        addresses = {connection.laddr.ip for connection in process.net_connections("inet") if connection.status == psutil.CONN_LISTEN}
        assert addresses == {"127.0.0.1"}
        assert os.getsid(process.pid) != os.getsid(0)


def test_passwords_are_files_of_the_user_alone_and_in_no_command_line_or_log(embedded: EmbeddedClickHouse, settings: Settings) -> None:
    folder = settings.home / "clickhouse"
    with embedded.acquire("test") as lease:
        passwords = [(folder / name).read_text() for name in ("password", "reader-password")]
        assert all(stat.S_IMODE((folder / name).stat().st_mode) == 0o600 for name in ("password", "reader-password"))
        assert len(set(passwords)) == 2
        assert f"coinspark:{passwords[0]}@" in lease.url
        assert f"reader:{passwords[1]}@" in lease.reader_url
        command_line = " ".join(psutil.Process(running(embedded).pid).cmdline())
        with pytest.raises(clickhouse_connect.driver.exceptions.DatabaseError):
            query(lease.url, "SELECT nonsense")
        written = "".join(path.read_text(errors="replace") for path in folder.glob("clickhouse.*"))
        assert not any(password in command_line + written for password in passwords)
        assert not any(password in repr(lease) + repr(vars(lease)) for password in passwords)


def test_data_that_are_no_clickhouse_s_are_quoted(embedded: EmbeddedClickHouse, settings: Settings) -> None:
    folder = settings.home / "clickhouse"
    folder.mkdir(parents=True)
    (folder / "data").write_text("a file")
    with pytest.raises(TerminalError, match=r"the embedded ClickHouse stopped while it started: .*cannot be opened.*clickhouse\.log"):
        embedded.acquire()
    assert embedded.status() == (None, [])


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match=r"cannot write in .*file/home/clickhouse \(Not a directory\).*COINSPARK_HOME"):
        EmbeddedClickHouse(load_settings(home=tmp_path / "file" / "home")).acquire()


def test_asking_for_the_status_or_a_stop_makes_no_folder(settings: Settings) -> None:
    server = EmbeddedClickHouse(settings)
    assert server.status() == (None, [])
    assert server.stop() is None
    assert not settings.home.exists()


def test_the_settings_decide_which_clickhouse_is_used(embedded: EmbeddedClickHouse, settings: Settings) -> None:
    with clickhouse(settings) as none:
        assert none is None
    own = load_settings(home=settings.home, clickhouse_url="http://coin:hunter2SECRET@host/coin", clickhouse_ttl_days=3, clickhouse_cluster="two")
    with clickhouse(own) as place:
        assert place
        assert not place.is_embedded
        assert place.ensure_running() is False
        assert place.url.get_secret_value() == "http://coin:hunter2SECRET@host/coin"
        assert "hunter2SECRET" not in f"{place!r} {own!r}"
        assert (place.sink()._layout.ttl_days, place.sink()._layout.cluster) == (3, "two")
    assert not settings.home.exists()
    with clickhouse(settings.model_copy(update={"clickhouse_url": type(own.clickhouse_url)("embedded")}), "a job") as place:  # type: ignore[misc]
        assert place
        assert place.is_embedded
        assert [holder.purpose for holder in embedded.status()[1]] == ["a job"]
        sink = place.sink()
        sink.open([])
        sink.close()
    assert embedded.status() == (None, [])
