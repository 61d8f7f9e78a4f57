"""`up --clean`: what it deletes is shown, asked about, and deleted."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import typer

from src.broker.cleaning import clean, refuse_while_used, things_to_delete
from src.broker.security import secure_connections
from src.broker.topic_tools import list_topics
from src.collect.message import TOPICS
from src.command.asking import ask_before
from src.config.settings import Settings
from src.errors import ConfigurationError
from src.logs import logger

_OF_METRICS = "ProcessedCoin"
"""How the names of the metrics' topics end, unless a metric says otherwise."""


def clean_up(settings: Settings, *, database: bool, yes: bool) -> None:
    """Empty CoinSpark's topics and delete its state, after asking.

    The embedded broker is stopped and its data deleted; at a Kafka of the user's CoinSpark's own topics alone are made anew. Raises
    `ConfigurationError` while jobs or collectors run, and where nobody can be asked.
    """
    if database and settings.database_url is not None:
        raise ConfigurationError(
            "--database deletes the database file of the home folder, and DATABASE_URL names another database: empty that yourself"
        )
    secure_connections(settings)
    refuse_while_used(settings, database=database)
    things = things_to_delete(settings, database=database)
    names = _own_topics(settings) if settings.kafka_bootstrap_servers else []
    if not things and not names:
        logger().info("There is nothing to delete.")
        return
    # What is asked about is seen, whatever level the log has.
    say: Callable[[str], object] = logger().info if yes else partial(typer.echo, err=True)
    for path in things:
        say(f"  {'what is in ' if path.is_dir() else ''}{path}")
    if database and settings.has_own_clickhouse:
        say("The tables in the ClickHouse of COINSPARK_CLICKHOUSE_URL stay: drop them yourself.")
    if names:
        say(f"  all records of {len(names)} topics at {settings.kafka_bootstrap_servers}: {', '.join(names)}")
    ask_before("Delete these", yes=yes)
    clean(settings, names, database=database)
    logger().info("Deleted.")


def _own_topics(settings: Settings) -> list[str]:
    """CoinSpark's topics at the user's Kafka. Topics of the user's own metrics are not known here: they stay, and are said to."""
    from src.setting.jobs import JOBS

    assert settings.kafka_bootstrap_servers is not None  # noqa: S101  for the type checker: it is asked beforehand
    own = {*TOPICS, *(table.topic for job in JOBS for table in job(settings).tables)}
    present = [summary.topic for summary in list_topics(settings.kafka_bootstrap_servers)]
    others = [name for name in present if name.endswith(_OF_METRICS) and name not in own]
    if others:
        logger().info(f"These stay, as no metric of CoinSpark itself writes to them (`topics delete` takes them): {', '.join(others)}")
    return [name for name in present if name in own]
