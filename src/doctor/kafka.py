"""Kafka: whether it answers, and whether the topics are as the settings ask."""

from __future__ import annotations

from collections.abc import Iterator

from src.broker.admin import administration
from src.broker.embedded import EmbeddedBroker
from src.broker.security import secure_connections
from src.broker.topic_setup import still_different
from src.broker.topic_tools import configurations
from src.broker.topics import TopicSpec
from src.config.settings import Settings
from src.doctor.finding import Finding, unwell, well

REACH_SECONDS = 5.0
_HOUR_MS = 60 * 60 * 1000


def check_broker(settings: Settings) -> Iterator[Finding]:
    """Whether the Kafka of the settings answers. The embedded one is not started for it."""
    address = kafka_address(settings)
    if address is None:
        yield well("broker", "the embedded broker does not run: the first job or collector starts it")
        return
    with administration(address, REACH_SECONDS) as client:
        brokers = client.describe_cluster()["brokers"]
    if settings.topic_replication > len(brokers):
        there = f"{address} has {len(brokers)} broker{'s' if len(brokers) > 1 else ''}"
        yield unwell("broker", f"{there} and COINSPARK_TOPIC_REPLICATION is {settings.topic_replication}: lower it, or add brokers")
    else:
        kind = "your Kafka" if settings.kafka_bootstrap_servers else "the embedded broker"
        yield well("broker", f"{kind} answers at {address}: {len(brokers)} broker{'s' if len(brokers) > 1 else ''}")


def check_topics(settings: Settings) -> Iterator[Finding]:
    """Whether the topics are there with the partitions, replicas, retention and clean-up that the settings and metrics ask for."""
    address = kafka_address(settings)
    if address is None:
        yield well("topics", "not looked at, as no broker runs: jobs and collectors make theirs")
        return
    raw, of_metrics = _wanted(settings)
    wanted = raw | of_metrics
    with administration(address, REACH_SECONDS) as client:
        present = set(client.list_topics())
        there = [spec for spec in wanted.values() if spec.name in present]
        described = {topic["name"]: topic for topic in client.describe_topics([spec.name for spec in there])} if there else {}
        configured = configurations(client, [spec.name for spec in there], "all") if there else {}
    wrong = [finding for spec in there for finding in _differences(spec, described[spec.name]["partitions"], configured[spec.name])]
    yield from wrong
    missing = [name for name in raw if name not in present]
    if missing and settings.kafka_bootstrap_servers:
        yield unwell("topics", f"{', '.join(missing)} not there: `python coin_spark.py topics setup` makes them, or the first collector does")
    if not wrong and not (missing and settings.kafka_bootstrap_servers):
        later = len(wanted) - len(there)
        yield well("topics", f"{len(there)} topics are as the settings ask{f', {later} are made by whoever writes them first' if later else ''}")


def kafka_address(settings: Settings) -> str | None:
    """Where the Kafka of the settings is; None while the embedded broker does not run."""
    if settings.kafka_bootstrap_servers:
        secure_connections(settings)
        return settings.kafka_bootstrap_servers
    running, _ = EmbeddedBroker(settings).status()
    return None if running is None else running.bootstrap_servers


def _wanted(settings: Settings) -> tuple[dict[str, TopicSpec], dict[str, TopicSpec]]:
    """The collectors' topics, and those of the metrics."""
    from src.broker.topics import topic_specs  # noqa: PLC0415
    from src.collect.message import TOPICS  # noqa: PLC0415
    from src.setting.jobs import JOBS  # noqa: PLC0415  (it loads Spark)

    raw = {spec.name: spec for spec in topic_specs(TOPICS, settings)}
    of_metrics = {table.topic for job in JOBS for table in job(settings).tables} - set(raw)
    return raw, {spec.name: spec for spec in topic_specs(sorted(of_metrics), settings, "compact,delete")}


def _differences(spec: TopicSpec, partitions: list[dict[str, object]], configuration: dict[str, str]) -> Iterator[Finding]:
    replicas = min(len(partition["replica_nodes"]) for partition in partitions)  # type: ignore[arg-type]
    leaderless = [partition["partition_index"] for partition in partitions if partition["leader_id"] in {None, -1}]
    if leaderless:
        yield unwell("topics", f"{spec.name}: no broker leads partition {leaderless[0]}: start the brokers that hold it")
    if problems := still_different(spec, len(partitions), replicas, configuration):
        advice = f"stop what uses it, then `topics delete {spec.name}` and `topics setup` (its records go), or change the settings"
        yield unwell("topics", f"{spec.name}: {'; '.join(problems)}: {advice}")
    kept = int(configuration["retention.ms"])
    if spec.retention_ms is not None and kept != spec.retention_ms:
        hours = "for ever" if kept < 0 else f"{kept / _HOUR_MS:g} h"
        setup = "`python coin_spark.py topics setup` alters that"
        how = setup if spec.cleanup == "delete" else f"set its retention.ms to {spec.retention_ms}"
        yield unwell("topics", f"{spec.name}: records are kept {hours}, COINSPARK_RETENTION_HOURS says {spec.retention_ms / _HOUR_MS:g} h: {how}")
