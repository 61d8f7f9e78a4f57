"""A wrong setting is one line that names the variable or the file, and never shows a value."""

from __future__ import annotations

from pathlib import Path

import pytest

from src.config.settings import Settings, load_settings
from src.errors import ConfigurationError

SECRET = "hunter2"  # noqa: S105  (made up; it must not be shown)


@pytest.mark.parametrize(
    ("name", "value"),
    [("COINSPARK_QUOTES", f"kraken={SECRET}"), ("COINSPARK_EXCHANGE_URLS", f"[{SECRET}"), ("COINSPARK_BROKER_PORT", SECRET)],
)
def test_a_wrong_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name) as refusal:
        load_settings()
    assert SECRET not in str(refusal.value)
    # What is printed of a chain of errors must not show it either.
    assert refusal.value.__suppress_context__


def test_a_map_is_read_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COINSPARK_QUOTES", '{"kraken":"USDT"}')
    assert load_settings().quotes == {"kraken": "USDT"}


def test_a_file_that_is_no_utf_8_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_bytes(f"COINSPARK_HOME=/caf\xe9/{SECRET}\n".encode("latin-1"))
    monkeypatch.setitem(Settings.model_config, "env_file", file)
    with pytest.raises(ConfigurationError, match=r"the settings file .*\.env is not UTF-8") as refusal:
        load_settings()
    assert SECRET not in str(refusal.value)


def test_a_wrong_map_in_the_file_names_its_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text(f"COINSPARK_QUOTES=kraken={SECRET}\n", encoding="utf-8")
    monkeypatch.setitem(Settings.model_config, "env_file", file)
    with pytest.raises(ConfigurationError, match="COINSPARK_QUOTES is not JSON") as refusal:
        load_settings()
    assert SECRET not in str(refusal.value)
