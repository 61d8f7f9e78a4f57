"""`topics consume` and `topics offsets`: what lies in a topic, and where."""

from __future__ import annotations

import signal
import sys
from contextlib import closing
from types import FrameType
from typing import Annotated, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from src.broker.cluster import cluster
from src.broker.topic_reader import EARLIEST, LATEST, Read, offsets_at, read_topic
from src.command.options import AsJson, Topic
from src.command.times import read_moment
from src.config.settings import load_settings


class Placed(msgspec.Struct, frozen=True):
    """A record with its place, as `consume --place` prints it."""

    partition: int
    offset: int
    time: int
    """ms since 1970 UTC, as Kafka has it."""
    key: str | None
    record: msgspec.Raw


def consume(
    topic: Topic,
    *,
    begin_at: Annotated[str, typer.Option("--from", help="Where reading begins.", metavar="earliest|latest|TIME")] = EARLIEST,
    limit: Annotated[int | None, typer.Option(min=0, help="At most so many.", show_default="all")] = None,
    key: Annotated[str | None, typer.Option(help="Only messages of this key, such as upbit:BTC.", show_default=False)] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what comes, until Ctrl-C.")] = False,
    place: Annotated[bool, typer.Option("--place", help="Each line also says partition, offset, time and key.")] = False,
) -> None:
    """Print a topic's records as JSON lines, up to what is there now. A message that is an array of records is a line for each.

    Records of one key come in their order; those of different partitions as Kafka sends them. A value that is no JSON is a JSON string.
    `--from` takes an ISO 8601 time, or milliseconds since 1970, as well.

    Examples:
    - `python coin_spark.py topics consume RegionKorea_TickerPreprocessing --limit 5`
    - `python coin_spark.py topics consume DeadLetter --from 2026-01-31T09:00:00Z --place`
    - `python coin_spark.py topics consume RegionAsia_TickerPreprocessing --from latest --key okx:BTC --follow`
    """
    start: str | int = begin_at if begin_at in {EARLIEST, LATEST} else read_moment(begin_at, "--from")
    signal.signal(signal.SIGTERM, _end)
    try:
        with cluster(load_settings(), f"topics consume {topic}") as kafka:
            _print(kafka.bootstrap_servers, topic, start, limit, key, follow=follow, place=place)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None


def offsets(
    topic: Topic,
    *,
    at: Annotated[str | None, typer.Option(help="Also the first offset at or after this ISO 8601 time.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Show where each partition of a topic begins and ends, and where a time is in it.

    Examples:
    - `python coin_spark.py topics offsets DeadLetter`
    - `python coin_spark.py topics offsets RegionNE_TickerPreprocessing --at 2026-01-31T09:00:00Z --json`
    """
    moment = None if at is None else read_moment(at, "--at")
    with cluster(load_settings(), f"topics offsets {topic}") as kafka:
        found = offsets_at(kafka.bootstrap_servers, topic, moment)
    if as_json:
        return typer.echo(msgspec.json.encode(found))
    table = Table("partition", "begin", "end", *(() if moment is None else ("at",)))
    for one in found:
        at_text = "after the end" if one.at is None else str(one.at)
        table.add_row(str(one.partition), str(one.begin), str(one.end), *(() if moment is None else (at_text,)))
    return Console().print(table)


def _print(servers: str, topic: str, start: str | int, limit: int | None, key: str | None, *, follow: bool, place: bool) -> None:
    left = limit
    out = sys.stdout
    if left == 0:
        return
    with closing(read_topic(servers, topic, start, follow=follow)) as messages:
        for message in messages:
            if key is not None and message.key != key:
                continue
            lines = message.lines()[:left]
            for line in lines:
                out.write((_placed(message, line) if place else line).decode() + "\n")
            if follow:
                out.flush()
            if left is not None:
                left -= len(lines)
                if left <= 0:
                    break


def _placed(message: Read, line: bytes) -> bytes:
    return msgspec.json.encode(Placed(message.partition, message.offset, message.time, message.key, msgspec.Raw(line)))


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    # A stop unwinds like Ctrl-C, so that the lease on the broker is given back.
    raise KeyboardInterrupt
