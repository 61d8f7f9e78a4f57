"""`coin_spark.py deadletter`: what could not be used, looked at, and sent to where it came from once its cause is mended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Annotated

import kafka
import msgspec
import typer
from kafka.errors import KafkaError
from rich.console import Console
from rich.table import Table

from src.broker.cluster import cluster
from src.broker.connection import client_options
from src.broker.ranges import TopicPartition
from src.broker.topic_reader import EARLIEST, read_topic
from src.broker.topic_tools import describe_topic
from src.broker.topics import beginning_offsets, end_offsets
from src.command import completers
from src.command.asking import ask_before
from src.command.options import AsJson, Yes
from src.command.times import read_moment, show_moment
from src.config.settings import load_settings
from src.errors import TransientError
from src.logs import logger
from src.long_work import long_work
from src.schema.records import DEAD_LETTER_TOPIC, DeadLetter

_SHOWN_BYTES = 80
_SEND_SECONDS = 30
REPLAYED_FROM = "replayed_from"
"""The header of a message that was sent again: the place its bytes came from first."""

Topic = Annotated[str | None, typer.Option(help="Only letters of this source topic.", show_default=False, autocompletion=completers.topics)]
Since = Annotated[str | None, typer.Option(help="Only letters written at or after this ISO 8601 time.", show_default=False)]

deadletter = typer.Typer(
    name="deadletter",
    help="Look at what could not be used, and send it to its topic again: at KAFKA_BOOTSTRAP_SERVERS, or at the embedded broker.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A dead letter as `list --json` prints it."""

    time: int
    """When it was written, ms since 1970 UTC."""
    reason: str
    topic: str | None
    """Where the bytes came from; null for an exchange's frame, which came from no topic."""
    partition: int | None
    offset: int | None
    origin: str
    market: str | None
    source: str | None
    received_time: int | None
    raw: bytes
    """The bytes as they came; base64 in JSON."""
    raw_size: int
    """How many they were; more than `raw` has when they were cut."""

    @property
    def whole(self) -> bool:
        """Whether all bytes are kept."""
        return len(self.raw) == self.raw_size


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What `replay --json` prints."""

    sent: dict[str, int]
    """Messages by topic."""
    without_topic: int
    """Letters of frames, which came from no topic that is still there."""
    cut: int
    """Letters whose bytes were too many to be kept whole."""


@deadletter.command("list")
def list_command(*, topic: Topic = None, since: Since = None, as_json: AsJson = False) -> None:
    """List the dead letters: reason, source topic, partition and offset, and the beginning of the raw bytes; with `--json` a letter a line.

    Examples:
    - `python coin_spark.py deadletter list`
    - `python coin_spark.py deadletter list --topic RegionKorea_TickerPreprocessing --since 2026-01-31T09:00:00Z --json`
    """
    start = _start(since)
    with _kafka("list") as servers:
        found = _found(servers, topic, start)
    if as_json:
        for letter in found:
            typer.echo(msgspec.json.encode(letter))
        return
    table = Table("written", "reason", "from", "partition", "offset", "bytes", "raw")
    for letter in found:
        place = (letter.topic or letter.origin, *("" if number is None else str(number) for number in (letter.partition, letter.offset)))
        table.add_row(show_moment(letter.time), letter.reason, *place, f"{letter.raw_size:,}", _shown(letter.raw))
    Console(markup=False).print(table)


@deadletter.command()
def replay(*, topic: Topic = None, since: Since = None, yes: Yes = False, as_json: AsJson = False) -> None:
    """Send the raw bytes to their source topic and partition again, after asking; the letters stay where they are.

    What is still no record becomes a dead letter again. A job takes a record that is late by now as late, unless it is a backfilled one.
    Each letter is sent once, however often it was delivered; a second `replay` sends it a second time, so name what is wanted by --topic and --since.

    Examples:
    - `python coin_spark.py deadletter replay --since 2026-01-31T09:00:00Z`
    - `python coin_spark.py deadletter replay --topic RegionAsia_TradePreprocessing --yes --json`
    """
    start = _start(since)
    with _kafka("replay") as servers:
        found = _found(servers, topic, start)
        topics = sorted({letter.topic for letter in found if letter.topic is not None})
        partitions = set(beginning_offsets(servers, topics)) if topics else set()
        there = {place.topic for place in partitions}
        whole = [letter for letter in found if letter.topic in there and letter.whole]
        sent = Counter(str(letter.topic) for letter in whole)
        cut = sum(letter.topic in there and not letter.whole for letter in found)
        result = Replayed(sent=dict(sent), without_topic=len(found) - len(whole) - cut, cut=cut)
        _say_left_out(result)
        if whole:
            ask_before(f"Send {len(whole)} messages to {', '.join(f'{name} ({count})' for name, count in sent.items())} at {servers}", yes=yes)
            _send(servers, whole, partitions)
    if as_json:
        return typer.echo(msgspec.json.encode(result))
    return typer.echo(f"Sent {len(whole)} messages.")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(deadletter)


@contextmanager
def _kafka(command: str) -> Iterator[str]:
    """The address of the Kafka of the settings, which runs for the length of the block."""
    with cluster(load_settings(), f"deadletter {command}") as kafka_:
        yield kafka_.bootstrap_servers


def _start(since: str | None) -> str | int:
    return EARLIEST if since is None else read_moment(since, "--since")


def _found(servers: str, topic: str | None, start: str | int) -> list[Letter]:
    """The letters. Raises ConfigurationError, which names the nearest ones, where there are none and no such topic is there."""
    found = list(_letters(servers, topic, start))
    if topic is not None and not found:
        describe_topic(servers, topic)
    return found


def _letters(servers: str, topic: str | None, start: str | int) -> Iterator[Letter]:
    """Each letter once, however often it was delivered, in the order of its time. A message of the topic that is none is passed over."""
    found: dict[str, Letter] = {}
    if not beginning_offsets(servers, [DEAD_LETTER_TOPIC]):
        return
    with (
        closing(read_topic(servers, DEAD_LETTER_TOPIC, start)) as messages,
        long_work("reading dead letters", "messages", _held(servers, start)) as work,
    ):
        for message in messages:
            work.step()
            try:
                letter = msgspec.json.decode(message.value or b"", type=DeadLetter)
            except msgspec.DecodeError:
                continue
            place = _place(letter.origin)
            if topic is None or (place is not None and place[0] == topic):
                found.setdefault(letter.origin, _letter(letter, message.time, place))
    yield from sorted(found.values(), key=lambda letter: letter.time)


def _held(servers: str, start: str | int) -> int | None:
    """How many messages there are to read; None from a time on, as only reading tells."""
    if start != EARLIEST:
        return None
    begins, ends = beginning_offsets(servers, [DEAD_LETTER_TOPIC]), end_offsets(servers, [DEAD_LETTER_TOPIC])
    return sum(end - begins[place] for place, end in ends.items())


def _letter(letter: DeadLetter, time: int, place: tuple[str, int, int] | None) -> Letter:
    topic, partition, offset = place or (None, None, None)
    return Letter(
        time=time,
        reason=letter.reason,
        topic=topic,
        partition=partition,
        offset=offset,
        origin=letter.origin,
        market=letter.market,
        source=None if letter.source is None else letter.source.value,
        received_time=letter.received_time,
        raw=letter.raw,
        raw_size=letter.raw_size,
    )


def _place(origin: str) -> tuple[str, int, int] | None:
    """Topic, partition and offset of a message's letter; None for a frame's."""
    parts = origin.split("/")
    if len(parts) != 3 or not (parts[1].isdecimal() and parts[2].isdecimal()):  # noqa: PLR2004
        return None
    return parts[0], int(parts[1]), int(parts[2])


def _send(servers: str, letters: list[Letter], partitions: set[TopicPartition]) -> None:
    """Send, each to the partition it was in: that of its key, which a letter does not keep. Returns when the broker has all of them."""
    try:
        producer = kafka.KafkaProducer(**client_options(servers), acks="all", enable_idempotence=True, compression_type="lz4")
        with closing(producer):
            sent = [
                producer.send(
                    letter.topic,
                    letter.raw,
                    partition=letter.partition if (letter.topic, letter.partition) in partitions else None,
                    headers=[(REPLAYED_FROM, letter.origin.encode())],
                )
                for letter in letters
            ]
            with long_work("sending messages", "messages", len(sent)) as work:
                for future in sent:
                    future.get(timeout=_SEND_SECONDS)
                    work.step()
    except KafkaError as error:
        raise TransientError(
            f"Kafka at {servers} did not take all messages: {error}; those that it took are there twice after another replay"
        ) from None


def _say_left_out(result: Replayed) -> None:
    if result.without_topic:
        logger().info(f"{result.without_topic} letters came from no topic that is there (frames of exchanges): they stay.")
    if result.cut:
        logger().info(f"{result.cut} letters were too long to be kept whole: they stay.")


def _shown(raw: bytes) -> str:
    text = raw[:_SHOWN_BYTES].decode(errors="backslashreplace")
    printable = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)
    return printable + ("..." if len(raw) > _SHOWN_BYTES else "")
