"""Texts of others, of exchanges and out of databases, on a terminal."""

from __future__ import annotations

import re

_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """The text with a `?` for each letter that a terminal would obey; ends of lines and tabulators stay."""
    return _OBEYED.sub("?", text)
