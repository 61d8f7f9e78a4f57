"""The same frames through cryptofeed, in a process of its own that has it installed."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from bench.collect_frames import FrameSet

PYTHON = Path(__file__).resolve().parents[1] / ".bench" / "bin" / "python"
_PROGRAM = Path(__file__).with_name("cryptofeed_parse.py")
_FEEDS: Mapping[str, tuple[str, str]] = {
    "binance": ("BINANCE", "wss://stream.binance.com:9443"),
    "binance_futures": ("BINANCE_FUTURES", "wss://fstream.binance.com"),
    "bithumb": ("BITHUMB", "wss://pubwss.bithumb.com/pub/ws"),
    "bybit": ("BYBIT", "wss://stream.bybit.com/v5/public/spot"),
    "bybit_linear": ("BYBIT", "wss://stream.bybit.com/v5/public/linear"),
    "gateio": ("GATEIO", "wss://api.gateio.ws/ws/v4/"),
    "kraken": ("KRAKEN", "wss://ws.kraken.com"),
    "okx": ("OKX", "wss://ws.okx.com:8443/ws/v5/public"),
    "upbit": ("UPBIT", "wss://api.upbit.com/websocket/v1"),
}
"""Its name for each venue that it knows, and the address, which for Bybit tells spot and contracts apart."""
_FEWEST_CALLBACKS = 0.9


class RivalSpeed(msgspec.Struct, frozen=True):
    """What cryptofeed made of a set of frames."""

    seconds: float | None = None
    """Of one pass; None where it does not read these frames."""
    verified_seconds: float | None = None
    """The same with checksums verified; None where the frames have none that it knows how to verify."""
    callbacks: int = 0
    """What one pass gave."""
    reason: str = ""
    """Why it does not read them."""


@dataclass(frozen=True, slots=True)
class _Job:
    feed: str
    channel: str
    address: str
    messages: list[str]
    answers: dict[str, str]


class Rival:
    """A running cryptofeed; a context manager."""

    def __init__(self, python: Path = PYTHON) -> None:
        self._process = subprocess.Popen([str(python), str(_PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.communicate()

    def speed(self, frames: FrameSet) -> RivalSpeed:
        """The same frames, in the same order, in its hands. What it makes no callbacks of, it does not read."""
        if frames.market not in _FEEDS:
            return RivalSpeed(reason="does not know the venue")
        feed, address = _FEEDS[frames.market]
        messages = [_text(frame.message) for frame in frames.frames if frame.url is None]
        answers = {frame.url: _text(frame.message) for frame in frames.frames if frame.url is not None}
        found = self._asked(_Job(feed, frames.channel.value, address, messages, answers))
        if found.seconds is not None and found.callbacks < _FEWEST_CALLBACKS * len(messages):
            return RivalSpeed(callbacks=found.callbacks, reason=f"{found.callbacks} callbacks for {len(messages)} frames")
        return found

    def _asked(self, job: _Job) -> RivalSpeed:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(msgspec.json.encode(job) + b"\n")
        process.stdin.flush()
        return msgspec.json.decode(process.stdout.readline(), type=RivalSpeed)


def _text(message: str | bytes) -> str:
    return message.decode() if isinstance(message, bytes) else message
