"""Live rows: each subscription is looked at once a tick, however many clients have it, and what is new or changed is handed to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from src.dashboard.api.limits import Limits
from src.dashboard.api.parameters import Value
from src.dashboard.api.problems import Refused
from src.dashboard.api.served import ServedTable
from src.dashboard.question import Question, Row
from src.dashboard.reading import DatabaseAway, Reading

_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode
Take = Callable[[str], None]
"""Is handed the JSON of a message's members behind its id, without the brace before them."""


class Subscription(NamedTuple):
    """What is watched: the rows of a table that have these values in their key."""

    table: str
    where: tuple[tuple[str, Value], ...]


@dataclass
class Feed:
    """The newest rows of one subscription, as they were at the last look. Used by the event loop alone."""

    table: ServedTable
    where: tuple[tuple[str, Value], ...]
    watched: int
    takers: dict[object, Take] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    """The newest first."""
    away: DatabaseAway | None = None
    was_read: bool = False
    _seen: dict[tuple[Value, ...], Row] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def look(self, reading: Reading) -> None:
        """Read once, and tell the takers what is new."""
        async with self._lock:
            try:
                found = await asyncio.to_thread(self._read, reading)
            except DatabaseAway as away:
                if self.away is None:
                    self._tell(database_message(away))
                self.away = away
                return
            if self.away is not None:
                self.away = None
                self._tell(database_message(None))
            self._compare(found)

    def newest_message(self, rows: int) -> str:
        """The newest rows as they are now, for somebody who comes to it."""
        return rows_message(self.table.name, self.rows[:rows], is_snapshot=True, is_gap=False)

    def _read(self, reading: Reading) -> list[Row]:
        since = self.table.beginning(reading, self.where, self.watched)
        if since is None:
            return []
        return reading.rows(Question(self.table.name, (), self.where, since, self.watched, is_ordered=True))

    def _compare(self, found: list[Row]) -> None:
        seen = {tuple(row[name] for name in self.table.place): row for row in found}
        changed = [row for key, row in seen.items() if self._seen.get(key) != row]
        # Nothing of what was seen before is among so many rows: there may have been more between.
        is_gap = bool(self._seen) and len(found) == self.watched and seen.keys().isdisjoint(self._seen)
        self.rows, self._seen, self.was_read = found, seen, True
        if changed:
            self._tell(rows_message(self.table.name, changed, is_snapshot=False, is_gap=is_gap))

    def _tell(self, message: str) -> None:
        for take in list(self.takers.values()):
            take(message)


class Feeds:
    """Every subscription that somebody has. `run` looks at all of them once a tick; the questions of one tick are shared with all askers."""

    def __init__(self, reading: Reading, tables: Mapping[str, ServedTable], limits: Limits) -> None:
        self._reading = reading
        self._tables = tables
        self._limits = limits
        self._feeds: dict[Subscription, Feed] = {}

    def __len__(self) -> int:
        return len(self._feeds)

    async def run(self) -> None:
        """Look once a tick until cancelled."""
        seconds = self._reading.seconds
        while True:
            # A little behind the turn of the tick: a look before it would be answered with the tick before.
            await asyncio.sleep(seconds - self._reading.clock() % seconds + min(0.01, seconds / 100))
            for failure in await asyncio.gather(*(feed.look(self._reading) for feed in list(self._feeds.values())), return_exceptions=True):
                if isinstance(failure, Exception):
                    # A fault of ours in one feed must not end all of them.
                    _log.error("a live feed was not read", exc_info=failure)

    async def joined(self, subscription: Subscription, taker: object, take: Take) -> Feed:
        """The feed of a subscription with one more taker, read at least once. Raises Refused when there are too many different ones."""
        feed = self._feeds.get(subscription)
        if feed is None:
            if len(self._feeds) >= self._limits.feeds:
                raise Refused(503, "too many subscriptions", f"{len(self._feeds)} different subscriptions of all clients are open")
            feed = self._feeds[subscription] = Feed(self._tables[subscription.table], subscription.where, self._limits.watched_rows)
        feed.takers[taker] = _nothing
        try:
            if not feed.was_read and feed.away is None:
                await feed.look(self._reading)
        except BaseException:
            self.left(subscription, taker)
            raise
        feed.takers[taker] = take
        return feed

    def left(self, subscription: Subscription, taker: object) -> None:
        """A taker less; a feed that nobody has is forgotten."""
        with suppress(KeyError):
            feed = self._feeds[subscription]
            del feed.takers[taker]
            if not feed.takers:
                del self._feeds[subscription]


def rows_message(table: str, rows: list[Row], *, is_snapshot: bool, is_gap: bool) -> str:
    """Rows, as everybody gets them behind the id of his subscription."""
    return _members({"type": "rows", "table": table, "snapshot": is_snapshot, "gap": is_gap, "rows": rows})


def database_message(away: DatabaseAway | None) -> str:
    """That the database does not answer, or does again."""
    return _members({"type": "database", "answers": away is None, "what": str(away) if away else None, "since": away.since if away else None})


def _members(content: Mapping[str, Any]) -> str:
    return _encode(content).decode()[1:]


def _nothing(message: str) -> None:
    del message
