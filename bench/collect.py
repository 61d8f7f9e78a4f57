"""How fast the collector is: parsing, beside cryptofeed with the same frames, and the whole of it from a socket to Kafka.

`make bench-collect` runs it, ten minutes; alone on the machine, or the figures are of something else. `ARGS="--minutes 10"` is the run for memory,
`ARGS="--only parse"` or `whole` one half.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench.collect_frames import CAPTURES, FrameSet, frame_sets
from bench.collect_parse import Speed, frames_per_second, parse_speed, pipeline_speed
from bench.collect_rival import PYTHON, Rival, RivalSpeed
from bench.collect_whole import WholeSpeed, whole_speed
from src.collect.parsed import Channel

WHOLE = (("okx", "trade"),)
_ROW = "{:<9} {:<15} {:<20} {:>7} {:>11} {:>12} {:>11} {:>12}  {}"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    frames: FrameSet
    ours: Speed
    pipeline: Speed
    rival: RivalSpeed


def main() -> None:
    """Print the tables. The last line is the comparison over the frames that both read."""
    arguments = _arguments()
    print(f"{os.cpu_count()} cores; load {os.getloadavg()[0]:.1f} at the start")
    last_line = ""
    if arguments.only != "whole":
        last_line = _parse(arguments.rival_python)
    if arguments.only != "parse":
        for market, channel in WHOLE:
            _print_whole(whole_speed(market, channel, arguments.minutes * 60))
    if last_line:
        print(last_line)


def _parse(python: Path) -> str:
    origin = "captures and our simulator" if CAPTURES.is_dir() else "our simulator, as there are no captures here"
    print(f"frames: {origin}; a second is one of processor time, best of 3 rounds")
    print(_ROW.format("channel", "market", "frames", "count", "ours/s", "pipeline/s", "cryptofeed", "+checksums", "of cryptofeed"))
    rows = []
    with ExitStack() as stack:
        rival = stack.enter_context(Rival(python)) if python.exists() else None
        if rival is None:
            print(f"cryptofeed is not at {python}: `make bench-collect` installs it")
        for frames in frame_sets():
            row = Row(frames, parse_speed(frames), pipeline_speed(frames), rival.speed(frames) if rival else RivalSpeed(reason="not installed"))
            print(_row(row), flush=True)
            rows.append(row)
    print("ours/s: parse alone; of books parse and apply, checksums verified. pipeline/s: from frame to Kafka message. Both in frames of the socket.")
    print("cryptofeed: 2.4.1 with a callback that does nothing; it makes bid and ask of a ticker, ours has all fields of the frame.")
    print("+checksums: of books the same with its checksum_validation on, which is off by default; ours always verifies.")
    print(f"over all frames, parse frames/s: {_line(rows)}")
    both = [row for row in rows if row.rival.seconds is not None]
    verified = [row for row in both if row.rival.verified_seconds is not None]
    if verified:
        ours = frames_per_second([(row.frames, row.ours.seconds) for row in verified])
        theirs = frames_per_second([(row.frames, row.rival.verified_seconds or 0.0) for row in verified])
        print(f"books with checksums, frames/s ({_names(verified)}): {ours:,.0f}; cryptofeed with its checks on: {theirs:,.0f}")
    for channel in Channel:
        print(f"both read {channel}: {_names(row for row in both if row.frames.channel is channel)}")
    return f"parse frames/s: {_line(both)}; cryptofeed: {', '.join(f'{_rival_figure(both, channel):.0f}' for channel in Channel)}"


def _row(row: Row) -> str:
    frames, rival = row.frames, row.rival
    return _ROW.format(
        frames.channel,
        frames.market,
        frames.origin,
        frames.counted,
        f"{frames.counted / row.ours.seconds:,.0f}",
        f"{frames.counted / row.pipeline.seconds:,.0f}",
        "-" if rival.seconds is None else f"{frames.counted / rival.seconds:,.0f}",
        "" if rival.verified_seconds is None else f"{frames.counted / rival.verified_seconds:,.0f}",
        rival.reason or f"{rival.callbacks} callbacks, ours {row.ours.records} records",
    )


def _line(rows: Sequence[Row]) -> str:
    names = {Channel.TICKER: "ticker", Channel.TRADE: "trade", Channel.ORDERBOOK: "book"}
    return ", ".join(f"{_figure(rows, channel):.0f} {name}" for channel, name in names.items())


def _figure(rows: Sequence[Row], channel: Channel) -> float:
    return frames_per_second([(row.frames, row.ours.seconds) for row in rows if row.frames.channel is channel])


def _rival_figure(rows: Sequence[Row], channel: Channel) -> float:
    return frames_per_second([(row.frames, row.rival.seconds or 0.0) for row in rows if row.frames.channel is channel])


def _names(rows: Iterable[Row]) -> str:
    return ", ".join(f"{row.frames.market} ({row.frames.origin}, {row.frames.counted})" for row in rows) or "none"


def _print_whole(speed: WholeSpeed) -> None:
    first, last = speed.samples[0], speed.samples[-1]
    print(f"\nthe whole collector: local server -> {speed.market} {speed.channel} -> embedded Kafka, {last.seconds - first.seconds:.0f} s")
    print("seconds  frames     acknowledged  waiting  lost  CPU s  resident MiB")
    for sample in speed.samples:
        print(
            f"{sample.seconds:7.0f}  {sample.frames:<9}  {sample.sent:<12}  {sample.waiting:<7}  {sample.lost:<4}  "
            f"{sample.processor_seconds:5.0f}  {sample.resident:.0f}"
        )
    print(
        f"whole collector: {speed.frames_per_second:,.0f} frames/s, {speed.acknowledged_per_second:,.0f} records/s acknowledged; "
        f"{speed.processor_microseconds:.1f} us of its own processor time a frame, "
        f"which is {1e6 / speed.processor_microseconds:,.0f} frames/s of a whole core"
    )
    print(
        f"resident: {first.resident:.0f} MiB first, {last.resident:.0f} MiB last, {speed.resident_slope:+.2f} MiB a minute over the second half; "
        f"{last.lost} lost\n"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=["parse", "whole"])
    parser.add_argument("--minutes", type=float, default=1.0, help="of the whole collector; 10 to see whether its memory is flat")
    parser.add_argument("--rival-python", type=Path, default=PYTHON, help="a Python that has cryptofeed installed")
    return parser.parse_args()


if __name__ == "__main__":
    main()
