"""The crash test in its short form: each kind of process killed once or twice; `make test-crash` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.kills import ANY_TIME, BETWEEN, BROKER, CLICKHOUSE, DATABASE, DELIVERED, JOBS, drawn
from tests.crash.run import Crash
from tests.servers import database_server_program, missing
from tests.storage.clickhouse_store import require_engine


@pytest.mark.mysql
@pytest.mark.timeout(900)
def test_whatever_is_killed_every_store_holds_what_the_oracle_says(tmp_path: Path) -> None:
    if database_server_program() is None:
        raise missing("there is no mariadbd or mysqld here")
    require_engine()
    crash = Crash(tmp_path, kills=7, records=6_000, seed=5)
    found = crash.run()
    assert (found.lost, found.duplicate, found.different) == (0, 0, 0), "\n".join(found.told)
    assert found.rows > 20_000
    killed = [each.process for each in crash.log.killed]
    assert len(killed) == 7
    assert {*JOBS, BROKER, DATABASE, CLICKHOUSE} == set(killed)
    assert any(each.phase.startswith(DELIVERED) for each in crash.log.killed)


def test_of_a_hundred_kills_half_are_of_jobs_and_a_fifth_between_the_sinks_and_the_commit() -> None:
    plan = drawn(100, seed=1)
    of_jobs = [kill for kill in plan if kill.process in JOBS]
    assert (len(plan), len(of_jobs)) == (100, 52)
    assert sum(kill.phase in {DELIVERED, BETWEEN} for kill in of_jobs) == 21
    assert {kill.phase for kill in plan if kill.process not in JOBS} == {ANY_TIME}
    assert {kill.process for kill in plan} == {*JOBS, BROKER, DATABASE, CLICKHOUSE}
