"""A setting that looks like one and is none, and a value that is none of those there are: said, with the nearest, and no value shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.config.settings import Settings, load_settings
from src.errors import ConfigurationError


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("COINSPARK_SYMBOL", "COINSPARK_SYMBOLS"),
        ("coinspark_market", "COINSPARK_MARKETS"),
        ("COINSPARK_CLICKHOUSE_PASSWORD_FILES", "COINSPARK_CLICKHOUSE_PASSWORD_FILE"),
    ],
)
def test_a_misspelt_variable_is_refused_with_the_nearest(monkeypatch: pytest.MonkeyPatch, name: str, meant: str) -> None:
    monkeypatch.setenv(name, "canary")
    with pytest.raises(ConfigurationError, match=rf"^{name.upper()} is no setting: did you mean {meant}\b") as refusal:
        load_settings()
    assert "canary" not in str(refusal.value)


def test_one_of_the_file_is_refused_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("COINSPARK_BROKERPORT=1\n")
    monkeypatch.setitem(Settings.model_config, "env_file", file)
    with pytest.raises(ConfigurationError, match="COINSPARK_BROKERPORT is no setting: did you mean COINSPARK_BROKER_PORT"):
        load_settings()


def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("COINSPARK_VERSION", "KAFKA_HEAP_OPTS", "DATABASE_NAME"):
        monkeypatch.setenv(name, "1")
    load_settings()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("COINSPARK_ON_SINK_FAILURE", "prk", "COINSPARK_ON_SINK_FAILURE: Input should be 'stop' or 'park'; did you mean park?"),
        ("KAFKA_SECURITY_PROTOCOL", "SASL_SLS", "did you mean SASL_SSL"),
    ],
)
def test_a_wrong_choice_names_the_nearest(monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as refusal:
        load_settings()
    assert said in str(refusal.value)
    assert value not in str(refusal.value)
