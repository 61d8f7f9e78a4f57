"""`topics consume --follow` as a process: it prints what comes, and Ctrl-C and SIGTERM end it in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import kafka
import pytest

from src.broker.cluster import Cluster
from src.broker.topics import TopicSpec, ensure_topics
from tests.servers import ROOT

pytestmark = pytest.mark.broker
PROGRAM = """
import typer
from src.command.topics import register

app = typer.Typer(pretty_exceptions_enable=False)
app.callback()(lambda: None)
register(app)
app()
"""


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_it_follows_until_it_is_stopped(broker: Cluster, stop: signal.Signals) -> None:
    servers, topic = broker.bootstrap_servers, f"tools-follow-{stop.name}"
    ensure_topics(servers, [TopicSpec(topic, 2)])
    producer = kafka.KafkaProducer(bootstrap_servers=servers, acks="all")
    producer.send(topic, b'{"n":1}', partition=0).get(timeout=30)
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "topics", "consume", topic, "--follow"],
        cwd=ROOT,
        env=os.environ | {"KAFKA_BOOTSTRAP_SERVERS": servers},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == '{"n":1}\n'
        producer.send(topic, b'[{"n":2},{"n":3}]', partition=1).get(timeout=30)
        assert [process.stdout.readline(), process.stdout.readline()] == ['{"n":2}\n', '{"n":3}\n']
        process.send_signal(stop)
        assert process.wait(timeout=30) == 0
        assert process.stderr.read() == ""
    producer.close()
