"""A Kafka cluster of three brokers on this machine, each a broker and a controller, of the same jars as the embedded one."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from kafka.errors import KafkaError

from src.broker.admin import administration
from src.broker.java import find_java
from src.broker.kafka_files import write_log_configuration
from src.errors import CoinSparkError
from tests.servers import LOOPBACK, ROOT, free_port

START_SECONDS = 120
STOP_SECONDS = 30
IDENTITY = "COINSPARKthreebrokersA"


class ThreeBrokers:
    """Three nodes in folders of their own. `stop` ends what `start` began."""

    def __init__(self, folder: Path) -> None:
        self._nodes = [_Node(folder / f"node-{number}", number) for number in (1, 2, 3)]
        self._processes: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def bootstrap_servers(self) -> str:
        return ",".join(f"{LOOPBACK}:{node.port}" for node in self._nodes)

    def start(self) -> None:
        voters = ",".join(f"{node.number}@{LOOPBACK}:{node.controller_port}" for node in self._nodes)
        for node in self._nodes:
            node.prepare(voters)
        for node in self._nodes:
            self._processes[node.number] = node.launch("kafka.Kafka", "server.properties")
        deadline = time.monotonic() + START_SECONDS
        while self._brokers() < len(self._nodes):
            for node in self._nodes:
                if self._processes[node.number].poll() is not None:
                    raise RuntimeError(f"broker {node.number} stopped while it started:\n{node.log.read_text(errors='replace')[-3000:]}")
            if time.monotonic() > deadline:
                raise RuntimeError(f"three brokers are not there after {START_SECONDS} s")

    def kill(self, number: int) -> None:
        """End one broker as a power cut would."""
        self._processes[number].kill()
        self._processes[number].wait()

    def stop(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _brokers(self) -> int:
        try:
            with administration(self.bootstrap_servers, 1) as client:
                return len([broker for broker in client.describe_cluster()["brokers"] if not broker["is_fenced"]])
        except (KafkaError, CoinSparkError):
            return 0


class _Node:
    def __init__(self, folder: Path, number: int) -> None:
        self.number = number
        self.port, self.controller_port = free_port(), free_port()
        self.log = folder / "broker.log"
        self._folder = folder

    def prepare(self, voters: str) -> None:
        self._folder.mkdir(parents=True)
        write_log_configuration(self._folder / "log4j2.properties")
        properties = {
            "process.roles": "broker,controller",
            "node.id": self.number,
            "controller.quorum.voters": voters,
            "listeners": f"PLAINTEXT://{LOOPBACK}:{self.port},CONTROLLER://{LOOPBACK}:{self.controller_port}",
            "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{self.port}",
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "log.dirs": "data",
            "auto.create.topics.enable": "false",
            "offsets.topic.num.partitions": 3,
            "offsets.topic.replication.factor": 3,
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        }
        (self._folder / "server.properties").write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
        formatted = self.launch("kafka.tools.StorageTool", "format", "--cluster-id", IDENTITY, "--config", "server.properties").wait()
        if formatted != 0:
            raise RuntimeError(f"the data of broker {self.number} could not be made:\n{self.log.read_text(errors='replace')[-3000:]}")

    def launch(self, main_class: str, *arguments: str) -> subprocess.Popen[bytes]:
        jars = ROOT / ".jars" / "broker" / "*"
        flags = ("-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Djava.net.preferIPv4Stack=true")
        logging = "-Dlog4j2.configurationFile=log4j2.properties"
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [str(find_java().executable), *flags, logging, "-cp", str(jars), main_class, *arguments],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
