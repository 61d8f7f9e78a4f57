"""Secrets by files and beside their URLs; what is wrong with one is said without the secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.config.settings import Settings, load_settings, secret_names
from src.errors import ConfigurationError

SECRET = "hunter2@:/%"  # noqa: S105  (made up; it must not be shown)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(f"{SECRET}\n")
    return path


def test_the_secrets_are_these() -> None:
    assert set(secret_names().values()) == {
        *("DATABASE_PASSWORD", "DATABASE_URL", "KAFKA_SASL_PASSWORD"),
        *("COINSPARK_CLICKHOUSE_PASSWORD", "COINSPARK_CLICKHOUSE_URL", "COINSPARK_PROXY"),
    }


@pytest.mark.parametrize("field", secret_names())
def test_each_secret_can_come_by_a_file(monkeypatch: pytest.MonkeyPatch, file: Path, field: str) -> None:
    monkeypatch.setenv(f"{secret_names()[field]}_FILE", str(file))
    settings = load_settings()
    assert getattr(settings, field).get_secret_value() == SECRET
    assert SECRET not in repr(settings)


def test_the_file_can_be_named_in_the_settings_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, file: Path) -> None:
    (tmp_path / ".env").write_text(f"KAFKA_SASL_PASSWORD_FILE={file}\n")
    monkeypatch.setitem(Settings.model_config, "env_file", tmp_path / ".env")
    password = load_settings().kafka_sasl_password
    assert password is not None
    assert password.get_secret_value() == SECRET


def test_a_password_is_put_into_its_url(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", "mysql://coin@db:3306/coins?charset=utf8mb4")
    monkeypatch.setenv("DATABASE_PASSWORD_FILE", str(file))
    monkeypatch.setenv("COINSPARK_CLICKHOUSE_URL", "http://coin@store:8123/coins")
    monkeypatch.setenv("COINSPARK_CLICKHOUSE_PASSWORD", "a b")
    settings = load_settings()
    assert settings.database_address == "mysql://coin:hunter2%40%3A%2F%25@db:3306/coins?charset=utf8mb4"
    assert settings.clickhouse_url is not None
    assert settings.clickhouse_url.get_secret_value() == "http://coin:a%20b@store:8123/coins"


def test_an_empty_variable_names_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD_FILE", "")
    assert load_settings().database_password is None


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"DATABASE_PASSWORD": SECRET, "DATABASE_PASSWORD_FILE": "{file}"}, "both DATABASE_PASSWORD and DATABASE_PASSWORD_FILE are set"),
        (
            {"DATABASE_PASSWORD_FILE": "{file}.not"},
            "DATABASE_PASSWORD_FILE: the file .* cannot be read .No such file or directory.: correct",
        ),
        ({"DATABASE_PASSWORD_FILE": "{file}", "DATABASE_URL": f"mysql://coin:{SECRET[:7]}@db/coins"}, "DATABASE_URL: .*another one is given apart"),
        ({"DATABASE_PASSWORD_FILE": "{file}", "DATABASE_URL": "mysql://db/coins"}, "DATABASE_URL: .*the URL names no user"),
    ],
)
def test_what_is_wrong_is_said_without_the_secret(monkeypatch: pytest.MonkeyPatch, file: Path, environment: dict[str, str], said: str) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value.format(file=file) if "{" in value else value)
    with pytest.raises(ConfigurationError, match=said) as refusal:
        load_settings()
    assert "hunter2" not in str(refusal.value)
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None


@pytest.mark.parametrize(("content", "said"), [(b"\n", "is empty"), (b"\xff\xfehunter2", "is not UTF-8")])
def test_a_file_without_a_text_is_refused(monkeypatch: pytest.MonkeyPatch, file: Path, content: bytes, said: str) -> None:
    file.write_bytes(content)
    monkeypatch.setenv("COINSPARK_PROXY_FILE", str(file))
    with pytest.raises(ConfigurationError, match=f"COINSPARK_PROXY_FILE: the file .* {said}") as refusal:
        load_settings()
    assert "hunter2" not in str(refusal.value)
