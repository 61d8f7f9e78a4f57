"""Recordings made by the simulator, in the exchanges' own formats: one file a market."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from src.collect.exchanges import EXCHANGES
from src.collect.parsed import Channel
from src.collect.simulator import MarketSimulator
from src.config import load_settings

START_MS = 1_790_000_000_000
START_AT = "2026-09-21T14:13:20Z"
SYMBOLS = ("BTC", "ETH")


def record(
    folder: Path, seconds: int, rate: float = 4.0, seed: int = 11, channel: Channel = Channel.TICKER, markets: Sequence[str] = ()
) -> list[str]:
    """Write `seconds` of a simulated market (`markets`, those of the settings without); returns the files.

    What the simulator breaks on purpose is in them too.
    """
    folder.mkdir(parents=True, exist_ok=True)
    exchanges = [EXCHANGES[market] for market in markets or load_settings().markets]
    simulator = MarketSimulator(seed=seed, exchanges=exchanges, symbols=SYMBOLS, channels=(channel,), start_time_ms=START_MS, rate=rate)
    lines: dict[str, list[bytes]] = {}
    for frame in simulator:
        if frame.received_time > START_MS + seconds * 1000:
            break
        message = frame.message.decode(errors="replace") if isinstance(frame.message, bytes) else frame.message
        lines.setdefault(frame.market, []).append(msgspec.json.encode({"received": frame.received_time / 1000, "message": message}))
    files = []
    for market, frames in sorted(lines.items()):
        path = folder / f"{market}.jsonl"
        path.write_bytes(b"\n".join(frames) + b"\n")
        files.append(str(path))
    return files
