"""Secrets that come apart: by files (`DATABASE_PASSWORD_FILE=/run/secrets/password`), and beside the URL they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from src.errors import ConfigurationError

SUFFIX = "_FILE"
"""What is behind the name of a secret in the name of the variable that says which file holds it."""
_LONGEST_BYTES = 64 * 1024


class SecretFiles(PydanticBaseSettingsSource):
    """Reads `<NAME>_FILE` of every secret: the file's text without the line break at its end.

    `places` are the variables of the environment and of `.env`, in the order in which they count. Raises `ConfigurationError` that names the
    variable and the file, never what is in it, for a file that cannot be read or is empty, and for a secret that is also given in plain.
    """

    def __init__(self, settings: type[BaseSettings], names: Mapping[str, str], places: Iterable[Mapping[str, str | None]]) -> None:
        super().__init__(settings)
        self._names = names
        self._places = [{name.upper(): value for name, value in place.items()} for place in places]

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        return self._read(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        fields = self.settings_cls.model_fields
        found = {str(fields[field].validation_alias or field): self._read(field) for field in self._names}
        return {name: value for name, value in found.items() if value is not None}

    def _read(self, field: str) -> str | None:
        name = self._names[field]
        path = self._given(name + SUFFIX)
        if path is None:
            return None
        if self._given(name) is not None:
            raise ConfigurationError(f"both {name} and {name}{SUFFIX} are set: which one counts? Unset one")
        return _text(Path(path), name + SUFFIX)

    def _given(self, name: str) -> str | None:
        return next((value for place in self._places if (value := place.get(name))), None)


def with_password(url: str, password: str) -> str:
    """The URL with the password in it. Raises ValueError, which quotes nothing, where there is no user name or a password already."""
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    if not at or not user:
        raise ValueError("a password is given apart, and the URL names no user: it looks like mysql://user@host:3306/database")
    if ":" in user:
        raise ValueError("it has a password, and another one is given apart")
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{place}").geturl()


def _text(path: Path, variable: str) -> str:
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST_BYTES).decode()
    except OSError as error:
        raise ConfigurationError(
            f"{variable}: the file {path} cannot be read ({error.strerror}): correct the path, or let this user read it"
        ) from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{variable}: the file {path} is not UTF-8 text") from None
    secret = text.rstrip("\r\n")
    if not secret:
        raise ConfigurationError(f"{variable}: the file {path} is empty")
    return secret
