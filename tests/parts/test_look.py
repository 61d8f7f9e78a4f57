"""How parts stand, out of what they have written down: those of `up`, and those that were started by hand."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from src.clickhouse.process import RunningClickHouse
from src.collect.status import CollectorStatus, MarketStatus, status_path, write_status
from src.command.parts_view import parts_table, span
from src.config.settings import Settings, load_settings
from src.monitoring.job_status import JobStatus, write_job_status
from src.parts import look as module
from src.parts.identity import ProcessIdentity, identity_of
from src.parts.look import PartStatus, all_well, look
from src.parts.record import PartRecord, UpRecord, up_folder, write_record
from src.schema.records import Source
from tests.servers import free_port

GONE = ProcessIdentity(os.getpid(), 1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path, broker_port=free_port(), controller_port=free_port())


@pytest.fixture
def me() -> ProcessIdentity:
    identity = identity_of(os.getpid())
    assert identity is not None
    return identity


def now() -> int:
    return time.time_ns() // 1_000_000


def part(settings: Settings, name: str) -> PartStatus:
    (found,) = (each for each in look(settings) if each.name == name)
    return found


def say_collector(settings: Settings, **said: Any) -> None:
    market = MarketStatus(connected=True, newest_event_time=now() - 2_000, records_per_second=12.5)
    status = CollectorStatus(
        **{"pid": os.getpid(), "channels": ("ticker",), "source": Source.LIVE, "state": "running", "started_time": now(), "updated_time": now()}
        | said,
        markets={"upbit": market, "okx": MarketStatus(note="the socket was closed", records_per_second=2.5)},
    )
    write_status(status_path(settings.home, status.pid), status)


def say_job(settings: Settings, **said: Any) -> None:
    status = {"kind": "ticker", "state": "running", "started_time": now(), "updated_time": now() + 1_000, "batch_id": 7, "lag_records": 5}
    write_job_status(settings.home, JobStatus(**status | {"lag_seconds": 1.25, "input_records_per_second": 80.0} | said))


def of_up(settings: Settings, *parts: PartRecord, supervisor: ProcessIdentity) -> None:
    up_folder(settings.home).mkdir(exist_ok=True)
    write_record(settings.home, UpRecord(supervisor=supervisor, started_time=1, state="running", source="simulate", parts=parts))


def test_nothing_runs(settings: Settings) -> None:
    (broker,) = look(settings)
    assert (broker.name, broker.state, broker.well) == ("broker", "stopped", False)
    assert not all_well([broker])


def test_a_collector_by_hand_says_rate_lag_and_what_is_wrong(settings: Settings) -> None:
    say_collector(settings, waiting=3, queued=4)
    found = part(settings, "collector ticker")
    assert (found.state, found.well, found.pid) == ("running", True, os.getpid())
    assert (found.records_per_second, found.lag_records) == (15.0, 7)
    assert found.lag_seconds is not None
    assert found.lag_seconds >= 2.0
    assert found.problem == "okx: the socket was closed"


@pytest.mark.parametrize(
    ("said", "state", "problem"),
    [
        ({"pid": os.getpid(), "started_time": 1}, "gone", "it was ended from outside"),
        ({"pid": os.getpid(), "started_time": 1, "state": "failed", "message": "no disk"}, "failed", "no disk"),
        ({"updated_time": 1}, "running", "it has said nothing for"),
    ],
)
def test_a_collector_that_is_not_well(settings: Settings, said: dict[str, Any], state: str, problem: str) -> None:
    say_collector(settings, **said)
    found = part(settings, "collector ticker")
    assert (found.state, found.well) == (state, False)
    assert problem in found.problem


def test_what_ended_in_order_is_no_part_any_more(settings: Settings) -> None:
    say_collector(settings, started_time=1, state="stopped")
    say_job(settings, state="stopped")
    assert [each.name for each in look(settings)] == ["broker"]


def test_a_job_by_hand_is_known_by_its_lock_file(settings: Settings) -> None:
    (settings.home / "checkpoints").mkdir()
    (settings.home / "checkpoints" / "ticker.lock").write_text(str(os.getpid()))
    assert part(settings, "ticker").state == "starting"
    say_job(settings)
    found = part(settings, "ticker")
    assert (found.state, found.well, found.pid) == ("running", True, os.getpid())
    assert (found.records_per_second, found.lag_records, found.lag_seconds) == (80.0, 5, 1.2)
    say_job(settings, parked_batches={"clickhouse": 3}, message="ClickHouse is away")
    assert part(settings, "ticker").problem == "ClickHouse is away; 3 batches wait for clickhouse"


def test_a_job_that_was_killed_is_gone(settings: Settings) -> None:
    say_job(settings)
    found = part(settings, "ticker")
    assert (found.state, found.well, found.pid, found.lag_records) == ("gone", False, None, None)


def test_parts_of_up_are_as_up_says(settings: Settings, me: ProcessIdentity) -> None:
    records = (
        PartRecord(name="collector", state="running", process=me, log="/logs/collector.log"),
        PartRecord(name="ticker", state="failed", message="ended with exit status 1: no disk", log="/logs/ticker.log"),
        PartRecord(name="trade", state="restarting", restarts=2, message="was ended by SIGKILL; it starts again in 2 s", log="/logs/trade.log"),
    )
    of_up(settings, *records, supervisor=me)
    assert [(each.name, each.state, each.well) for each in look(settings)] == [
        ("broker", "stopped", False),
        ("collector", "starting", False),
        ("ticker", "failed", False),
        ("trade", "restarting", False),
    ]
    ticker = part(settings, "ticker")
    assert (ticker.problem, ticker.place) == ("ended with exit status 1: no disk", "/logs/ticker.log")
    say_collector(settings)
    assert [each.name for each in look(settings)][:2] == ["broker", "collector"]
    assert part(settings, "collector").well


def test_parts_of_an_up_that_was_killed_are_gone(settings: Settings) -> None:
    of_up(settings, PartRecord(name="ticker", state="running", process=GONE, log="ticker.log"), supervisor=GONE)
    found = part(settings, "ticker")
    assert (found.state, found.well) == ("gone", False)
    assert "`down` stops what it has left" in found.problem


def test_a_kafka_of_the_users_is_asked_whether_it_answers(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path, kafka_bootstrap_servers=f"127.0.0.1:{free_port()}")
    (broker,) = look(settings)
    assert (broker.state, broker.well) == ("unreachable", False)


def test_a_server_of_the_homes_own_runs_once_it_answers(me: ProcessIdentity) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        running = RunningClickHouse(pid=me.pid, port=server.getsockname()[1], started_time=5)
        found = module._embedded("clickhouse", running)
        assert (found.state, found.well, found.place) == ("running", True, f"127.0.0.1:{running.port}")
    found = module._embedded("clickhouse", running)
    assert (found.state, found.well, found.pid, found.started_time) == ("starting", False, me.pid, 5)


def test_all_is_well_when_something_runs_and_nothing_is_wrong() -> None:
    well = PartStatus(name="a", state="running", well=True, pid=1)
    elsewhere = PartStatus(name="b", state="answers", well=True)
    assert all_well([well, elsewhere])
    assert not all_well([elsewhere])
    assert not all_well([well, PartStatus(name="c", state="failed", well=False)])


@pytest.mark.parametrize(("seconds", "text"), [(5, "5 s"), (65, "1 min"), (3_700, "1 h 1 min"), (90_000, "1 d 1 h"), (-3, "0 s")])
def test_spans_for_people(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_the_table_has_units_in_its_heading() -> None:
    table = parts_table([PartStatus(name="ticker", state="running", well=True, pid=5, started_time=0, records_per_second=1_234.5)], 10.0)
    headings = [str(column.header) for column in table.columns]
    assert headings == ["part", "state", "pid", "uptime", "rate\nrecords/s", "lag\nrecords", "lag\ns", "what is to know"]
    cells = [str(next(iter(column.cells))) for column in table.columns]
    assert cells == ["ticker", "running", "5", "10 s", "1,234.5", "", "", ""]
