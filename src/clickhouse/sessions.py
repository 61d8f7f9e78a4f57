"""Sessions: settings and temporary tables that hold over several requests of one client, under an id that it gave."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from src.clickhouse.engine import Engine
from src.clickhouse.failure import SESSION_IS_LOCKED, SESSION_NOT_FOUND, refusal

DEFAULT_SECONDS = 60
LONGEST_SECONDS = 3600


@dataclass
class _Session:
    handle: Any
    ends: float = 0.0
    busy: threading.Lock = field(default_factory=threading.Lock)


class Sessions:
    """The sessions of an engine. Each ends when it was not used for its time-out; those that ended are closed by later requests."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sessions: dict[tuple[str, str], _Session] = {}
        self._lock = threading.Lock()

    @contextmanager
    def handle(self, user: str, session_id: str | None, seconds: float = DEFAULT_SECONDS, *, must_exist: bool = False) -> Iterator[Any]:
        """The handle of a user's session for the length of a request, or without an id one of the request's own.

        Raises Failure for a session that another request uses now, or that must exist and does not.
        """
        self._end_old()
        if session_id is None:
            handle = self._engine.handle()
            try:
                yield handle
            finally:
                handle.close()
            return
        session = self._taken(user, session_id, must_exist=must_exist)
        try:
            yield session.handle
        finally:
            session.ends = time.monotonic() + min(seconds, LONGEST_SECONDS)
            session.busy.release()

    def close(self) -> None:
        """End them all."""
        with self._lock:
            for session in self._sessions.values():
                with suppress(Exception):
                    session.handle.close()
            self._sessions.clear()

    def _taken(self, user: str, session_id: str, *, must_exist: bool) -> _Session:
        with self._lock:
            session = self._sessions.get((user, session_id))
            if session is None:
                if must_exist:
                    raise refusal(SESSION_NOT_FOUND, "SESSION_NOT_FOUND", f"Session {session_id} not found")
                session = self._sessions[user, session_id] = _Session(self._engine.handle())
            if not session.busy.acquire(blocking=False):
                raise refusal(SESSION_IS_LOCKED, "SESSION_IS_LOCKED", f"Session {session_id} is locked by a concurrent client")
            return session

    def _end_old(self) -> None:
        now = time.monotonic()
        with self._lock:
            for key, session in [*self._sessions.items()]:
                if session.ends < now and session.busy.acquire(blocking=False):
                    del self._sessions[key]
                    session.handle.close()
