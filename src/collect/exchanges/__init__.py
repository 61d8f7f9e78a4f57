"""One file per exchange. A module of this package with a subclass of `Exchange` that states its `name` is found by itself."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

from src.collect.exchange import Exchange
from src.errors import ConfigurationError
from src.nearest import one_of


def _classes() -> Iterator[type[Exchange]]:
    for module in pkgutil.iter_modules(__path__, prefix=f"{__name__}."):
        for value in vars(importlib.import_module(module.name)).values():
            is_exchange = isinstance(value, type) and issubclass(value, Exchange)
            if is_exchange and value.__module__ == module.name and hasattr(value, "name"):
                yield value


EXCHANGES: Mapping[str, Exchange] = MappingProxyType({found.name: found() for found in sorted(_classes(), key=lambda found: found.name)})
"""Every exchange by name. Instances hold no state, so one of each is enough."""


def exchange(name: str) -> Exchange:
    """The exchange of that name. Raises `ConfigurationError` that lists the names there are, the nearest first."""
    if name in EXCHANGES:
        return EXCHANGES[name]
    raise ConfigurationError(f"there is no exchange named {name!r} (COINSPARK_MARKETS): {one_of(name, EXCHANGES, 'The names are')}")


def exchanges_named(names: Sequence[str]) -> dict[str, Exchange]:
    """The exchanges of these names, in their order; `all` stands for every one. Raises as `exchange`."""
    return dict(EXCHANGES) if [name.lower() for name in names] == ["all"] else {name: exchange(name) for name in names}
