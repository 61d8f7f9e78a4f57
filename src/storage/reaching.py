"""Why a server did not answer: it is away and may come back, or what was asked for can never be had."""

from __future__ import annotations

import re

from src.errors import MissingPartError, UnreachableError

_LASTS = re.compile(
    r"Name or service not known|nodename nor servname|No address associated|Name does not resolve|\[SSL: |SSL error|support SSL|certificate"
)
"""What the network says of a name that nobody has, and of certificates and protocols that do not fit."""


def not_reached(message: str, said: str) -> MissingPartError:
    """The error of a server that did not answer before the first batch; `said` is what the driver said of it."""
    return MissingPartError(message) if _LASTS.search(said) else UnreachableError(message)
