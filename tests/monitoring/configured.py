"""compose/'s Prometheus and Grafana files, and the real Prometheus that reads them."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

from ruamel.yaml import YAML

from install.system import prometheus_programs
from tests.servers import LOOPBACK, ROOT, free_port, missing

FOLDER = ROOT / "compose" / "prometheus"
START_SECONDS = 60
_SELECTOR = re.compile(r"\b(?:coinspark_\w+|up)(?:\{[^}]*\})?(?:\[\w+\])?")


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML file's content."""
    content: dict[str, Any] = YAML(typ="safe", pure=True).load(path.read_text())
    return content


def alerts() -> dict[str, dict[str, Any]]:
    """The alert rules by name."""
    return {rule["alert"]: rule for group in read_yaml(FOLDER / "alerts.yml")["groups"] for rule in group["rules"]}


def selectors(expression: str) -> list[str]:
    """The parts of an expression that name metrics, each with its labels and range."""
    return _SELECTOR.findall(expression)


def programs() -> tuple[str, str]:
    """Prometheus and promtool."""
    found = prometheus_programs(ROOT)
    if found is None:
        raise missing("no prometheus and promtool on this machine: `make test` unpacks Debian's")
    return found


def promtool(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run promtool to its end."""
    return subprocess.run([programs()[1], *words], capture_output=True, text=True, check=False)


class Prometheus:
    """A running server."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(self, path: str, **parameters: str) -> Any:
        """The data that its HTTP API answers. A refusal is an error."""
        with urlopen(f"http://{LOOPBACK}:{self._port}/api/v1/{path}?{urlencode(parameters)}", timeout=60) as answer:
            said = json.load(answer)
        assert said["status"] == "success", said
        return said["data"]

    def values(self, expression: str) -> dict[frozenset[tuple[str, str]], float]:
        """What an expression is now, by labels; of a range the newest value of each series."""
        data = self.ask("query", query=expression)
        assert data["resultType"] in {"vector", "matrix"}, data
        return {frozenset(each["metric"].items()): float((each.get("value") or each["values"][-1])[1]) for each in data["result"]}

    def is_ready(self) -> bool:
        """Whether it answers yet."""
        try:
            with urlopen(f"http://{LOOPBACK}:{self._port}/-/ready", timeout=5):
                return True
        except OSError:
            return False


@contextmanager
def prometheus(folder: Path, targets: Mapping[str, list[str]]) -> Iterator[Prometheus]:
    """A server on compose/'s configuration, with these targets in place of the containers and a look each second."""
    server, _ = programs()
    configuration = read_yaml(FOLDER / "prometheus.yml")
    configuration["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    configuration["rule_files"] = [str(FOLDER / name) for name in configuration["rule_files"]]
    for job in configuration["scrape_configs"]:
        job["static_configs"] = [{"targets": targets[job["job_name"]]}]
    (folder / "prometheus.yml").write_text(json.dumps(configuration))
    port = free_port()
    words = [server, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data", f"--web.listen-address={LOOPBACK}:{port}"]
    with (folder / "prometheus.log").open("w") as log, subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log) as process:
        try:
            running = Prometheus(port)
            deadline = time.monotonic() + START_SECONDS
            while not running.is_ready():
                assert process.poll() is None, (folder / "prometheus.log").read_text()
                assert time.monotonic() < deadline
                time.sleep(0.1)
            yield running
        finally:
            process.terminate()
            process.wait(30)
