"""`coin_spark.py topics`: the Kafka topics, made, looked at, read and deleted by hand. Jobs make theirs by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from src.broker.cluster import cluster
from src.broker.group_lag import group_lags
from src.broker.topic_setup import SetUp, set_up_topics
from src.broker.topic_tools import TopicDescription, delete_topics, describe_topic, list_topics
from src.broker.topics import topic_specs
from src.collect.message import TOPICS
from src.command import completers, topics_read
from src.command.asking import ask_before
from src.command.options import AsJson, Topic, Yes
from src.command.times import show_moment
from src.config.settings import load_settings

topics = typer.Typer(
    name="topics",
    help="Make, look at, read and delete Kafka topics: of KAFKA_BOOTSTRAP_SERVERS, or of the embedded broker, which runs as long as the command.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@topics.command()
def setup(*, as_json: AsJson = False) -> None:
    """Make the collector's topics with the partitions, replicas and retention of the settings.

    A topic that is there gets the retention of the settings. Other differences are said, with the way to change them, and left as they are.

    Examples:
    - `python coin_spark.py topics setup`
    - `COINSPARK_TOPIC_REPLICATION=3 COINSPARK_TOPIC_PARTITIONS=6 python coin_spark.py topics setup --json`
    """
    settings = load_settings()
    with _kafka("setup") as servers:
        found = set_up_topics(servers, topic_specs(TOPICS, settings))
    if as_json:
        return _print_json(found)
    rows = [(one.topic, one.state.value, one.partitions, one.replication, _hours(one.retention_hours), _remarks(one)) for one in found]
    return _print_table(("topic", "state", "partitions", "replicas", "retention", "remarks"), rows)


@topics.command("list")
def list_command(*, internal: Annotated[bool, typer.Option("--internal", help="Kafka's own topics too.")] = False, as_json: AsJson = False) -> None:
    """List the topics: partitions, replicas, records (end minus beginning; of a compacted topic at most so many), bytes on disk.

    Examples:
    - `python coin_spark.py topics list`
    - `python coin_spark.py topics list --internal --json`
    """
    with _kafka("list") as servers:
        found = list_topics(servers, internal=internal)
    if as_json:
        return _print_json(found)
    rows = [(one.topic, one.partitions, one.replication, _number(one.records), _number(one.bytes)) for one in found]
    return _print_table(("topic", "partitions", "replicas", "records", "bytes"), rows)


@topics.command()
def describe(topic: Topic, *, as_json: AsJson = False) -> None:
    """Show one topic: its configuration, and of each partition leader, replicas, those in sync, offsets, oldest and newest time.

    Examples:
    - `python coin_spark.py topics describe RegionKorea_TickerPreprocessing`
    - `python coin_spark.py topics describe DeadLetter --json`
    """
    with _kafka("describe") as servers:
        found = describe_topic(servers, topic)
    if as_json:
        return _print_json(found)
    return _print_description(found)


@topics.command()
def lag(
    group: Annotated[str | None, typer.Argument(help="A consumer group. Default: all.", show_default=False)] = None, *, as_json: AsJson = False
) -> None:
    """Show how far consumer groups have read, and how much is before them.

    These are the groups that keep their offsets in Kafka. CoinSpark's jobs keep theirs in checkpoints and show their lag while they run.

    Examples:
    - `python coin_spark.py topics lag`
    - `python coin_spark.py topics lag my-group --json`
    """
    with _kafka("lag") as servers:
        found = group_lags(servers, group)
    if as_json:
        return _print_json(found)
    if not found:
        return typer.echo("No consumer group has committed an offset.")
    rows = [
        (one.group, one.state, one.topic, one.partition, one.committed, _number(one.end), _number(one.lag), _number(one.lost or None))
        for one in found
    ]
    return _print_table(("group", "state", "topic", "partition", "committed", "end", "lag", "lost"), rows)


@topics.command()
def delete(
    names: Annotated[list[str], typer.Argument(metavar="TOPIC...", help="Names of topics.", show_default=False, autocompletion=completers.topics)],
    *,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Delete topics with all they hold, after asking. Kafka's own topics are refused.

    Examples:
    - `python coin_spark.py topics delete DeadLetter`
    - `python coin_spark.py topics delete DeadLetter CollectorEvents --yes`
    """
    unique = list(dict.fromkeys(names))
    with _kafka("delete") as servers:
        for name in unique:
            describe_topic(servers, name)
        ask_before(f"Delete {', '.join(unique)} at {servers} with all records", yes=yes)
        delete_topics(servers, unique)
    if as_json:
        return _print_json({"deleted": unique})
    return typer.echo(f"Deleted {', '.join(unique)}.")


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.add_typer(topics)


@contextmanager
def _kafka(command: str) -> Iterator[str]:
    """The address of the Kafka of the settings, which runs for the length of the block."""
    with cluster(load_settings(), f"topics {command}") as kafka:
        yield kafka.bootstrap_servers


def _print_description(found: TopicDescription) -> None:
    typer.echo(found.topic)
    for name, value in found.configuration.items():
        typer.echo(f"  {name} = {value}")
    rows = [
        (
            one.partition,
            "none" if one.leader is None else one.leader,
            ",".join(map(str, one.replicas)),
            ",".join(map(str, one.in_sync)),
            _number(one.begin),
            _number(one.end),
            show_moment(one.oldest_time),
            show_moment(one.newest_time),
        )
        for one in found.partitions
    ]
    _print_table(("partition", "leader", "replicas", "in sync", "begin", "end", "oldest", "newest"), rows)


def _print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    table = Table()
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*map(str, row))
    Console(markup=False).print(table)


def _print_json(found: Any) -> None:
    typer.echo(msgspec.json.encode(found))


def _remarks(one: SetUp) -> str:
    return "; ".join([*one.differences, *([one.advice] if one.advice else [])])


def _hours(hours: float | None) -> str:
    return "for ever" if hours is None else f"{hours:g} h"


def _number(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


for _command in (topics_read.consume, topics_read.offsets):
    topics.command()(_command)
