"""The answer to a question: columns with their units, and rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Heading:
    """A column of an answer."""

    name: str
    unit: str = ""
    """`USD`, `percent`, `KRW`; empty where it has none or none is known."""

    @property
    def text(self) -> str:
        """As it stands above the column."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


@dataclass(frozen=True)
class Result:
    """Rows of plain values in the order of the headings; times are aware datetimes in UTC."""

    headings: tuple[Heading, ...]
    rows: Sequence[tuple[Any, ...]]
    more: bool = False
    """There were more rows than were asked for."""

    def only(self, names: Sequence[str]) -> Result:
        """The same with these columns alone, in this order."""
        places = [next(place for place, heading in enumerate(self.headings) if heading.name == name) for name in names]
        return Result(tuple(self.headings[place] for place in places), [tuple(row[place] for place in places) for row in self.rows], self.more)
