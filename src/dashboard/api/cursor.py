"""Where an answer ended and how far back it looked, so that the next one goes on behind it whatever was written meanwhile."""

from __future__ import annotations

import base64
import binascii

import msgspec

from src.dashboard.api.parameters import LARGEST, Parameter
from src.dashboard.api.problems import Fault, wrong_input
from src.dashboard.api.served import ServedTable
from src.dashboard.question import Row
from src.schema.kinds import Kind, is_of

_LATEST = 253_402_300_799_999
"""The last ms of the year 9999."""
_LONGEST = 1_000
CURSOR = Parameter("cursor", "`next_cursor` of the answer before, with the same parameters: the rows behind it.", longest=_LONGEST)
FROM = Parameter(
    "from",
    "Only rows whose time is not before this, ms since 1970 UTC. Without it: a day before the newest row, or `limit` windows of the given "
    "`interval` where they are longer.",
    Kind.TIMESTAMP,
    least=0,
    most=_LATEST,
)
TO = Parameter("to", "Only rows whose time is before this, ms since 1970 UTC.", Kind.TIMESTAMP, least=0, most=_LATEST)


def cursor_of(table: ServedTable, row: Row, since: int) -> str:
    """The cursor that goes on behind a row. since: no row before this is looked for, ms since 1970 UTC."""
    return base64.urlsafe_b64encode(msgspec.json.encode([since, *(row[name] for name in table.place)])).decode().rstrip("=")


def place_of(table: ServedTable, cursor: str) -> tuple[int, tuple[str | float, ...]]:
    """Since when a cursor of the table looks for rows, and behind which place. Raises Refused for anything else."""
    try:
        values = msgspec.json.decode(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)), type=list[str | int | float])
    except (msgspec.DecodeError, binascii.Error, ValueError):
        values = []
    kinds = [Kind.TIMESTAMP, *(table.kinds[name] for name in table.place)]
    is_place = len(values) == len(kinds) and all(is_of(kind, value) for kind, value in zip(kinds, values, strict=True))
    bounds = [(0, _LATEST) if kind is Kind.TIMESTAMP else (-LARGEST, LARGEST) for kind in kinds]
    if not is_place or not all(isinstance(value, str) or least <= value <= most for value, (least, most) in zip(values, bounds, strict=True)):
        raise wrong_input([Fault("cursor", f"is no cursor that an answer with rows of {table.name} gave")])
    return int(values[0]), tuple(values[1:])
