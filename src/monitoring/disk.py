"""Room on the disk where a job or a collector keeps its files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from src.monitoring.family import Shown
from src.monitoring.names import HOME_FREE, HOME_SIZE


def disk_families(home: Path) -> Iterator[Shown]:
    """Free and whole size of the disk of a folder; nothing where it cannot be asked."""
    try:
        usage = shutil.disk_usage(home)
    except OSError:
        return
    yield HOME_FREE.shown({(): usage.free})
    yield HOME_SIZE.shown({(): usage.total})
