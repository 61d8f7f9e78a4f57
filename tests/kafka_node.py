"""One Kafka node of a test's own, with whatever server.properties the test gives it, of the same jars as the embedded broker."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from src.broker.java import find_java
from src.broker.kafka_files import write_log_configuration
from src.broker.ports import accepts_connections
from src.errors import MissingPartError
from tests.servers import LOOPBACK, ROOT, free_port, missing

START_SECONDS = 120
STOP_SECONDS = 30
IDENTITY = "COINSPARKonenodealoneA"
_JARS = ROOT / ".jars" / "broker"


def run_kafka_class(folder: Path, main_class: str, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start a program of Kafka's jars in `folder`; what it says is in `folder/kafka.log`."""
    if not _JARS.is_dir():
        raise missing("the broker's jars are not in .jars: run `make install`")
    try:
        java = str(find_java().executable)
    except MissingPartError as error:
        raise missing(str(error)) from None
    flags = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true")
    write_log_configuration(folder / "log4j2.properties")
    with (folder / "kafka.log").open("ab") as log:
        return subprocess.Popen(
            [java, *flags, "-Dlog4j2.configurationFile=log4j2.properties", "-cp", str(_JARS / "*"), main_class, *arguments],
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


class KafkaNode:
    """A node that is broker and controller. `properties` come on top of those that every such node needs."""

    def __init__(self, folder: Path, properties: Mapping[str, object]) -> None:
        self.folder = folder
        self.port = free_port()
        self._controller_port = free_port()
        self._properties = properties
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Of the listener PLAIN, which every such node has."""
        return f"{LOOPBACK}:{self.port}"

    def start(self, *format_arguments: str) -> None:
        """Format the data and start; returns when it accepts connections."""
        self.folder.mkdir(parents=True, exist_ok=True)
        common = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{LOOPBACK}:{self._controller_port}",
            "listeners": f"PLAIN://{LOOPBACK}:{self.port},CONTROLLER://{LOOPBACK}:{self._controller_port}",
            "inter.broker.listener.name": "PLAIN",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAIN:PLAINTEXT",
            "log.dirs": "data",
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": 1,
            "offsets.topic.replication.factor": 1,
            "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        }
        both = {"listeners", "listener.security.protocol.map"}
        added = {name: f"{common[name]},{value}" if name in both else value for name, value in self._properties.items()}
        (self.folder / "server.properties").write_text("".join(f"{name}={value}\n" for name, value in (common | added).items()))
        arguments = ("format", "--cluster-id", IDENTITY, "--config", "server.properties", *format_arguments)
        if run_kafka_class(self.folder, "kafka.tools.StorageTool", *arguments).wait() != 0:
            raise RuntimeError(f"the data could not be made:\n{self.log}")
        self._process = run_kafka_class(self.folder, "kafka.Kafka", "server.properties")
        deadline = time.monotonic() + START_SECONDS
        while not accepts_connections(self.port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Kafka does not start:\n{self.log}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End what `start` began."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    @property
    def log(self) -> str:
        """The end of what it said."""
        return (self.folder / "kafka.log").read_text(errors="replace")[-3000:]
