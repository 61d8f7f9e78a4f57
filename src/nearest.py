"""What a wrong word may have been meant to be: the one place that decides it, for settings, options, commands and names of things."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST = 3
_LIKENESS = 0.6
_FAINT_LIKENESS = 0.3


def nearest(word: str, known: Iterable[str], *, faint: bool = False) -> list[str]:
    """Those of the `known` words that are most like `word`, the most like first, at most three; case does not count.

    faint: where none is much like it, those that are a little like it.
    """
    words = {name.lower(): name for name in known}
    found = difflib.get_close_matches(word.lower(), words, n=MOST, cutoff=_LIKENESS)
    if not found and faint:
        found = difflib.get_close_matches(word.lower(), words, n=MOST, cutoff=_FAINT_LIKENESS)
    if not found and word:
        # A word that was cut short, or that has something before it, is little like the whole.
        found = sorted(name for name in words if name.startswith(word.lower()))[:MOST]
    return [words[name] for name in found]


def did_you_mean(word: str, known: Iterable[str], otherwise: str = "", *, faint: bool = False) -> str:
    """`did you mean a or b?`, or `otherwise` where nothing is like it."""
    near = nearest(word, known, faint=faint)
    return f"did you mean {' or '.join(near)}?" if near else otherwise


def one_of(word: str, known: Iterable[str], names: str) -> str:
    """What is said behind a wrong word where all that would be right fit in a line: `did you mean a? The channels are a, b`.

    names: what the known ones are, with the verb: `The channels are`.
    """
    listed = list(known)
    return " ".join(filter(None, [did_you_mean(word, listed), f"{names} {', '.join(listed)}"]))
