"""What the address of a page says that it shows, so that a view can be shared by its address."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from urllib.parse import parse_qs, urlencode

_NAME = re.compile(r"[\w.-]{1,64}")


@dataclass(frozen=True)
class Choice:
    """Symbol, market, interval, order of rows and source; empty where the address does not say, and the view chooses."""

    view: str = "overview"
    symbol: str = ""
    market: str = ""
    interval: str = ""
    sort: str = ""
    source: str = ""

    @property
    def href(self) -> str:
        """The address of this choice."""
        given = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "view" and getattr(self, field.name)}
        return f"/{self.view}" + (f"?{urlencode(given)}" if given else "")

    def but(self, **changes: str) -> Choice:
        """The same with some parts changed."""
        return replace(self, **changes)


def choice_of(path: str | None, search: str | None, first_view: str) -> Choice:
    """The choice of an address; what is no name in it is left out."""
    given = {key: values[0] for key, values in parse_qs((search or "").removeprefix("?")).items() if _NAME.fullmatch(values[0])}
    known = {field.name for field in fields(Choice)} - {"view"}
    return Choice(view=(path or "").strip("/") or first_view, **{key: value for key, value in given.items() if key in known})
