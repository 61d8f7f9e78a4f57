"""What the dashboard costs the database: in all, by table, and by question with the pages that share it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import NamedTuple

from src.dashboard.question import Question

LATELY_MS = 60_000
"""A page that asked no question for so long is not counted any more."""
_ASKER: ContextVar[str] = ContextVar("asker", default="")


@contextmanager
def asked_by(page: str) -> Iterator[None]:
    """Questions of this thread are those of a page, for the length of the block; "" is no page, as a program that fetches a file."""
    before = _ASKER.set(page)
    try:
        yield
    finally:
        _ASKER.reset(before)


class QuestionCost(NamedTuple):
    """A question that was asked lately."""

    question: Question
    seconds: float
    """Of its last query."""
    rows: int
    answered_time: int
    """When that query was put, ms since 1970 UTC."""
    pages: int
    """Different pages that asked it in the last minute."""


@dataclass
class _Asked:
    pages: dict[str, int] = field(default_factory=dict)
    """When each page asked last, ms since 1970 UTC."""
    asked_time: int = 0
    answered: tuple[float, int, int] | None = None


@dataclass
class Costs:
    """Counts since the start. Not for several threads at once: whoever shares it holds a lock."""

    queries: int = 0
    rows: int = 0
    seconds: float = 0.0
    last: dict[str, tuple[float, int]] = field(default_factory=dict)
    """Of each table's last query, seconds and rows."""
    _asked: dict[Question, _Asked] = field(default_factory=dict)

    def ask(self, question: Question, now: int) -> None:
        """A page asks, whether it costs a query or not. now: ms since 1970 UTC."""
        asked = self._asked.setdefault(question, _Asked())
        asked.asked_time = now
        if page := _ASKER.get():
            asked.pages[page] = now

    def answer(self, question: Question, rows: int, seconds: float, now: int) -> None:
        """A query has answered; what was not asked lately is forgotten."""
        self.rows += rows
        self.seconds += seconds
        self.last[question.table] = (seconds, rows)
        self._asked.setdefault(question, _Asked(asked_time=now)).answered = (seconds, rows, now)
        self._forget(now)

    def lately(self, now: int) -> list[QuestionCost]:
        """The questions of the last minute that have been answered, the dearest first."""
        self._forget(now)
        found = [QuestionCost(question, *asked.answered, len(asked.pages)) for question, asked in self._asked.items() if asked.answered]
        return sorted(found, key=lambda cost: -cost.seconds)

    def _forget(self, now: int) -> None:
        oldest = now - LATELY_MS
        self._asked = {question: asked for question, asked in self._asked.items() if asked.asked_time > oldest}
        for asked in self._asked.values():
            asked.pages = {page: time for page, time in asked.pages.items() if time > oldest}
