"""Which process is killed when: a plan drawn beforehand, and a log of what was done."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

JOBS = ("ticker", "trade")
BROKER, DATABASE, CLICKHOUSE = "broker", "database", "clickhouse"
DELIVERED, BETWEEN, ANY_TIME = "delivered", "between", "any time"


@dataclass(frozen=True)
class Kill:
    """One to come. phase: of a job `delivered` or `between` (see job.py) or `any time`; of a server always that."""

    process: str
    phase: str


@dataclass(frozen=True)
class Killed:
    """One that was done: when, what, in which phase, and the newest batch that the jobs had committed, by query."""

    time: float
    process: str
    phase: str
    pid: int
    committed: dict[str, int]


def drawn(count: int, seed: int) -> list[Kill]:
    """Half of them of the jobs; of those two in five between the sinks and the commit; the others of broker, database and ClickHouse in turn."""
    of_jobs = -(-count * 52 // 100)
    hooked = -(-of_jobs * 2 // 5)
    phases = [(DELIVERED, DELIVERED, BETWEEN)[number % 3] if number < hooked else ANY_TIME for number in range(of_jobs)]
    kills = [Kill(JOBS[number % len(JOBS)], phase) for number, phase in enumerate(phases)]
    kills += [Kill((BROKER, DATABASE, CLICKHOUSE)[number % 3], ANY_TIME) for number in range(count - of_jobs)]
    random.Random(seed).shuffle(kills)
    return kills


class Log:
    """Every kill as a line of JSON."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.killed: list[Killed] = []

    def add(self, kill: Kill, phase: str, pid: int, committed: dict[str, int]) -> None:
        """One that was just done."""
        killed = Killed(time.time(), kill.process, phase, pid, committed)
        self.killed.append(killed)
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(killed)) + "\n")

    def counts(self) -> Counter[tuple[str, str]]:
        """By process and phase."""
        return Counter((each.process, each.phase.split()[0]) for each in self.killed)
