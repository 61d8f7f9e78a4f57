"""Decoded records as arrays, and expressions over them: each value computed once, whatever number of metrics reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from src.panes.arrays import Flags, Integers, Numbers, Texts
from src.panes.arrow_columns import arrow_column
from src.panes.layout import IDENTITY
from src.panes.merging import known_of
from src.preprocess.expression import Column, Expression
from src.schema.kinds import Kind
from src.schema.tables import ARROW_TYPES


class Identities:
    """The identities that a worker has met, numbered from 0. `add` is called with the values of IDENTITY in their order."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str | None, ...], int] = {}
        self._cache: dict[str, Flags] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, values: tuple[str | None, ...]) -> int:
        """The number of an identity that may be new."""
        return self._numbers.setdefault(values, len(self._numbers))

    def texts(self, name: str) -> list[str | None]:
        """One of the columns, by the number of the identity."""
        place = IDENTITY.index(name)
        return [values[place] for values in self._numbers]

    def holds(self, condition: Expression | None) -> Flags:
        """For each identity whether the condition, which reads nothing else, holds."""
        if condition is None:
            return np.ones(len(self), dtype=np.bool_)
        key = repr(condition)
        known = self._cache.get(key)
        if known is None or len(known) < len(self):
            columns = {name: pa.array(self.texts(name), pa.string()) for name in set(condition.columns())}
            known = self._cache[key] = _flags(arrow_column(condition, columns), len(self))
        return known


@dataclass
class Records:
    """The records of one batch of messages. Arrays have one element a record."""

    identities: Identities
    identity: Integers
    """The number of each record's identity."""
    times: Mapping[str, Integers]
    """event_time and received_time, ms since 1970 UTC."""
    fields: Mapping[str, Sequence[Any]]
    """The other fields that are read: numbers as an array, NaN for null; others as they were decoded, None for null."""
    kinds: Mapping[str, Kind]
    computed: Mapping[str, Numbers] = field(default_factory=dict)
    """Computed columns; NaN is null."""
    keys: Mapping[str, Expression] = field(default_factory=dict)
    """Main columns that are keys: their definitions, over the other columns."""
    _arrow: dict[str, Any] = field(default_factory=dict)
    _numbers: dict[str, Numbers] = field(default_factory=dict)
    _flags: dict[str, Flags] = field(default_factory=dict)
    _texts: dict[str, Texts] = field(default_factory=dict)
    _known: dict[str, Flags] = field(default_factory=dict)
    _coded: dict[str, tuple[Integers, list[Any]]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.identity)

    @classmethod
    def joined(cls, parts: Sequence[Records]) -> Records:
        """The records of several batches of one reader as one."""
        first = parts[0]
        if len(parts) == 1:
            return first
        return cls(
            first.identities,
            np.concatenate([part.identity for part in parts]),
            {name: np.concatenate([part.times[name] for part in parts]) for name in first.times},
            {name: _joined([part.fields[name] for part in parts]) for name in first.fields},
            first.kinds,
            {name: np.concatenate([part.computed[name] for part in parts]) for name in first.computed},
        )

    @property
    def nbytes(self) -> int:
        """The memory that they take, about."""
        return 8 * len(self) * (1 + len(self.times) + len(self.fields) + len(self.computed))

    def numbers(self, expression: Expression) -> Numbers:
        """The values of a number or a condition (0 or 1); NaN for null."""
        key = repr(expression)
        if key not in self._numbers:
            self._numbers[key] = self._as_numbers(expression)
        return self._numbers[key]

    def texts(self, expression: Expression) -> Texts:
        """The values of a text; None for null."""
        key = repr(expression)
        if key not in self._texts:
            if isinstance(expression, Column) and expression.name in self.fields:
                self._texts[key] = _objects(self.fields[expression.name])
            else:
                self._texts[key] = self._array(expression).to_numpy(zero_copy_only=False)
        return self._texts[key]

    def known(self, expression: Expression) -> Flags:
        """Where a text is not null."""
        key = repr(expression)
        if key not in self._known:
            self._known[key] = known_of(self.texts(expression))
        return self._known[key]

    def holds(self, condition: Expression | None) -> Flags | None:
        """Where the condition holds; None for everywhere."""
        if condition is None:
            return None
        key = repr(condition)
        if key not in self._flags:
            self._flags[key] = _flags(self._array(condition), len(self))
        return self._flags[key]

    def coded(self, name: str) -> tuple[Integers, list[Any]]:
        """A column as numbers from 0, for a key, and the value that each of them stands for."""
        if name not in self._coded:
            found = self._column(name).dictionary_encode(null_encoding="encode")
            self._coded[name] = found.indices.to_numpy().astype(np.int64), found.dictionary.to_pylist()
        return self._coded[name]

    def _as_numbers(self, expression: Expression) -> Numbers:
        if isinstance(expression, Column):
            if expression.name in self.computed:
                return self.computed[expression.name]
            if expression.name in self.times:
                return self.times[expression.name].astype(np.float64)
            if expression.name in self.fields:
                return np.asarray(self.fields[expression.name], dtype=np.float64)
        found: Numbers = self._array(expression).cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
        return found

    def _array(self, expression: Expression) -> Any:
        names = set(expression.columns())
        found = arrow_column(expression, {name: self._column(name) for name in names})
        return pa.repeat(found, len(self)) if isinstance(found, pa.Scalar) else found

    def _column(self, name: str) -> Any:
        if name not in self._arrow:
            self._arrow[name] = self._as_arrow(name)
        return self._arrow[name]

    def _as_arrow(self, name: str) -> Any:
        if name in self.times:
            return pa.array(self.times[name])
        if name in self.computed:
            return pa.array(self.computed[name], from_pandas=True)
        if name in IDENTITY:
            return pa.array(self.identities.texts(name), pa.string()).take(pa.array(self.identity))
        if name in self.keys:
            return self._array(self.keys[name])
        kind = self.kinds[name]
        if kind is Kind.DOUBLE:
            return pa.array(self.numbers(Column(name)), from_pandas=True)
        return pa.array(self.fields[name], ARROW_TYPES[kind])


def _objects(values: Sequence[Any]) -> Texts:
    found: Texts = np.empty(len(values), dtype=object)
    found[:] = values
    return found


def _joined(parts: Sequence[Sequence[Any]]) -> Sequence[Any]:
    if isinstance(parts[0], np.ndarray):
        found: Sequence[Any] = np.concatenate(parts)
        return found
    return [value for part in parts for value in part]


def _flags(values: Any, count: int) -> Flags:
    """Where a condition is true: not where it is false, and not where it is null."""
    whole = pa.repeat(values, count) if isinstance(values, pa.Scalar) else values
    found: Flags = pc.fill_null(whole.cast(pa.bool_()), fill_value=False).to_numpy(zero_copy_only=False)
    return found
