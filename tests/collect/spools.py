"""Spools for tests, and what is put into them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from src.collect.message import Message
from src.collect.spool import Lane, Spool
from tests.collect.numbered import numbered

MEGABYTE = 1024 * 1024
TOPIC = "a-topic"
TRADES, QUOTES = Lane.TRADES, Lane.QUOTES


def spool_in(folder: Path, limit: int = MEGABYTE, segment_bytes: int = 1000) -> tuple[Spool, Counter[tuple[str, str]]]:
    """A loaded spool, and what it counted as dropped."""
    dropped: Counter[tuple[str, str]] = Counter()

    def note(lost: Mapping[tuple[str, str], int]) -> None:
        dropped.update(lost)

    spool = Spool(folder, limit, note, segment_bytes)
    spool.load()
    return spool, dropped


def trades(count: int, first: int = 0) -> list[Message]:
    return [numbered(TOPIC, "BTC", first + number) for number in range(count)]


def tickers(count: int) -> list[Message]:
    return [numbered(TOPIC, "BTC", number, "ticker") for number in range(count)]


def read_all(spool: Spool, lane: Lane, *, acknowledge: bool = True) -> list[Message]:
    messages = []
    while found := spool.read(lane):
        messages += found[1]
        if acknowledge:
            spool.acknowledged(lane, found[0], len(found[1]))
    return messages


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
