"""`coin_spark.py record`: frames of exchanges, live or simulated, to files that `normalise` and replays read."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from src.collect.choice import choose_source
from src.collect.options import CollectOptions, SourceChoice
from src.collect.parsed import Channel
from src.collect.plan import Plan, plan
from src.collect.recorder import Recorder
from src.collect.recording_folder import RecordingFolder, RecordingMetadata
from src.collect.run import stop_signals
from src.collect.status import MarketStatus
from src.command.options import AsJson, Channels, Markets, Symbols, channels_of
from src.config.settings import Settings, load_settings
from src.errors import ConfigurationError, TerminalError
from src.logs import about, logger
from src.long_work import LongWork, long_work
from src.schema.records import Source

_SOURCES = {SourceChoice.LIVE: Source.LIVE, SourceChoice.SIMULATE: Source.SIMULATED}


def record(
    *,
    markets: Markets = None,
    channels: Channels = "all",
    symbols: Symbols = None,
    seconds: Annotated[float | None, typer.Option(help="End after so long. Default: at Ctrl-C.", show_default=False)] = None,
    out: Annotated[Path | None, typer.Option(help="A new folder. Default: recordings/ and the time in UTC.", show_default=False)] = None,
    source: Annotated[SourceChoice, typer.Option(help="Where frames come from.", metavar="live|simulate")] = SourceChoice.LIVE,
    as_json: AsJson = False,
) -> None:
    """Write frames of exchanges to files, as they come: a folder with `<market>/<channel>.jsonl`, `events.jsonl` and `metadata.json`.

    Acknowledgements, heartbeats and what no parser reads are in `<market>/control.jsonl`; order-book snapshots that are asked for by REST are
    among the changes. A line of progress comes every 10 s; with `--json` the metadata are printed at the end. Kafka is not used.

    Examples:
    - `python coin_spark.py record --markets okx,kraken --channels orderbook --symbols BTC --seconds 60`
    - `python coin_spark.py record --out recordings/monday`
    - `python coin_spark.py record --source simulate --seconds 10 --json`
    """
    if source not in _SOURCES:
        raise ConfigurationError(f"--source {source}: what can be recorded is live or simulate")
    if seconds is not None and not seconds > 0:
        raise ConfigurationError(f"--seconds {seconds:g}: must be a number above 0")
    settings = load_settings(symbols=symbols, markets=markets)
    todo = plan(CollectOptions(channels=channels_of(channels), source=source), settings)
    with about(part="record"):
        for remark in todo.remarks:
            _say(remark)
        metadata = asyncio.run(_record(todo, settings, out or _new_folder(), seconds))
    if as_json:
        typer.echo(msgspec.json.encode(metadata))
    if metadata.frames == 0:
        raise TerminalError("not one frame came: see the lines above, and try --source simulate")


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("record")(record)


async def _record(todo: Plan, settings: Settings, out: Path, seconds: float | None) -> RecordingMetadata:
    stop = asyncio.Event()
    for number in stop_signals():
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    channels = sorted({channel for wanted in todo.wanted.values() for channel in wanted}, key=list(Channel).index)
    symbols = sorted({pair.symbol for wanted in todo.wanted.values() for pairs in wanted.values() for pair in pairs})
    folder = RecordingFolder(out, _SOURCES[todo.choice], markets=todo.markets, channels=channels, symbols=symbols, began_time=_now())
    markets: dict[str, MarketStatus] = defaultdict(MarketStatus)
    _say(f"recording {', '.join(todo.markets)} ({', '.join(channels)}) to {out}" + (f" for {seconds:g} s" if seconds else " until Ctrl-C"))
    choosing = asyncio.create_task(choose_source(todo, settings, markets, _say))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait([choosing, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not choosing.done():
        choosing.cancel()
        await asyncio.gather(choosing, return_exceptions=True)
        return folder.close(_now())
    with long_work("recording", "s" if seconds else "frames", seconds) as work:
        recorder = Recorder(todo.exchanges, folder, markets, _say, _shown_by(work, seconds))
        metadata = await recorder.run(choosing.result(), stop, seconds)
    _say(f"recorded {metadata.frames} frames, {metadata.bytes / 1e6:.1f} MB, in {len(metadata.files)} files in {out}")
    return metadata


def _shown_by(work: LongWork, seconds: float | None) -> Callable[[RecordingMetadata], bool]:
    """Shows by a bar how much of the time has passed and how much has come; where there is none, the recorder's lines tell it."""
    began = time.monotonic()

    def show(metadata: RecordingMetadata) -> bool:
        if work.is_drawn:
            size, passed = f"{metadata.bytes / 1e6:.1f} MB", time.monotonic() - began
            if seconds is None:
                work.reach(metadata.frames, note=size)
            else:
                rate = f"{metadata.frames / max(passed, 1):,.0f} frames/s"
                work.reach(min(seconds, passed), note=f"{metadata.frames:,} frames, {rate}, {size}")
        return work.is_drawn

    return show


def _new_folder() -> Path:
    return Path("recordings") / datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%SZ")


def _now() -> int:
    return time.time_ns() // 1_000_000


def _say(line: str) -> None:
    logger().info(line)
