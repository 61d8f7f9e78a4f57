"""Stamps: a file beside what was installed that says from what, so that a second `make install` has nothing to do."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path


def digest(files: Sequence[Path], *words: str) -> str:
    """One value that changes when a file's content or a word does."""
    whole = hashlib.sha256()
    for part in (*(file.read_bytes() for file in files), *(word.encode() for word in words)):
        whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


def is_current(stamp: Path, value: str) -> bool:
    """Whether the last installation was made from `value`."""
    return stamp.is_file() and stamp.read_text(encoding="utf-8") == value


def write(stamp: Path, value: str) -> None:
    """Say that an installation from `value` is complete. Call it last."""
    stamp.write_text(value, encoding="utf-8")
