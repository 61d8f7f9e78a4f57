"""What a declared object is, as text that is the same in every process: part of a query's fingerprint."""

from __future__ import annotations

import dataclasses


def declared(thing: object) -> str:
    """Its class and its parameters. The class's code does not count."""
    kind = type(thing)
    named = {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing)} if dataclasses.is_dataclass(thing) else vars(thing)
    return f"{kind.__module__}.{kind.__qualname__}{sorted(named.items())!r}"
