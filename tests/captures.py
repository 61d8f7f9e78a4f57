"""Where the captured frames of the exchanges are: beside the repository, never in it.

Where they are not, a test that needs them is skipped and says so; with `CI=true` it fails.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from src.collect.parsed import Frame
from src.schema.records import Source

_FOLDER = Path(__file__).resolve().parents[2] / "shared" / "exchanges" / "captures"
BINARY_MARKETS = frozenset({"upbit", "bithumb"})
"""Those whose sockets send binary frames."""


class Captured(msgspec.Struct, frozen=True):
    """One line of a capture: a frame that came in, or (with `url`) what a client connected to or sent."""

    message: str | None
    received: float | None = None
    """Unix seconds; null for frames quoted from documentation."""
    source: str = ""
    kind: str = ""
    """Where the frame is from: `capture`, `doc`, `adapted`, `synthetic`; of a request, `connect` or `send`."""
    url: str | None = None
    """Of a request, where it was sent; of the answer of a REST request, what was asked for."""

    def frame(self, market: str) -> Frame:
        """The frame as that market's socket, or its REST interface, gives it."""
        assert self.message is not None
        message = self.message.encode() if market in BINARY_MARKETS else self.message
        return Frame(market, Source.REPLAY, int((self.received or 0) * 1000), message, self.url)


def captures_folder() -> Path:
    """The folder of the captures, `<market>/<channel>*.jsonl`. Skips the test, or fails it with `CI=true`, where there is none."""
    if not _FOLDER.is_dir():
        reason = "the captured frames (../shared/exchanges/captures beside the repository) are not here"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    return _FOLDER


def read_frames(path: Path) -> list[Captured]:
    """The lines of one capture, in order."""
    lines = path.read_bytes().splitlines()
    assert lines, f"{path.name} is empty"
    return [msgspec.json.decode(line, type=Captured) for line in lines]


def captured(market: str, file: str, line: int = 0) -> Captured:
    """One line of a capture of a market, counted from 0."""
    return read_frames(captures_folder() / market / file)[line]
