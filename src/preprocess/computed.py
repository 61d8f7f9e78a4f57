"""Columns computed of a whole record, where an expression over its plain columns cannot say it: the walk through a book's levels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from src.schema.kinds import Kind


class Computed(ABC):
    """One family of such columns. A query organization names its own in `computed`; main columns and metrics read them like the record's."""

    @property
    @abstractmethod
    def kinds(self) -> Mapping[str, Kind]:
        """The columns that it gives, numbers all of them."""

    @property
    @abstractmethod
    def reads(self) -> tuple[str, ...]:
        """The record's fields that it needs."""

    @abstractmethod
    def of(self, record: Mapping[str, Any]) -> Mapping[str, float | None]:
        """The columns of one plain record (its fields by name, lists for tuples): the definition, which the oracle uses."""

    @abstractmethod
    def columns(self, fields: Mapping[str, Sequence[Any]], count: int) -> Mapping[str, npt.NDArray[np.float64]]:
        """The columns of `count` records at once, NaN where the value is null.

        fields: of each name in `reads` the values as they were decoded, None for null.
        """
