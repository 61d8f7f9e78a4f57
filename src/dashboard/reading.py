"""Questions of all open pages, each put to the database once per refresh tick: ten pages cost it what one does."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from threading import Lock
from typing import NamedTuple

from src.collect.ledger import LEDGER_TABLE
from src.dashboard.costs import Costs, QuestionCost
from src.dashboard.question import Question, Row
from src.dashboard.stores import Store
from src.errors import CoinSparkError
from src.schema.tables import TableSchema

_KEPT_ROWS = 200_000
"""Of answers in all; with long ticks many different questions would fill the memory."""


class DatabaseAway(CoinSparkError):
    """The database does not answer: what is wrong, in `str`, and `since` when, ms since 1970 UTC."""

    def __init__(self, what: str, since: int) -> None:
        super().__init__(what)
        self.since = since


class Newest(NamedTuple):
    """The newest row of a table."""

    source: str
    time: int
    """`window_start`, ms since 1970 UTC."""


class Reading:
    """Answers questions from the `store` (the ledger's from `ledger_store`), at most one query for each question and tick of `seconds`.

    A failure is an answer as well: a dead database is asked once a tick, and is used again as soon as it answers. A question whose query takes
    longer than a tick is not put once more beside itself: whoever asks it meanwhile gets that answer.
    """

    def __init__(
        self,
        tables: Mapping[str, TableSchema],
        store: Store,
        ledger_store: Store | None = None,
        seconds: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.tables = tables
        self.store = store
        self.costs = Costs()
        self.seconds = seconds
        self.clock = clock
        self._ledger_store = ledger_store or store
        self._answers: dict[Question, tuple[int, Future[list[Row]]]] = {}
        """And the tick in which each was asked for."""
        self._away_since: dict[Store, int] = {}
        self._lock = Lock()

    @property
    def now(self) -> int:
        """The time, ms since 1970 UTC."""
        return round(self.clock() * 1000)

    @property
    def tick(self) -> int:
        """The number of the refresh tick that it is now."""
        return int(self.clock() / self.seconds)

    def rows(self, question: Question) -> list[Row]:
        """The newest rows first. Raises DatabaseAway."""
        with self._lock:
            self.costs.ask(question, self.now)
            tick = self.tick
            self._answers = {asked: known for asked, known in self._answers.items() if known[0] == tick or not known[1].done()}
            is_mine = question not in self._answers
            if is_mine:
                self._make_room()
                self._answers[question] = tick, Future()
            _, answer = self._answers[question]
        if is_mine:
            self._ask(question, answer)
        return answer.result()

    def newest(self, table: str, source: str | None = None) -> Newest | None:
        """The newest row of a table that has windows, of one source where it is given; None where there is none."""
        found = self.rows(Question(table, ("source", "window_start"), (("source", source),) if source else (), limit=1))
        return Newest(found[0]["source"], found[0]["window_start"]) if found else None

    def asked_lately(self) -> list[QuestionCost]:
        """What the questions of the last minute cost, the dearest first, and how many pages share each."""
        with self._lock:
            return self.costs.lately(self.now)

    def _ask(self, question: Question, answer: Future[list[Row]]) -> None:
        store = self._ledger_store if question.table == LEDGER_TABLE.name else self.store
        began = time.perf_counter()
        with self._lock:
            self.costs.queries += 1
        try:
            found = store.rows(self.tables[question.table], question)
        except CoinSparkError as error:
            with self._lock:
                since = self._away_since.setdefault(store, self.now)
            answer.set_exception(DatabaseAway(str(error), since))
        except BaseException as error:
            answer.set_exception(error)
            raise
        else:
            with self._lock:
                self._away_since.pop(store, None)
            answer.set_result(found)
            with self._lock:
                self.costs.answer(question, len(found), time.perf_counter() - began, self.now)

    def _make_room(self) -> None:
        """Forget the oldest answers beyond the rows that are kept; their askers have them."""
        sizes = {asked: len(answer.result()) for asked, (_, answer) in self._answers.items() if answer.done() and answer.exception() is None}
        too_many = sum(sizes.values()) - _KEPT_ROWS
        for asked, size in sizes.items():
            if too_many <= 0:
                break
            del self._answers[asked]
            too_many -= size

    def close(self) -> None:
        """Give connections back."""
        for store in {self.store, self._ledger_store}:
            store.close()
