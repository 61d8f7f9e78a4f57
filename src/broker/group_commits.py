"""Tells Kafka how far queries have read, under consumer groups, so that ordinary tools show their lag.

Nothing of CoinSpark reads it: what a query goes on from is its checkpoint. So a commit that fails is a warning at most, and the next one says all
that it would have said.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import kafka
from kafka import KafkaAdminClient
from kafka.structs import OffsetAndMetadata

from src.background import in_background
from src.broker.admin import administration
from src.broker.ranges import TopicPartition
from src.errors import TransientError

Offsets = Mapping[TopicPartition, int]
_EVERY_SECONDS = 1.0
_JOIN_SECONDS = 3.0
_REACH_SECONDS = 3.0
_PATIENCE_SECONDS = 30.0
"""A cluster that has never had a group makes the topic that keeps them, and one whose broker died finds another: nobody needs to know of that."""


class GroupCommits:
    """Commits in a thread of its own what it is given, the newest of each group alone, at most once a second. No member ever joins the groups.

    `done` hears of each attempt, by group, with its error if there was one; `tell` once when they have failed for half a minute.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        done: Callable[[str, Exception | None], None],
        tell: Callable[[str], None],
        patience_seconds: float = _PATIENCE_SECONDS,
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._done = done
        self._tell = tell
        self._patience_seconds = patience_seconds
        self._changed = threading.Lock()
        self._waiting: dict[str, Offsets] = {}
        self._failing_since: float | None = None
        self._has_told = False

    def put(self, group: str, offsets: Offsets) -> None:
        """Commit these soon: offsets of the next messages to be read."""
        if offsets:
            with self._changed:
                self._waiting[group] = offsets

    @contextmanager
    def working(self) -> Iterator[None]:
        """Commit for the length of the block, and at its end what was given last."""
        with in_background("consumer groups", self._work, _JOIN_SECONDS):
            yield

    def _work(self, ended: threading.Event) -> None:
        while not ended.wait(_EVERY_SECONDS):
            if self._waiting:
                self._work_connected(ended)
        if self._waiting:
            self._work_connected(ended)

    def _work_connected(self, ended: threading.Event) -> None:
        """Commit what there is and what comes, over one connection, until a commit fails or the end."""
        try:
            with administration(self._bootstrap_servers, _REACH_SECONDS) as client:
                self._commit(client)
                while not ended.wait(_EVERY_SECONDS):
                    self._commit(client)
                self._commit(client)
        except Exception as error:  # noqa: BLE001  (the client lets errors of many types through, and none of them is a reason to end a job)
            self._failed(error)

    def _commit(self, client: KafkaAdminClient) -> None:
        while self._waiting:
            with self._changed:
                group, offsets = self._waiting.popitem()
            try:
                _commit_group(client, group, offsets)
            except Exception:
                with self._changed:
                    self._waiting.setdefault(group, offsets)
                raise
            self._failing_since, self._has_told = None, False
            self._done(group, None)

    def _failed(self, error: Exception) -> None:
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        for group in list(self._waiting):
            self._done(group, error)
        if now - self._failing_since >= self._patience_seconds and not self._has_told:
            self._has_told = True
            self._tell(f"Kafka takes no offsets of consumer groups, so lag tools show too much; the job goes on ({type(error).__name__}: {error})")


def _commit_group(client: KafkaAdminClient, group: str, offsets: Offsets) -> None:
    places = {kafka.TopicPartition(*place): OffsetAndMetadata(offset, "", -1) for place, offset in offsets.items()}
    for place, error in client.alter_group_offsets(group, places).items():
        if error.errno:
            raise TransientError(f"{error.__name__} for group {group}, {place.topic} {place.partition}")
