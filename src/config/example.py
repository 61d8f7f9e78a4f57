"""The text of `.env.example`: every setting with its meaning and default, out of the one definition in `settings`."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from src.config.settings import Settings, environment_name, secret_names

_HEAD = """\
# Settings of CoinSpark. Copy this file to .env, take the # away in front of what you change; the environment wins over .env.
# The values shown are the defaults. Instead of a secret, the file that holds it can be named: DATABASE_PASSWORD_FILE=/run/secrets/password.
# The secrets are {secrets}.
"""


def env_example() -> str:
    """The file's text."""
    parts = [_HEAD.format(secrets=", ".join(secret_names().values()))]
    for name, field in Settings.model_fields.items():
        comment = "\n".join(f"# {line}" for line in textwrap.wrap(field.description or "", 110))
        parts.append(f"{comment}\n#{environment_name(name)}={shown_default(field)}\n")
    return "\n".join(parts)


def shown_default(field: FieldInfo) -> str:
    """A setting's default as it is written in the environment; empty where there is none."""
    return _shown(field.get_default(call_default_factory=True))


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, dict):
        return json.dumps(value)
    return str(value) if isinstance(value, str | Path) else f"{value}"
