"""Collectors, checkpoints and the clock."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from src.broker.embedded import BrokerLease
from src.collect.status import CollectorStatus, status_path, write_status
from src.config.settings import Settings, load_settings
from src.schema.records import Source
from src.setting.checkpoint import checkpoint_folder
from src.setting.jobs import SparkStreamingTicker
from tests.doctor.conftest import Doctor
from tests.servers import LOOPBACK, ROOT, DatabaseServer


def say(home: Path, pid: int, state: str, updated_time: float, message: str = "") -> None:
    status = CollectorStatus(
        pid=pid, channels=("ticker",), source=Source.LIVE, state=state, message=message, started_time=1, updated_time=int(updated_time * 1000)
    )
    write_status(status_path(home, pid), status)


@pytest.mark.parametrize(
    ("state", "age", "message", "said"),
    [
        ("running", 0, "", "ok   collectors   ticker (live, pid {pid}) running, 0 records sent, 0 markets connected"),
        ("running", 90, "", "fix  collectors   ticker (live, pid {pid}) has said nothing for 9"),
        ("failed", 0, "no exchange\nanswers", "fix  collectors   ticker (live, pid {pid}) failed: no exchange answers; mend that and start it again"),
        ("stopped", 900, "", "ok   collectors   ticker (live, pid {pid}) stopped"),
    ],
)
def test_what_a_collector_says(doctor: Doctor, tmp_path: Path, state: str, age: int, message: str, said: str) -> None:
    say(tmp_path / "home", os.getpid(), state, time.time() - age, message)
    answer = doctor("collectors")
    assert answer.output.startswith(said.format(pid=os.getpid()))
    assert answer.status == (0 if said.startswith("ok") else 1)


def test_a_collector_that_was_killed(doctor: Doctor, tmp_path: Path) -> None:
    with subprocess.Popen(["/bin/true"]) as gone:
        gone.wait()
    say(tmp_path / "home", gone.pid, "running", time.time())
    answer = doctor("collectors")
    assert (answer.status, answer.output) == (1, f"fix  collectors   ticker (live, pid {gone.pid}) was ended from outside: start it again\n")


def write_checkpoint(folder: Path, batch: int = 3) -> None:
    """As Spark leaves one."""
    for name in ("offsets", "commits"):
        (folder / name).mkdir(parents=True)
    (folder / "metadata").write_text('{"id":"1"}')
    (folder / "origin.json").write_text('{"whole_from":0}')
    (folder / "offsets" / str(batch)).write_text('v1\n{"batchWatermarkMs":0,"batchTimestampMs":1}\n{"RegionKorea_TickerPreprocessing":{"0":7}}')
    (folder / "commits" / str(batch)).write_text('v1\n{"nextBatchWatermarkMs":0}')
    os.utime(folder / "commits" / str(batch), (1_769_850_000, 1_769_850_000))


def test_a_checkpoint_without_a_kafka_to_compare_with(doctor: Doctor, tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "home" / "checkpoints" / "ticker-0123456789ab")
    answer = doctor("checkpoint")
    assert (answer.status, answer.output) == (
        0,
        "ok   checkpoint   ticker: metric set 0123456789ab; batch 3, last written 2026-01-31 09:00:00 UTC\n",
    )


@pytest.mark.broker
def test_whether_a_checkpoint_is_of_the_metrics_of_now(doctor: Doctor, embedded: BrokerLease, tmp_path: Path) -> None:
    home = tmp_path / "home"
    job = SparkStreamingTicker(load_settings(home=home))
    write_checkpoint(checkpoint_folder(home, "ticker", *job.checkpoint_identity(embedded.cluster_id)))
    servers = {"KAFKA_BOOTSTRAP_SERVERS": embedded.bootstrap_servers, "COINSPARK_MARKETS": ",".join(Settings().markets)}
    assert ", of the metrics as they are now; batch 3" in doctor("checkpoint", **servers).output
    write_checkpoint(home / "checkpoints" / "orderbook-0123456789ab")
    assert "orderbook: metric set 0123456789ab, of other metrics or another Kafka; batch 3" in doctor("checkpoint", **servers).output


@pytest.mark.parametrize("broken", ["offsets/3", "origin.json"])
def test_a_damaged_checkpoint(doctor: Doctor, tmp_path: Path, broken: str) -> None:
    folder = tmp_path / "home" / "checkpoints" / "trade-0123456789ab"
    write_checkpoint(folder)
    (folder / broken).write_text("v1\n{")
    answer = doctor("checkpoint")
    assert answer.status == 1
    assert answer.output.startswith(f"fix  checkpoint   trade: {folder} is damaged or may not be read (")
    assert "move it away; the job then begins anew" in answer.output


@contextmanager
def exchange_whose_clock_is(seconds_ahead: float) -> Iterator[str]:
    """An HTTP server whose answers are dated so; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(404)
            self.send_header("Date", formatdate(time.time() + seconds_ahead, usegmt=True))
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{LOOPBACK}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("ahead", "status", "said"), [(0, 0, " 1 exchanges\n"), (3600, 1, "s behind the median of 1 exchanges: set"), (-3600, 1, "s ahead of ")]
)
def test_the_clock_beside_an_exchange(doctor: Doctor, ahead: float, status: int, said: str) -> None:
    with exchange_whose_clock_is(ahead) as url:
        answer = doctor("clock", COINSPARK_REST_URLS=f'{{"upbit":"{url}"}}')
    assert said in answer.output
    assert answer.status == status


@pytest.mark.mysql
def test_the_clock_beside_the_database(doctor: Doctor, mysql: DatabaseServer) -> None:
    answer = doctor("clock", DATABASE_URL=mysql.url("doctor"))
    assert answer.status == 0
    assert answer.output.endswith(" the database server\n")


def test_no_other_clock(doctor: Doctor) -> None:
    answer = doctor("clock")
    assert answer.status == 0
    assert "no other clock can be reached to compare it with" in answer.output


def test_the_program_ends_with_the_status(tmp_path: Path) -> None:
    environment = {**os.environ, "COINSPARK_HOME": str(tmp_path), "COINSPARK_JARS": str(tmp_path)}
    command = [str(ROOT / ".venv" / "bin" / "python"), str(ROOT / "coin_spark.py"), "doctor", "--check", "jars"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("fix  jars ")
