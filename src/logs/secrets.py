"""Passwords are in no message by design; here is what keeps one out all the same, whoever's message it is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

_IN_ADDRESS = re.compile(r"(//[^/@\s:]*):[^/@\s]+@")
_HIDDEN = "***"
_SHORTEST = 6
"""A shorter text is in too many words to be looked for."""


class Hidden:
    """A step of the log that takes the known secrets, and the password of any address, out of every text of a line."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()

    def add(self, secrets: Iterable[str]) -> None:
        """From now on these are left out."""
        # A secret that contains another one first: what is left of it would be told otherwise.
        known = {*self._secrets, *(secret for secret in secrets if len(secret) >= _SHORTEST)}
        self._secrets = tuple(sorted(known, key=len, reverse=True))

    def __call__(self, _logger: Any, _method: str, fields: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Called by structlog with each line."""
        for name, value in fields.items():
            fields[name] = self._clean(value)
        return fields

    def _clean(self, value: Any) -> Any:
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return self.without(value)
            case Mapping():
                return {str(name): self._clean(each) for name, each in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self._clean(each) for each in value]
            case _:
                return self.without(str(value))

    def without(self, text: str) -> str:
        """The text without what is secret in it."""
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        return _IN_ADDRESS.sub(rf"\1:{_HIDDEN}@", text)
