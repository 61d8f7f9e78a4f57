"""docker-compose.yml itself: its schema, and that it names nothing that is not there."""

from __future__ import annotations

import importlib.resources
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from src.command.app import app
from src.config.settings import Settings, environment_name, load_settings, secret_names
from tests.compose.conftest import COMPOSE, health_check, variables
from tests.servers import ROOT, missing

Compose = dict[str, Any]
OF_IMAGES: dict[str, set[str]] = {
    "kafka": {"CLUSTER_ID", "KAFKA_HEAP_OPTS", "KAFKA_NODE_ID", "KAFKA_ADVERTISED_LISTENERS"},
    "mysql": {"MYSQL_DATABASE", "MYSQL_USER", "MYSQL_PASSWORD_FILE", "MYSQL_ROOT_PASSWORD_FILE"},
    "clickhouse": {"CLICKHOUSE_DB", "CLICKHOUSE_USER"},
    "prometheus": set(),
    "grafana": {
        "GF_SECURITY_ADMIN_PASSWORD__FILE",
        "GF_USERS_ALLOW_SIGN_UP",
        "GF_ANALYTICS_REPORTING_ENABLED",
        "GF_ANALYTICS_CHECK_FOR_UPDATES",
    },
}
"""Variables that the images of others read. Those of Kafka are tried in test_kafka.py."""


def ours(compose: Compose) -> dict[str, Compose]:
    """The services of our own image."""
    return {name: service for name, service in compose["services"].items() if service["image"].startswith("coinspark:")}


def test_it_is_what_the_compose_specification_says(compose: Compose) -> None:
    try:
        import jsonschema  # noqa: PLC0415

        vendored = importlib.resources.files("check_jsonschema.builtin_schemas.vendor")
    except ModuleNotFoundError:
        raise missing("check-jsonschema is not installed: run `make install`") from None
    schema = json.loads(vendored.joinpath("compose-spec.json").read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    validator.validate(compose)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(compose | {"services": {"kafka": {"imge": "kafka"}}})


def test_the_system_is_whole(compose: Compose) -> None:
    assert set(compose["services"]) == {
        *("kafka-1", "kafka-2", "kafka-3", "topics", "mysql", "clickhouse", "prometheus", "grafana"),
        *("collect-ticker", "collect-trade", "collect-orderbook", "ticker", "trade", "orderbook"),
    }


def test_every_variable_of_a_service_is_one_that_something_reads(compose: Compose) -> None:
    settings = {environment_name(field) for field in Settings.model_fields}
    settings |= {f"{name}_FILE" for name in secret_names().values()}
    for name, service in compose["services"].items():
        known = settings if name in ours(compose) else OF_IMAGES[name.partition("-")[0]]
        assert set(service.get("environment", {})) <= known, name


def test_the_settings_take_the_values(compose: Compose, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("se/cret")
    for service in ours(compose).values():
        with monkeypatch.context() as patch:
            for name, value in service["environment"].items():
                patch.setenv(name, str(tmp_path / "password") if value.startswith("/run/secrets/") else value)
            settings = load_settings()
            assert settings.database_address == "mysql://coinspark:se%2Fcret@mysql:3306/coinspark"
            assert settings.topic_replication == 3


def test_every_variable_of_the_file_is_in_the_example_with_its_default() -> None:
    listed = re.findall(r"^#(\w+)=(.*)$", (COMPOSE / ".env.example").read_text(), re.MULTILINE)
    assert dict(listed) == variables()
    assert len(listed) == len(dict(listed))


def test_every_file_that_is_mounted_is_there(compose: Compose) -> None:
    mounts = [mount.split(":") for service in compose["services"].values() for mount in service.get("volumes", [])]
    for source, _, *_ in mounts:
        assert (COMPOSE / source).exists() if source.startswith(".") else source in compose["volumes"], source
    assert {mount[0] for mount in mounts} >= set(compose["volumes"])


def test_ports_are_bound_to_loopback_alone(compose: Compose) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert len(ports) == 7
    assert all(port.startswith("127.0.0.1:") for port in ports), ports
    assert not any("network_mode" in service or service.get("privileged") for service in compose["services"].values())


def test_secrets_come_by_files_that_the_script_makes(compose: Compose, tmp_path: Path) -> None:
    used = {secret for service in compose["services"].values() for secret in service.get("secrets", [])}
    assert used == set(compose["secrets"])
    script = tmp_path / "secrets.sh"
    script.write_bytes((COMPOSE / "secrets.sh").read_bytes())
    for _ in range(2):
        subprocess.run(["/bin/sh", script], check=True, capture_output=True)
        made = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
        assert set(made) == {Path(secret["file"]).name for secret in compose["secrets"].values()}
        assert all(re.fullmatch("[0-9a-f]{48}", text) for text in made.values())
        assert len(set(made.values())) == len(made)
    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/compose/secrets/", "/compose/.env"} <= set(ignored)


def test_each_service_has_limits_and_what_stays_has_a_health_check(compose: Compose) -> None:
    for name, service in compose["services"].items():
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
        assert ("healthcheck" in service) == (name != "topics"), name


def test_every_command_is_one_of_the_program(compose: Compose) -> None:
    program = get_command(app)
    assert isinstance(program, typer.core.TyperGroup)
    commands = [service["command"] for service in ours(compose).values()]
    commands += [words[2:] for service in ours(compose).values() if "healthcheck" in service for words in [health_check(service)]]
    for words in commands:
        context = program.make_context("coin_spark.py", list(words))
        _, command, rest = program.resolve_command(context, [*context._protected_args, *context.args])
        assert command is not None
        command.make_context(words[0], list(rest), parent=context)


def test_our_services_may_do_little(compose: Compose) -> None:
    for name, service in ours(compose).items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name


def test_the_image(compose: Compose) -> None:
    text = re.sub(r"\\\n", " ", (COMPOSE / "Dockerfile").read_text())
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    copied = [words.split() for instruction, words in lines if instruction == "COPY" and not words.startswith("--from")]
    sources = {source for words in copied for source in words[:-1]}
    assert all((ROOT / source).exists() for source in sources), sources
    let_in = {line[1:] for line in (COMPOSE / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")}
    assert let_in == sources
    assert [words for instruction, words in lines if instruction == "FROM"] == ["python:3.11-slim-bookworm AS base", "base AS builder", "base"]
    assert [words for instruction, words in lines if instruction == "USER"] == ["10001:10001"]
    (entrypoint,) = [json.loads(words) for instruction, words in lines if instruction == "ENTRYPOINT"]
    assert all(health_check(service)[:2] == entrypoint for service in ours(compose).values() if "healthcheck" in service)
