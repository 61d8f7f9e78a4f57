"""compose/kafka/server.properties, by the program that the image starts with, and by the real broker."""

from __future__ import annotations

import shlex
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from src.broker.admin import administration
from src.broker.ports import accepts_connections
from tests.compose.conftest import COMPOSE, health_check
from tests.kafka_node import run_kafka_class
from tests.servers import LOOPBACK, free_port

pytestmark = pytest.mark.broker
SET_UP = "kafka.docker.KafkaDockerWrapper"
"""What the image apache/kafka puts its configuration together with, and formats the data."""


def in_properties(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


def set_up(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """The configuration as it is in the container, in folder/final."""
    for name in ("default", "mounted", "final"):
        (folder / name).mkdir(parents=True)
    for name in ("log4j2.yaml", "tools-log4j2.yaml", "server.properties"):
        (folder / "default" / name).touch()
    shutil.copy(COMPOSE / "kafka" / "server.properties", folder / "mounted")
    places = ("--default-configs-dir", "default", "--mounted-configs-dir", "mounted", "--final-configs-dir", "final")
    done = run_kafka_class(folder, SET_UP, "setup", *places, environment=environment | {"KAFKA_LOG_DIRS": str(folder / "data")})
    assert done.wait() == 0, (folder / "kafka.log").read_text()
    return in_properties(folder / "final" / "server.properties")


def test_each_node_is_set_up_as_the_image_does_it(compose: dict[str, Any], tmp_path: Path) -> None:
    service = compose["services"]["kafka-2"]
    made = set_up(tmp_path, service["environment"])
    shared = in_properties(COMPOSE / "kafka" / "server.properties")
    assert made == shared | {
        "node.id": "2",
        "advertised.listeners": "INTERNAL://kafka-2:9092,HOST://localhost:29092",
        "log.dirs": str(tmp_path / "data"),
    }
    assert f"cluster.id={service['environment']['CLUSTER_ID']}" in (tmp_path / "data" / "meta.properties").read_text()
    assert service["ports"] == ["127.0.0.1:29092:19092"]


def test_the_three_know_each_other(compose: dict[str, Any]) -> None:
    shared = in_properties(COMPOSE / "kafka" / "server.properties")
    nodes = {name: service["environment"] for name, service in compose["services"].items() if name.startswith("kafka-")}
    assert shared["controller.quorum.voters"] == ",".join(f"{of['KAFKA_NODE_ID']}@{name}:9093" for name, of in nodes.items())
    assert len({of["CLUSTER_ID"] for of in nodes.values()}) == 1
    for number, (name, of) in enumerate(nodes.items(), 1):
        host_port = compose["services"][name]["ports"][0].split(":")[1]
        assert of["KAFKA_NODE_ID"] == str(number)
        assert of["KAFKA_ADVERTISED_LISTENERS"] == f"INTERNAL://{name}:9092,HOST://localhost:{host_port}"


@pytest.mark.slow
def test_a_broker_runs_with_it_and_its_health_check_answers(compose: dict[str, Any], tmp_path: Path) -> None:
    service = compose["services"]["kafka-1"]
    internal, controller, host = free_port(), free_port(), free_port()
    # One node stands for the three: what says where they are is changed, all else is the file's.
    alone = {
        "KAFKA_LISTENERS": f"INTERNAL://{LOOPBACK}:{internal},CONTROLLER://{LOOPBACK}:{controller},HOST://{LOOPBACK}:{host}",
        "KAFKA_ADVERTISED_LISTENERS": f"INTERNAL://{LOOPBACK}:{internal},HOST://{LOOPBACK}:{host}",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": f"1@{LOOPBACK}:{controller}",
    }
    made = set_up(tmp_path, service["environment"] | alone)
    process = run_kafka_class(tmp_path, "kafka.Kafka", "final/server.properties")
    try:
        deadline = time.monotonic() + 120
        while not accepts_connections(internal):
            assert process.poll() is None, (tmp_path / "kafka.log").read_text()[-3000:]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with administration(f"{LOOPBACK}:{internal}") as client:
            configured = client.describe_configs([ConfigResource(ConfigResourceType.BROKER, "1")], config_filter="all")["broker"]["1"]
        said = {name: entry["value"] for name, entry in configured.items() if name in made}
        # Read by the broker as it is written, unknown names there are none.
        assert said == made
        *_, script = health_check(service)
        heap, program, *arguments = shlex.split(script.replace("localhost:9092", f"{LOOPBACK}:{internal}"))
        assert (heap, program) == ("KAFKA_HEAP_OPTS=-Xmx64m", "/opt/kafka/bin/kafka-configs.sh")
        # That script of Kafka runs this class, and nothing else.
        assert run_kafka_class(tmp_path, "kafka.admin.ConfigCommand", *arguments).wait() == 0
    finally:
        process.terminate()
        process.wait(60)
    assert run_kafka_class(tmp_path, "kafka.admin.ConfigCommand", *arguments).wait() != 0
