"""What a check says: one line a thing it looked at."""

from __future__ import annotations

import msgspec

from src.errors import CoinSparkError


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at. It holds no secret."""

    check: str
    ok: bool
    text: str
    """What was found, and what to do about it where that is not well; one line."""


def well(check: str, text: str) -> Finding:
    """Nothing is to be done."""
    return Finding(check=check, ok=True, text=text)


def unwell(check: str, text: str) -> Finding:
    """Something is to be done, which the text says."""
    return Finding(check=check, ok=False, text=text)


def failed(check: str, error: BaseException) -> Finding:
    """An error as a finding. Our own errors say what to do and hold no secret; of any other only its kind is told, as its words may hold one."""
    if isinstance(error, CoinSparkError):
        return unwell(check, " ".join(str(error).split()))
    return unwell(check, f"this could not be looked at ({type(error).__name__}): please report that as a defect of CoinSpark")
