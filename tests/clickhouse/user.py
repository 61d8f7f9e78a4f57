"""A user of the embedded ClickHouse in a process of its own: takes a lease, then does what it is told on standard input, a word a line.

Answers are JSON, one a line: at the start {"pid": ..., "url": ...}, and to `ensure` whether it started it again.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from src.clickhouse.embedded import EmbeddedClickHouse
from src.config.settings import load_settings


def main(home: str, port: str) -> None:
    settings = load_settings(home=Path(home), clickhouse_port=int(port))
    with EmbeddedClickHouse(settings).acquire("a test's user") as lease:
        answer({"pid": os.getpid(), "url": lease.url})
        for line in sys.stdin:
            if line.strip() == "ensure":
                answer({"restarted": lease.ensure_running()})
            elif line.strip() == "leave":
                break
    answer({"left": True})


def answer(value: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
