"""What happens to a frame between the venue and us: delay, and now and then a frame late, twice or damaged."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import msgspec

_DELAY = (20, 200)  # ms
_LATE_BY = (2_000, 90_000)  # ms: up to more than the usual allowance for lateness
_CHANCE_OF_LATE = 1 / 500
_CHANCE_OF_TWICE = 1 / 500
_CHANCE_OF_DAMAGE = 1 / 800


class Mishaps(msgspec.Struct):
    """How often each thing happened since the start."""

    late: int = 0
    duplicated: int = 0
    malformed: int = 0


class Network:
    """One venue's connection. Frames arrive in the order they were sent, except the late ones."""

    def __init__(self, random: Random, mishaps: Mishaps) -> None:
        self._random = random
        self._mishaps = mishaps
        self._newest = 0

    def carry(self, sent_time: int, message: str | bytes, *, in_order: bool = False) -> Iterator[tuple[int, str | bytes]]:
        """When (ms) and what arrives of a message; damage and all counted in the mishaps. `in_order`: it overtakes nothing."""
        if self._random.random() < _CHANCE_OF_DAMAGE:
            self._mishaps.malformed += 1
            yield self._arrival(sent_time), self._damaged(message)
        elif not in_order and self._random.random() < _CHANCE_OF_LATE:
            self._mishaps.late += 1
            yield sent_time + self._random.randint(*_LATE_BY), message
        elif self._random.random() < _CHANCE_OF_TWICE:
            self._mishaps.duplicated += 1
            yield self._arrival(sent_time), message
            yield self._arrival(sent_time), message
        else:
            yield self._arrival(sent_time), message

    def _arrival(self, sent_time: int) -> int:
        shortest, longest = _DELAY
        delay = shortest + int((longest - shortest) * self._random.betavariate(1.5, 5))
        self._newest = max(self._newest, sent_time + delay)
        return self._newest

    def _damaged(self, message: str | bytes) -> str | bytes:
        """Cut off somewhere, or an array where an object is due."""
        if self._random.random() < 2 / 3:
            return message[: self._random.randrange(1, len(message))]
        return b"[" + message + b"]" if isinstance(message, bytes) else f"[{message}]"
