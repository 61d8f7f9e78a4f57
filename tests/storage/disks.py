"""A small disk that can be full."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_FILLER = ".filler"


@dataclass(frozen=True)
class SmallDisk:
    """A disk of a few MiB at `folder`."""

    folder: Path

    def fill(self) -> None:
        """Leave no byte."""
        with (self.folder / _FILLER).open("ab", buffering=0) as file:
            for size in (1 << 16, 1 << 10, 1):
                try:
                    while file.write(bytes(size)):
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        """Give back what `fill` took."""
        (self.folder / _FILLER).unlink()

    def forbid_writing(self) -> None:
        """From now on it may only be read, also by root."""
        _mounted("mount", "-o", "remount,ro", str(self.folder))


@contextmanager
def small_disk(folder: Path, megabytes: int = 8, owner: str | None = None) -> Iterator[SmallDisk]:
    """Mount one at `folder` for the length of the block; skips the test where that is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        pytest.skip("a small disk can be mounted by root alone")
    options = f"size={megabytes}m" + ("" if owner is None else f",uid={owner}")
    _mounted("mount", "-t", "tmpfs", "-o", options, "coinspark-test", str(folder))
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mounted(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
