"""A work shown while it goes on: a bar that redraws itself on a terminal, and elsewhere a line of the log now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from src.logs import logger
from src.long_work.advance import Advance

LINE_SECONDS = 10.0
_DRAW_SECONDS = 0.25


class LongWork:
    """One work that is shown. Whoever does it says how far it is, as often as it likes."""

    def __init__(self, what: str, advance: Advance, bar: Progress | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._what = what
        self._advance = advance
        self._bar = bar
        self._task = None if bar is None else bar.add_task(what, total=advance.total, text="")
        self._clock = clock
        self._next_line = clock() + LINE_SECONDS
        self._next_draw = clock()
        advance.reach(0, clock())

    @property
    def is_drawn(self) -> bool:
        """Whether there is a bar, beside which lines that say the same are one too many."""
        return self._bar is not None

    def step(self, count: float = 1) -> None:
        """So much more is done."""
        self.reach(self._advance.done + count)

    def reach(self, done: float, total: float | None = None, note: str = "") -> None:
        """So much is done by now, of `total` where that is known only now. `note` is shown behind the figures."""
        now = self._clock()
        self._advance.reach(done, now, total)
        if self._bar is not None and self._task is not None:
            if now < self._next_draw:
                return
            self._next_draw = now + _DRAW_SECONDS
            text = ", ".join(filter(None, (self._advance.text(), note)))
            self._bar.update(self._task, completed=done, total=self._advance.total, text=text)
        elif now >= self._next_line:
            self._next_line = now + LINE_SECONDS
            logger().info(f"{self._what}: {', '.join(filter(None, (self._advance.text(), note)))}", work=self._what, **self._advance.fields())


@contextmanager
def long_work(what: str, unit: str, total: float | None = None, *, drawn: bool = True) -> Iterator[LongWork]:
    """Show a work for the length of the block; a bar is gone afterwards. `drawn` False: lines alone, also on a terminal."""
    advance = Advance(unit, total)
    if not (drawn and can_draw()):
        yield LongWork(what, advance, None)
        return
    with bar(Console(stderr=True)) as progress:
        yield LongWork(what, advance, progress)


def bar(console: Console) -> Progress:
    """What draws bars on this console, which is that of standard error."""
    # Lines of the log go above the bar. What a command prints stays where it goes: rich would take it to the bar's console.
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[text]}", markup=False))
    return Progress(*columns, console=console, transient=True, redirect_stdout=_is_terminal(sys.stdout), refresh_per_second=4)


def can_draw() -> bool:
    """Whether standard error is a terminal that a line can be redrawn on."""
    return _is_terminal(sys.stderr) and Console(stderr=True).is_interactive


def _is_terminal(stream: object) -> bool:
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]
    except (AttributeError, ValueError):
        return False
