"""A record type with the fields alone that a job reads: decoding takes as long as the fields that are kept."""

from __future__ import annotations

import types
from collections.abc import Collection
from enum import StrEnum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from src.panes.layout import IDENTITY
from src.preprocess.admission import BOUNDED
from src.schema.records import Record

_ALWAYS = frozenset({*IDENTITY, "event_time", "received_time", "backfilled", "trade_id", *BOUNDED})
"""What an identity consists of, and what admission looks at."""


def slim_record(record: type[Record], wanted: Collection[str]) -> type[msgspec.Struct]:
    """A struct that decodes the JSON of `record`, with the same demands on the fields that it keeps.

    Its texts that are one of a few are plain: an enum member would cost more to hash than the whole record to decode.
    """
    hints = get_type_hints(record, include_extras=True)
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = []
    for each in msgspec.structs.fields(record):
        if each.name not in _ALWAYS.union(wanted):
            continue
        hint = _plain(hints[each.name])
        default = each.default.value if isinstance(each.default, StrEnum) else each.default
        fields.append((each.name, hint) if each.required else (each.name, hint, default))
    return msgspec.defstruct(f"{record.__name__}Fields", fields, kw_only=True, gc=False)


def slimmed(kind: type[msgspec.Struct], record: Record) -> msgspec.Struct:
    """A whole record as one of the kind that `slim_record` made of its type."""
    return kind(**{name: _plain_value(getattr(record, name)) for name in kind.__struct_fields__})


def _plain_value(value: Any) -> Any:
    return value.value if isinstance(value, StrEnum) else value


def _plain(hint: Any) -> Any:
    if get_origin(hint) in (Union, types.UnionType):
        return Union[tuple(_plain(part) for part in get_args(hint))]  # noqa: UP007  (built at run time)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return Literal[tuple(member.value for member in hint)]
    return hint
