"""ClickHouse's Native format, as far as the engine leaves it out: a block of columns without rows."""

from __future__ import annotations

from collections.abc import Sequence


def empty_block(columns: Sequence[tuple[str, str]]) -> bytes:
    """A block of no rows that names its columns and their types, as a server sends for a query that finds nothing."""
    return b"".join([_number(len(columns)), _number(0), *(_text(word) for column in columns for word in column)])


def _number(value: int) -> bytes:
    """Seven bits a byte, the lowest first; the eighth says that more follow."""
    written = bytearray()
    while value > 0x7F:  # noqa: PLR2004
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def _text(value: str) -> bytes:
    encoded = value.encode()
    return _number(len(encoded)) + encoded
