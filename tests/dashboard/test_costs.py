"""What questions cost, and how many pages share each."""

from __future__ import annotations

from threading import Thread

from src.config.settings import Settings
from src.dashboard.costs import Costs, asked_by
from src.dashboard.question import Question
from src.dashboard.reading import Reading
from src.dashboard.stores import SqlStore
from src.dashboard.tables import metric_tables
from tests.dashboard.markets import SETTINGS
from tests.dashboard.test_sharing import Clock

CHEAP, DEAR = Question("arbitrage", limit=1), Question("candles", limit=2)
NOW = 1_790_000_000_000


def test_a_page_counts_once_and_for_a_minute() -> None:
    costs = Costs()
    for page, time in (("one", NOW), ("one", NOW + 1_000), ("two", NOW + 2_000), ("", NOW + 2_000)):
        with asked_by(page):
            costs.ask(DEAR, time)
    costs.answer(DEAR, 240, 0.25, NOW)
    with asked_by("one"):
        costs.ask(CHEAP, NOW + 3_000)
    costs.answer(CHEAP, 1, 0.001, NOW + 3_000)
    assert [(each.question, each.seconds, each.rows, each.answered_time, each.pages) for each in costs.lately(NOW + 3_000)] == [
        (DEAR, 0.25, 240, NOW, 2),
        (CHEAP, 0.001, 1, NOW + 3_000, 1),
    ]
    assert [(each.question, each.pages) for each in costs.lately(NOW + 61_500)] == [(DEAR, 1), (CHEAP, 1)]
    assert [each.question for each in costs.lately(NOW + 62_500)] == [CHEAP]
    assert costs.lately(NOW + 70_000) == []
    assert (costs.rows, costs.seconds, costs.last) == (241, 0.251, {"candles": (0.25, 240), "arbitrage": (0.001, 1)})


def test_a_question_that_nobody_has_answered_yet_costs_nothing_yet() -> None:
    costs = Costs()
    costs.ask(DEAR, NOW)
    assert costs.lately(NOW) == []


def test_each_thread_asks_for_its_own_page(empty_home: Settings) -> None:
    clock = Clock()
    reading = Reading(metric_tables(SETTINGS), SqlStore(empty_home.database_address), seconds=2.0, clock=clock)

    def visit(page: str) -> None:
        with asked_by(page):
            reading.rows(CHEAP)

    threads = [Thread(target=visit, args=(page,)) for page in ("one", "two", "three", "one")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reading.rows(CHEAP)
    assert reading.costs.queries == 1
    assert [(each.question, each.rows, each.pages) for each in reading.asked_lately()] == [(CHEAP, 0, 3)]
    reading.close()
