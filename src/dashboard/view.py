"""What a view is: it loads rows by questions, and shows them. Each is one file in src/dashboard/views/, found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from src.config.settings import Settings
from src.dashboard.choice import Choice
from src.dashboard.freshness import FRESH_MS
from src.dashboard.palette import Palette
from src.dashboard.reading import Reading
from src.dashboard.texts import Texts


@dataclass(frozen=True)
class Page:
    """Who looks at what: the choice in the address, and the viewer's language, time zone and colours."""

    choice: Choice
    texts: Texts
    zone: ZoneInfo
    palette: Palette
    now: int
    """ms since 1970 UTC."""
    settings: Settings
    search: str = ""


@dataclass(frozen=True)
class Column:
    """A column of a table that is shown and exported.

    kind: text, words (a sentence, which may be long), number, price, whole, percent, ratio (-1 to 1), seconds, time (ms since 1970 UTC), or what a
    name is of, such as market, side or condition. Such names are shown in the viewer's language, by the text `<kind>.<name>`, and exported
    as they are.
    """

    name: str
    kind: str = "text"


def heading(column: Column, texts: Texts) -> str:
    """What a column is called; `<name>_<notional>` is its text with the notional, whole USD."""
    name, _, notional = column.name.rpartition("_")
    return texts(f"column.{name}", notional=f"{int(notional):,}") if notional.isdigit() else texts(f"column.{column.name}")


@dataclass(frozen=True)
class Sheet:
    """A table of a view: what is on the page, in the CSV file and in the Excel file."""

    name: str
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True)
class Loaded:
    """What a view has read."""

    rows: Any
    source: str = ""
    newest: int | None = None
    """The end of what the rows tell of, ms since 1970 UTC; None where there is nothing."""
    options: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What can be chosen, by the choice's part."""
    chosen: dict[str, str] = field(default_factory=dict)
    """What is shown where the address does not say."""
    fresh_ms: int = FRESH_MS
    """Older than this it is marked as stale."""
    newest_is: str = "status.newest"
    """The key of the text that says what `newest` is of."""


class View(ABC):
    """One page. Its title is the text `<name>.title`, what it says without rows `<name>.empty`; columns of sheets are `column.<name>`."""

    name: ClassVar[str]
    order: ClassVar[int]
    """Places it in the navigation."""
    searchable: ClassVar[bool] = False

    @abstractmethod
    def load(self, reading: Reading, page: Page) -> Loaded:
        """Ask for the rows of the choice. Raises DatabaseAway."""

    @abstractmethod
    def show(self, loaded: Loaded, page: Page) -> Any:
        """The rows as Dash components."""

    def sheets(self, loaded: Loaded, page: Page) -> Sequence[Sheet]:
        """The tables that can be exported, by default none."""
        del loaded, page
        return ()


@cache
def views() -> dict[str, View]:
    """Every view there is, by name, in the order of the navigation."""
    folder = Path(__file__).parent / "views"
    modules = [importlib.import_module(f"src.dashboard.views.{found.name}") for found in pkgutil.iter_modules([str(folder)])]
    kinds = [
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, View) and kind.__module__ == module.__name__
    ]
    return {kind.name: kind() for kind in sorted(kinds, key=lambda kind: kind.order)}
