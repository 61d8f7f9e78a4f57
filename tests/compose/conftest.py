"""docker-compose.yml as Compose reads it: anchors merged, variables put in."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.servers import ROOT, missing

COMPOSE = ROOT / "compose"
_VARIABLE = re.compile(r"(?<!\$)\$\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\}")


def variables() -> dict[str, str | None]:
    """Every variable of the file and its default."""
    return {found["name"]: found["default"] for found in _VARIABLE.finditer((COMPOSE / "docker-compose.yml").read_text())}


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    """The file with the defaults of its variables."""
    try:
        from ruamel.yaml import YAML  # noqa: PLC0415
    except ModuleNotFoundError:
        raise missing("check-jsonschema, which brings what reads YAML, is not installed: run `make install`") from None
    text = _VARIABLE.sub(lambda found: found["default"] or "", (COMPOSE / "docker-compose.yml").read_text())
    content: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return content


def health_check(service: dict[str, Any]) -> list[str]:
    """The command of a service's health check, as it is run in the container."""
    kind, *words = service["healthcheck"]["test"]
    words = [word.replace("$$", "$") for word in words]
    return ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words
