"""The columns of a record type, derived from its one definition in `records`."""

from __future__ import annotations

import types
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from src.schema.kinds import Kind

_KINDS: Mapping[type, Kind] = {float: Kind.DOUBLE, int: Kind.LONG, bool: Kind.BOOLEAN, str: Kind.STRING}


def record_kinds(record: type[msgspec.Struct]) -> dict[str, Kind]:
    """Column name to type, in the record's order; `X | None` is a nullable X. Lists, such as the levels of a book, are no columns."""
    hints = {name: hint for name, hint in get_type_hints(record).items() if name in record.__struct_fields__}
    return {name: _kind(hint) for name, hint in hints.items() if get_origin(hint) is not tuple}


def _kind(hint: Any) -> Kind:
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    return Kind.STRING if issubclass(hint, StrEnum) else _KINDS[hint]
