"""What Prometheus and Grafana are given, by Debian's Prometheus; and their health checks."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest

from tests.compose.conftest import COMPOSE, health_check
from tests.doctor.test_stores import http_answering
from tests.monitoring.configured import promtool, read_yaml
from tests.servers import LOOPBACK, free_port, missing

Compose = dict[str, Any]


def test_promtool_takes_the_configuration_and_its_rules() -> None:
    done = promtool("check", "config", COMPOSE / "prometheus" / "prometheus.yml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "SUCCESS" in done.stdout


def test_it_looks_at_every_collector_and_job_where_they_serve(compose: Compose) -> None:
    services = {name: service["environment"] for name, service in compose["services"].items() if service["image"].startswith("coinspark:")}
    served = set()
    for name, environment in services.items():
        assert environment["COINSPARK_METRICS_ADDRESS"] == "0.0.0.0"  # noqa: S104
        setting = "COINSPARK_METRICS_PORT" if name.startswith("collect-") else f"COINSPARK_{name.upper()}_METRICS_PORT"
        if name != "topics":
            served.add(f"{name}:{environment[setting]}")
    jobs = read_yaml(COMPOSE / "prometheus" / "prometheus.yml")["scrape_configs"]
    assert {target for job in jobs for of_job in job["static_configs"] for target in of_job["targets"]} == served
    assert len(served) == 6
    # What is seen of the data stays within Compose's own network.
    assert not any("ports" in compose["services"][name] for name in services)


def test_each_place_that_the_configuration_names_is_mounted(compose: Compose) -> None:
    mounts = {
        name: dict(mount.split(":")[1::-1] for mount in compose["services"][name]["volumes"] if mount.startswith("."))
        for name in ("prometheus", "grafana")
    }
    assert mounts["prometheus"] == {"/etc/prometheus": "./prometheus"}
    assert "--config.file=/etc/prometheus/prometheus.yml" in compose["services"]["prometheus"]["command"]
    assert mounts["grafana"]["/etc/grafana/provisioning"] == "./grafana/provisioning"
    (provider,) = read_yaml(COMPOSE / "grafana" / "provisioning" / "dashboards" / "coinspark.yml")["providers"]
    assert list((COMPOSE / mounts["grafana"][provider["options"]["path"]]).glob("*.json"))
    (datasource,) = read_yaml(COMPOSE / "grafana" / "provisioning" / "datasources" / "prometheus.yml")["datasources"]
    assert datasource["url"] == "http://prometheus:9090"
    assert compose["services"]["prometheus"]["ports"] == ["127.0.0.1:9090:9090"]
    secret = compose["services"]["grafana"]["environment"]["GF_SECURITY_ADMIN_PASSWORD__FILE"]
    assert secret == f"/run/secrets/{compose['services']['grafana']['secrets'][0]}"


@pytest.mark.parametrize(
    ("service", "answer", "place", "path"),
    [
        ("prometheus", "Prometheus Server is Healthy.\n", "127.0.0.1:9090", "/-/healthy"),
        ("grafana", '{"database": "ok", "version": "12.1.0"}', "127.0.0.1:3000", "/api/health"),
    ],
)
def test_the_health_checks(compose: Compose, service: str, answer: str, place: str, path: str) -> None:
    if shutil.which("wget") is None:
        raise missing("no wget on this machine")
    shell, option, script = health_check(compose["services"][service])
    assert place in script

    def healthy(port: int) -> bool:
        here = script.replace(place, f"{LOOPBACK}:{port}")
        return subprocess.run([shell, option, here], capture_output=True, check=False).returncode == 0

    with http_answering(answer, path=path) as port:
        assert healthy(port)
    with http_answering("no\n", path=path) as port:
        assert not healthy(port)
    assert not healthy(free_port())
