"""The ledger's table: every event is a row, once, also when the database was away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from src.collect.ledger import LEDGER_TABLE, Ledger
from src.schema.records import CollectorEvent, EventKind, Source
from src.storage.sql import create_engine, sql_table
from tests.servers import MariaDb

TIME = 1_780_000_000_123
MOMENT = datetime(2026, 5, 28, 20, 26, 40, 123_000, tzinfo=UTC)
DATABASES = [pytest.param("sqlite", id="sqlite"), pytest.param("mysql", id="mysql", marks=pytest.mark.mysql)]
GAP = CollectorEvent(
    kind=EventKind.GAP,
    market="binance",
    channel="trade",
    symbol="BTC",
    quote="USDT",
    source=Source.LIVE,
    event_time=TIME,
    first_time=TIME - 2_000,
    last_time=TIME - 1_000,
    first_sequence="9007199254740993",
    last_sequence="9007199254740999",
    count=5,
    detail="trade ids are missing: 값",
)


def event(number: int, **fields: Any) -> CollectorEvent:
    return CollectorEvent(**({"kind": EventKind.CONNECTED, "market": "okx", "source": Source.LIVE, "event_time": TIME + number} | fields))


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.getfixturevalue("mysql_url")) if request.param == "mysql" else f"sqlite:///{tmp_path / 'coin.db'}"


class Kept:
    """A ledger that is written when the test says so, and what it told."""

    def __init__(self, url: str) -> None:
        self.said: list[str] = []
        self.ledger = Ledger(url, self.said.append)
        self._url = url

    def write(self, *events: CollectorEvent) -> None:
        for one in events:
            self.ledger.note(one)
        asyncio.run(self.ledger.write())

    def has_rows(self) -> bool:
        """Whether there is a table yet, and a row in it."""
        try:
            return bool(self.rows())
        except sa.exc.DBAPIError:
            return False

    def rows(self) -> list[dict[str, Any]]:
        engine = create_engine(self._url)
        try:
            table = sql_table(LEDGER_TABLE, sa.MetaData())
            with engine.connect() as connection:
                return [dict(row) for row in connection.execute(sa.select(table).order_by(table.c.event_time)).mappings()]
        finally:
            engine.dispose()


@pytest.fixture
def kept(url: str) -> Iterator[Kept]:
    made = Kept(url)
    yield made
    asyncio.run(made.ledger.close())


def test_a_row_has_every_field_of_the_event(kept: Kept) -> None:
    kept.write(GAP)
    (row,) = kept.rows()
    assert len(row.pop("event_id")) == 32
    assert row == {
        "kind": "gap",
        "market": "binance",
        "channel": "trade",
        "symbol": "BTC",
        "quote": "USDT",
        "source": "live",
        "event_time": MOMENT,
        "first_time": datetime(2026, 5, 28, 20, 26, 38, 123_000, tzinfo=UTC),
        "last_time": datetime(2026, 5, 28, 20, 26, 39, 123_000, tzinfo=UTC),
        "first_sequence": "9007199254740993",
        "last_sequence": "9007199254740999",
        "count": 5,
        "detail": "trade ids are missing: 값",
    }
    assert kept.said == []


def test_what_is_not_known_is_null(kept: Kept) -> None:
    kept.write(event(0))
    (row,) = kept.rows()
    known = {name: value for name, value in row.items() if value is not None and name != "event_id"}
    assert known == {"kind": "connected", "market": "okx", "source": "live", "event_time": MOMENT, "detail": ""}


def test_the_same_event_twice_is_one_row_and_another_is_another(kept: Kept) -> None:
    kept.write(GAP, GAP, event(1))
    kept.write(GAP, event(1), event(2))
    assert [row["kind"] for row in kept.rows()] == ["gap", "connected", "connected"]


def test_long_texts_are_cut_and_do_not_end_the_ledger(kept: Kept) -> None:
    kept.write(event(1, detail="가" * 500, first_sequence="9" * 1_000))
    kept.write(event(2))
    assert [(row["detail"], row["first_sequence"]) for row in kept.rows()] == [("가" * 255, "9" * 255), ("", None)]
    assert kept.said == []


def test_nothing_noted_is_nothing_written(url: str) -> None:
    made = Kept(url)
    made.write()
    asyncio.run(made.ledger.close())
    with pytest.raises(sa.exc.DBAPIError):
        made.rows()


def test_what_waits_is_written_when_it_closes(url: str) -> None:
    made = Kept(url)
    made.ledger.note(GAP)
    asyncio.run(made.ledger.close())
    assert len(made.rows()) == 1


def test_it_writes_by_itself_until_it_is_cancelled(tmp_path: Path) -> None:
    made = Kept(f"sqlite:///{tmp_path / 'coin.db'}")
    made.ledger.note(GAP)

    async def run() -> None:
        running = asyncio.create_task(made.ledger.run())
        async with asyncio.timeout(30):
            while not made.has_rows():  # noqa: ASYNC110  a database tells nobody
                await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await made.ledger.close()

    asyncio.run(run())
    assert len(made.rows()) == 1


def test_a_database_that_refuses_is_told_once_and_then_left_alone(tmp_path: Path) -> None:
    (tmp_path / "coin.db").write_bytes(b"this is no database" * 100)
    made = Kept(f"sqlite:///{tmp_path / 'coin.db'}")
    made.write(event(1))
    made.write(event(2))
    (line,) = made.said
    assert line.startswith("the ledger is kept on the topic CollectorEvents alone, not in the database: ")
    assert "the file is not a SQLite database" in line


@pytest.mark.mysql
def test_a_database_that_goes_and_comes_back_gets_everything(stoppable_mysql: MariaDb) -> None:
    made = Kept(stoppable_mysql.url("coin"))
    made.write(event(1))
    stoppable_mysql.stop()
    made.write(event(2))
    made.write(event(3))
    stoppable_mysql.start()
    made.write(event(4))
    assert [row["event_time"].microsecond // 1000 for row in made.rows()] == [124, 125, 126, 127]
    assert made.said == []
    asyncio.run(made.ledger.close())


@pytest.mark.mysql
def test_a_database_that_is_not_there_yet_is_told_once_and_waited_for(stoppable_mysql: MariaDb) -> None:
    made = Kept(stoppable_mysql.url("coin"))
    stoppable_mysql.stop()
    made.write(event(1))
    made.write(event(2))
    (line,) = made.said
    assert line.startswith("the ledger is kept on the topic CollectorEvents alone until the database is there: ")
    stoppable_mysql.start()
    made.write(event(3))
    assert len(made.rows()) == 3
    asyncio.run(made.ledger.close())


def test_of_too_many_events_the_newest_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.collect.ledger._KEPT", 3)
    made = Kept(f"sqlite:///{tmp_path / 'coin.db'}")
    made.write(*(event(number) for number in range(5)))
    assert [row["event_time"].microsecond // 1000 for row in made.rows()] == [125, 126, 127]


def test_what_comes_while_it_writes_is_not_lost_when_there_is_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("src.collect.ledger._KEPT", 3)
    made = Kept(f"sqlite:///{tmp_path / 'coin.db'}")
    made.write(event(0))

    async def write_and_note() -> None:
        for number in (1, 2, 3):
            made.ledger.note(event(number))
        writing = asyncio.create_task(made.ledger.write())
        await asyncio.sleep(0)
        # The loop has not gone on to the end of the write: these push out two of what is being written.
        made.ledger.note(event(4))
        made.ledger.note(event(5))
        await writing
        await made.ledger.write()

    asyncio.run(write_and_note())
    assert [row["event_time"].microsecond // 1000 for row in made.rows()] == [123, 124, 125, 126, 127, 128]
