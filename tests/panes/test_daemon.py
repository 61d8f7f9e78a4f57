"""The process that Spark's Python workers are forked from."""

from __future__ import annotations

import subprocess
import sys

from src.config.paths import PROJECT

_THREADS = """
import os
from src.panes.daemon import load
from pathlib import Path
load()
for thread in os.listdir("/proc/self/task"):
    print(Path(f"/proc/self/task/{thread}/comm").read_text().strip())
"""


def test_loading_starts_no_thread_that_a_fork_would_lose() -> None:
    found = subprocess.run([sys.executable, "-c", _THREADS], cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True)
    # jemalloc, which is part of Arrow, stops its thread before a fork and starts another after it.
    assert len([name for name in found.stdout.splitlines() if name != "jemalloc_bg_thd"]) == 1
