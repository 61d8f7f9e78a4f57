"""The columns of a record type, derived from its one definition in `records`."""

from __future__ import annotations

import types
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

import msgspec

from src.schema.kinds import Kind
from src.schema.records import EXACT

_KINDS: Mapping[type, Kind] = {float: Kind.DOUBLE, int: Kind.LONG, bool: Kind.BOOLEAN, str: Kind.STRING}


def record_kinds(record: type[msgspec.Struct]) -> dict[str, Kind]:
    """Column name to type, in the record's order; `X | None` is a nullable X. Lists, such as the levels of a book, are no columns."""
    hints = {name: hint for name, hint in get_type_hints(record).items() if name in record.__struct_fields__}
    return {name: _kind(hint) for name, hint in hints.items() if get_origin(hint) is not tuple}


def large_columns(record: type[msgspec.Struct]) -> frozenset[str]:
    """The whole-number columns whose values may pass 2**53, which not every double holds: those that are not bounded to it."""
    hints = get_type_hints(record, include_extras=True)
    whole = [name for name, kind in record_kinds(record).items() if kind is Kind.LONG]
    return frozenset(name for name in whole if not _is_exact(_value_hint(hints[name])))


def _kind(hint: Any) -> Kind:
    hint = _value_hint(hint)
    return Kind.STRING if issubclass(hint, StrEnum) else _KINDS[hint]


def _value_hint(hint: Any) -> Any:
    """Of `X | None` the X."""
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (part for part in get_args(hint) if part is not type(None))
    return hint


def _is_exact(hint: Any) -> bool:
    """Whether an annotation bounds the number to what a double holds exactly."""
    bounds = [(each.ge, each.le) for each in get_args(hint)[1:] if isinstance(each, msgspec.Meta)]
    return any(least is not None and most is not None and least >= -EXACT and most <= EXACT for least, most in bounds)
