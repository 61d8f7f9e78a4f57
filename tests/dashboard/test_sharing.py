"""What many askers cost: one query a tick for each question, none beside one that is still being answered, and a dead database asked once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import pytest

from src.config.settings import Settings
from src.dashboard.question import Question
from src.dashboard.reading import DatabaseAway, Newest, Reading
from src.dashboard.stores import SqlStore, Store
from src.dashboard.tables import metric_tables
from src.errors import TransientError
from src.schema.tables import TableSchema
from tests.dashboard.markets import MINUTE, SETTINGS, Filled, tickers
from tests.servers import MariaDb

START = 1_790_000_040_000
TABLES = metric_tables(SETTINGS)


class Clock:
    """A time that the test sets, seconds since 1970."""

    def __init__(self) -> None:
        self.now = 1_790_000_000.0
        self.told: Callable[[], None] | None = None
        """Is called when somebody asks for the time."""

    def __call__(self) -> float:
        if self.told is not None:
            self.told()
        return self.now


class FailingStore(Store):
    """A store that answers only while it is told to."""

    shown = "a store"

    def __init__(self) -> None:
        self.asked = 0
        self.works = False

    def rows(self, schema: TableSchema, question: Question) -> list[dict[str, object]]:  # type: ignore[override]
        del schema, question
        self.asked += 1
        if not self.works:
            raise TransientError("nobody is there")
        return [{"source": "live", "window_start": 5}]

    def close(self) -> None:
        pass


class SlowStore(FailingStore):
    """A store that is asked again, from another thread and a tick later, before it has answered."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.works = True
        self.reading: Reading | None = None
        self.later: Future[Newest | None] | None = None
        self._clock = clock
        self._pool = ThreadPoolExecutor(1)

    def rows(self, schema: TableSchema, question: Question) -> list[dict[str, object]]:  # type: ignore[override]
        if self.later is None:
            assert self.reading is not None
            self._clock.now += 1
            asked = Event()
            self._clock.told = asked.set
            self.later = self._pool.submit(self.reading.newest, "arbitrage")
            asked.wait()
            # The other thread holds the lock since it has asked for the time: whoever gets it behind knows that the question was looked for.
            self.reading.asked_lately()
        return super().rows(schema, question)

    def close(self) -> None:
        self._pool.shutdown()


def test_the_same_question_is_put_once_a_tick_whoever_asks(empty_home: Settings) -> None:
    Filled(empty_home.database_address).close()
    clock = Clock()
    reading = Reading(TABLES, SqlStore(empty_home.database_address), seconds=2.0, clock=clock)
    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(reading.newest, ["arbitrage"] * 40)) == [None] * 40
    assert reading.costs.queries == 1
    clock.now += 1.9
    reading.newest("arbitrage")
    reading.newest("candles")
    assert reading.costs.queries == 2
    clock.now += 0.2
    reading.newest("arbitrage")
    assert reading.costs.queries == 3
    assert len(reading._answers) <= 3
    reading.close()


def test_a_question_whose_answer_takes_longer_than_a_tick_is_not_put_twice_at_once() -> None:
    clock = Clock()
    store = SlowStore(clock)
    store.reading = reading = Reading(TABLES, store, clock=clock)
    assert reading.newest("arbitrage") == Newest("live", 5)
    assert store.later is not None
    assert store.later.result() == Newest("live", 5)
    assert store.asked == 1
    reading.newest("arbitrage")
    assert store.asked == 2, "an answer that was asked for in an earlier tick is none of this one"
    reading.close()


def test_a_dead_database_is_asked_once_a_tick_and_used_again_when_it_answers() -> None:
    clock, store = Clock(), FailingStore()
    reading = Reading(TABLES, store, clock=clock)
    began = reading.now
    for _ in range(2):
        for _ in range(3):
            with pytest.raises(DatabaseAway, match="nobody is there") as away:
                reading.newest("arbitrage")
            assert away.value.since == began
        clock.now += 1
    assert store.asked == 2
    store.works = True
    assert reading.newest("arbitrage") == Newest("live", 5)
    clock.now += 1
    store.works = False
    with pytest.raises(DatabaseAway) as again:
        reading.newest("arbitrage")
    assert again.value.since == began + 3_000


@pytest.mark.mysql
def test_a_server_that_is_killed_and_comes_back(stoppable_mysql: MariaDb) -> None:
    url = stoppable_mysql.url("coin")
    database = Filled(url)
    database.tickers(tickers(START, START + 2 * MINUTE, MINUTE, ("BTC",)))
    database.close()
    clock = Clock()
    reading = Reading(TABLES, SqlStore(url), clock=clock)
    assert reading.newest("arbitrage") == Newest("simulated", START + MINUTE)
    stoppable_mysql.kill()
    clock.now += 1
    with pytest.raises(DatabaseAway, match="cannot be reached"):
        reading.newest("arbitrage")
    stoppable_mysql.start()
    clock.now += 1
    assert reading.newest("arbitrage") == Newest("simulated", START + MINUTE)
    reading.close()
