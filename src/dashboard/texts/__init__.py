"""What the page says, one file a language: a key has its text in each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from src.errors import ConfigurationError
from src.nearest import one_of

_FOLDER = Path(__file__).parent
LANGUAGES = tuple(sorted(path.stem for path in _FOLDER.glob("*.json")))


@dataclass(frozen=True)
class Texts:
    """The texts of one language."""

    language: str
    known: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """The text of a key, with the values put in. Raises KeyError for a key that there is not."""
        return self.known[key].format(**values)

    def named(self, kind: str, name: str) -> str:
        """The text of `kind.name` where there is one, else the name itself: for names that come from data."""
        return self.known.get(f"{kind}.{name}", name)


@cache
def texts(language: str) -> Texts:
    """The texts of `en` or `ko`. Raises ConfigurationError for another language."""
    if language not in LANGUAGES:
        raise ConfigurationError(f"--language {language!r}: {one_of(language, LANGUAGES, 'there are')}")
    return Texts(language, msgspec.json.decode((_FOLDER / f"{language}.json").read_bytes(), type=dict[str, str]))
