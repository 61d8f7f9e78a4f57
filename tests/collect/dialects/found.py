"""Every dialect there is: a module of this folder with a subclass of `Dialect` that states its `market` is found by itself."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path

from tests.collect.dialects.dialect import Dialect


def dialects() -> Mapping[str, Dialect]:
    """By the market's name."""
    found: dict[str, Dialect] = {}
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.stem.startswith(("test_", "__")):
            continue
        module = importlib.import_module(f"tests.collect.dialects.{path.stem}")
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, Dialect) and value.__module__ == module.__name__ and hasattr(value, "market"):
                found[value.market] = value()
    return found
