"""`coin_spark.py normalise`: a file of captured frames as records."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import msgspec
import typer

from src.collect.exchange import Channel
from src.collect.exchanges import exchange
from src.collect.normalise import Normaliser
from src.command import completers
from src.config.settings import load_settings
from src.errors import BadInput, ConfigurationError
from src.logs import logger
from src.long_work import LongWork, long_work

_STANDARD_INPUT = "-"
_MEGABYTE = 1e6
_encode = msgspec.json.Encoder().encode


def normalise(
    market: Annotated[str, typer.Argument(help="The exchange that the frames are from.", show_default=False, autocompletion=completers.market)],
    file: Annotated[str, typer.Argument(help="Captured frames, one a line; - for standard input.", show_default=False)],
    *,
    channel: Annotated[Channel | None, typer.Option(help="Only the records of this channel.", show_default=False)] = None,
    raw_updates: Annotated[bool, typer.Option("--raw-updates", help="Order-book updates as they are, instead of the books they make.")] = False,
) -> None:
    """Print the records in a file of captured frames as JSON lines; problems and a summary on standard error.

    A line is a frame as it came, or a line of a recording: `{"received": unix seconds or null, "message": text}`, with `url` for the answer
    of a REST request. A frame without a time of reception counts as received when it happened.

    Every change of an order book is a record, COINSPARK_BOOK_DEPTH levels deep; a book that broke is one with `valid` false. `usd_rate` is
    null: it needs the other markets of a stream. The exit status is 1 if any frame was malformed.

    Examples:
    - `python coin_spark.py normalise okx recordings/okx/ticker.jsonl`
    - `python coin_spark.py normalise binance frames.jsonl --channel orderbook --raw-updates`
    - `python coin_spark.py normalise upbit - < frames.jsonl`
    """
    normaliser = Normaliser(exchange(market), depth=load_settings().book_depth, channel=channel, raw_updates=raw_updates)
    with _opened(file) as lines, _shown(lines) as work:
        for number, line in enumerate(lines, 1):
            work.step(len(line) / _MEGABYTE)
            if not line.strip():
                continue
            try:
                records = normaliser.read(line.rstrip(b"\r\n"))
            except BadInput as error:
                _warn(number, error.reason)
                continue
            for record in records:
                sys.stdout.write(_encode(record).decode() + "\n")
            for problem in normaliser.problems:
                _warn(number, problem)
    sys.stdout.flush()
    logger().info(_summary(normaliser), **normaliser.counts)
    if normaliser.counts["malformed"]:
        raise typer.Exit(1)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command("normalise")(normalise)


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == _STANDARD_INPUT:
        yield sys.stdin.buffer
        return
    try:
        opened = Path(file).open("rb")  # noqa: SIM115  what is said of a file that cannot be opened is not said of one that is read
    except OSError as error:
        raise ConfigurationError(f"{file} cannot be read: {error.strerror}; check the path and its permissions") from None
    with opened:
        yield opened


def _shown(lines: BinaryIO) -> AbstractContextManager[LongWork]:
    """How much of a file has been read. Records that are printed on a terminal show that themselves."""
    try:
        size = os.fstat(lines.fileno()).st_size / _MEGABYTE
    except OSError:  # standard input that is no file
        size = 0.0
    return long_work("normalising", "MB", size or None, drawn=not sys.stdout.isatty())


def _summary(normaliser: Normaliser) -> str:
    counts = normaliser.counts
    always = [
        f"{counts['frames']} frames",
        f"{counts[Channel.TICKER]} tickers",
        f"{counts[Channel.TRADE]} trades",
        f"{counts[Channel.ORDERBOOK]} order books",
        f"{counts['malformed']} malformed",
    ]
    sometimes = [
        (counts["control"], "control messages"),
        (counts["listings"], "listings"),
        (counts["left_out"], "records of other channels left out"),
        (counts["book_unchanged"], "order-book updates without a change"),
        (counts["book_waiting"], "order-book updates that waited for a snapshot"),
        (counts["broken_books"], "breaks of an order book"),
        (counts["not_finite"], "numbers that became null"),
    ]
    return ", ".join(always + [f"{count} {what}" for count, what in sometimes if count])


def _warn(number: int, problem: str) -> None:
    logger().warning(f"line {number}: {problem}", line=number)
