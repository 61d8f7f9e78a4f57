"""One series of a SeriesMetric: windows that are still open, and the last closed ones, which may be corrected. Pure; the state is Spark's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from src.preprocess.series import BEGINNING, Row, SeriesMetric, Taken, taken

CORRECTABLE = 64
"""How many closed windows of a series can still be corrected."""
KEPT_MS = 7 * 86_400_000
"""So long, and as long as `CORRECTABLE` windows, after its last window a series is forgotten; and no window that long ago is corrected."""
Window = tuple[int, int]
"""Beginning and end, ms since 1970 UTC: the order in which windows are taken."""
WindowRows = dict[str, dict[str, bytes]]
"""The rows of a window as they came, JSON, by metric and then by what tells the rows of one window apart."""


def forgotten_from(window: Window) -> int:
    """How far a source must have come (ms since 1970 UTC) for this window to be corrected no more, and one that ended with it to be forgotten."""
    start, end = window
    return end + CORRECTABLE * (end - start) + KEPT_MS


class ClosedWindow(msgspec.Struct, array_like=True):
    """A window that the fold has taken, and what the fold knew before it (MessagePack)."""

    window: Window
    rows: WindowRows
    before: bytes


class SeriesState(msgspec.Struct, array_like=True):
    """What is kept of a series between batches, its closed windows apart."""

    open: dict[Window, WindowRows] = msgspec.field(default_factory=dict)
    after: bytes = BEGINNING
    """What the fold knows after the newest closed window (MessagePack)."""
    closed: int = 0
    """How many windows were closed since the beginning."""
    newest: Window | None = None
    """The newest closed window."""

    @property
    def forgotten_from(self) -> int | None:
        """As `forgotten_from`; None while a window is open."""
        return None if self.open or self.newest is None else forgotten_from(self.newest)


class History(Protocol):
    """The last closed windows of a series, by their number modulo `CORRECTABLE`: a new one takes the place of the oldest."""

    def get(self, slot: int) -> ClosedWindow:
        """The window in a slot that was put."""

    def put(self, slot: int, closed: ClosedWindow) -> None:
        """Keep a window."""


class SeriesFold:
    """One series for the length of a batch: `take` the rows that came, then `close`.

    columns: by metric in `of` its columns. Rows written by an earlier version have null for those that they lack.
    """

    def __init__(self, metric: SeriesMetric, named: Row, columns: Mapping[str, Sequence[str]], state: SeriesState, history: History) -> None:
        self.metric = metric
        self._named = named
        self._columns = columns
        self._state = state
        self._history = history
        self._loaded: list[ClosedWindow] = []
        self._corrected: dict[Window, WindowRows] = {}
        self.too_old = 0
        """Rows that would have changed a window too long closed, and were not used."""
        self.unfit = 0
        """Rows of closed windows that the metric's fold could not take, each counted once."""
        self.fault = ""
        """Why, of one of them."""

    def take(self, metric: str, window: Window, row_key: str, row: bytes) -> None:
        """Take the newest value of a row. An open window keeps it, a closed one is corrected by it."""
        if self._is_forgotten(window):
            self.too_old += 1
            return
        found = next((closed for closed in self._since(window) if closed.window == window), None)
        if found is None:
            self._state.open.setdefault(window, {}).setdefault(metric, {})[row_key] = row
            return
        kept = self._corrected.get(window, found.rows)
        if kept.get(metric, {}).get(row_key) != row:
            self._corrected[window] = {**kept, metric: {**kept.get(metric, {}), row_key: row}}

    def close(self, closed_until: int) -> list[dict[str, Any]]:
        """Take each window that ended at or before `closed_until` and each corrected one, in order, and return the rows that are new or changed.

        A row that a correction has taken away comes with its keys and nulls.
        """
        fresh = {window: self._state.open.pop(window) for window in sorted(self._state.open) if window[1] <= closed_until}
        for window in [window for window in fresh if self._is_forgotten(window)]:
            self.too_old += sum(len(rows) for rows in fresh.pop(window).values())
        if not fresh and not self._corrected:
            return []
        earlier = {closed.window: closed for closed in self._since(min([*fresh, *self._corrected]))}
        state = next(iter(earlier.values())).before if earlier else self._state.after
        first = self._state.closed - len(earlier)
        total = self._state.closed + len(fresh)
        changed = []
        self._loaded = []
        for number, window in enumerate(sorted([*earlier, *fresh]), first):
            old = earlier.get(window)
            rows = fresh[window] if old is None else self._corrected.get(window, old.rows)
            before = state
            now = self._step(before, rows)
            known = Taken(BEGINNING, ()) if old is None else self._step(old.before, old.rows)
            state = now.state
            changed += self._changed(window, now.rows, known.rows)
            if now.fault is not None and known.fault is None:
                self.unfit += sum(len(rows.get(name, {})) for name in self.metric.of)
                self.fault = f"{' '.join(map(str, self._named.values()))}: {now.fault}"
            if number >= total - CORRECTABLE:
                self._history.put(number % CORRECTABLE, ClosedWindow(window, rows, before))
            self._state.newest = window
        self._corrected = {}
        self._state.after, self._state.closed = state, total
        return changed

    def _step(self, before: bytes, rows: WindowRows) -> Taken:
        given = {name: [self._row(name, text) for _, text in sorted(rows.get(name, {}).items())] for name in self.metric.of}
        return taken(self.metric, before, given)

    def _changed(self, window: Window, made: Sequence[Row], known: Sequence[Row]) -> list[dict[str, Any]]:
        keys = [self._row_key(row) for row in made]
        # A table has no way to lose a row: one that is no longer made says nothing any more.
        gone = [key for key in map(self._row_key, known) if key not in keys]
        nulls = [dict.fromkeys(self.metric.columns) | dict(zip(self.metric.row_keys, key, strict=True)) for key in gone]
        named = {**self._named, "window_start": window[0], "window_end": window[1]}
        return [{**named, **row} for row in (*(row for row in made if row not in known), *nulls)]

    def _row_key(self, row: Row) -> tuple[Any, ...]:
        return tuple(row[name] for name in self.metric.row_keys)

    def _row(self, metric: str, text: bytes) -> Row:
        row = msgspec.json.decode(text)
        return {name: row.get(name) for name in self._columns[metric]}

    def _since(self, window: Window) -> list[ClosedWindow]:
        """The closed windows that can be corrected, from `window` on, oldest first. They are read from the newest back, as far as asked for."""
        if self._state.newest is None or window > self._state.newest:
            return []
        while len(self._loaded) < self._kept and (not self._loaded or self._loaded[0].window > window):
            self._loaded.insert(0, self._history.get((self._state.closed - len(self._loaded) - 1) % CORRECTABLE))
        return [closed for closed in self._loaded if closed.window >= window]

    def _is_forgotten(self, window: Window) -> bool:
        """Whether it lies before the windows that can be corrected, and more windows were closed than those."""
        if self._state.closed <= CORRECTABLE:
            return False
        return len(self._since(window)) == CORRECTABLE and self._loaded[0].window > window

    @property
    def _kept(self) -> int:
        return min(self._state.closed, CORRECTABLE)
