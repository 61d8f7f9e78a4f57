"""The files that the embedded broker reads: server.properties and its log configuration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from src.broker.ports import LOOPBACK
from src.config.settings import Settings

LARGEST_MESSAGE_BYTES = 1_048_588
"""Kafka's own default. A larger message is refused by the producer before it is sent, and again here."""

DATA_FOLDER = "data"

_MEBIBYTE = 1024 * 1024
_LOG_CONFIGURATION = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss.SSS}{UTC}Z %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
logger.start.name = kafka.server.KafkaRaftServer
logger.start.level = info
"""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the broker and its controller listen, both on 127.0.0.1."""

    broker: int
    controller: int


def write_server_properties(path: Path, ports: Ports, settings: Settings) -> None:
    """Write what `kafka.Kafka` reads: one node that is broker and controller, on the loopback address only."""
    properties: dict[str, object] = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{LOOPBACK}:{ports.controller}",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{ports.broker},CONTROLLER://{LOOPBACK}:{ports.controller}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{ports.broker}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        # Relative to the broker's working folder: this file is read as Latin-1, and a home folder may be named in Korean.
        "log.dirs": DATA_FOLDER,
        # A misspelt topic name must fail, not make a topic.
        "auto.create.topics.enable": "false",
        "num.partitions": settings.topic_partitions,
        "log.retention.hours": settings.retention_hours,
        # Only whole segments are deleted: small ones let a quiet topic forget in time.
        "log.segment.bytes": 128 * _MEBIBYTE,
        "message.max.bytes": LARGEST_MESSAGE_BYTES,
        # One node: nothing to replicate to, nobody to wait for.
        "offsets.topic.replication.factor": 1,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
        # After a crash the controller lets the broker in again only when its last session has run out (9 s if not said).
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        # The defaults are for a machine that does nothing else.
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.num.partitions": 4,
        "num.network.threads": 2,
        "num.io.threads": 4,
        "log.cleaner.dedupe.buffer.size": 16 * _MEBIBYTE,
    }
    path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()), encoding="utf-8")


def write_log_configuration(path: Path) -> None:
    """Write the log4j2 file: warnings, and the lines that say that the broker started and stopped, to standard output."""
    path.write_text(_LOG_CONFIGURATION, encoding="utf-8")
