"""Settings as environment variables: how a process hands its own to one that it starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from src.config.settings import Settings, environment_name


def as_environment(settings: Settings) -> dict[str, str]:
    """Variables that give equal settings, whatever the environment and `.env` say; secrets and what is not set are left out."""
    values = {name: getattr(settings, name) for name in Settings.model_fields}
    return {environment_name(name): _text(value) for name, value in values.items() if value is not None and not isinstance(value, SecretStr)}


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value.absolute()) if isinstance(value, Path) else str(value)
