"""Answers that are none: what is wrong and what would be right, as problem details (RFC 9457)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import Response

from src.errors import CoinSparkError

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: which parameter, what of it, and the nearest values that would be right (the nearest first)."""

    parameter: str
    what: str
    nearest: tuple[str, ...] = ()


class Refused(CoinSparkError):
    """A request that gets no data: an HTTP status, a title that is the same for all of its kind, and what is wrong this time."""

    def __init__(self, status: int, title: str, detail: str, faults: Sequence[Fault] = (), retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.faults = tuple(faults)
        self.retry_after = retry_after


def wrong_input(faults: Sequence[Fault]) -> Refused:
    """What cannot be understood, all of it at once."""
    return Refused(422, "wrong input", "; ".join(said(fault) for fault in faults), faults)


def said(fault: Fault) -> str:
    """A fault in a sentence."""
    return f"{fault.parameter}: {fault.what}" + (f" (nearest: {', '.join(fault.nearest)})" if fault.nearest else "")


def nearest(given: str, valid: Iterable[str]) -> tuple[str, ...]:
    """Up to three of the valid values that look most like what was given; where none does and they are few, all of them."""
    known = list(valid)
    by_lower = {value.lower(): value for value in known}
    close = difflib.get_close_matches(given.lower(), by_lower, n=3)
    return tuple(by_lower[value] for value in close) or (tuple(known) if len(known) <= _FEW else ())


def problem_body(refused: Refused) -> dict[str, Any]:
    """The members of a problem."""
    faults = [{"parameter": fault.parameter, "what": fault.what, "nearest": list(fault.nearest)} for fault in refused.faults]
    return {"title": refused.title, "status": int(refused.status), "detail": refused.detail, "faults": faults}


def problem_response(refused: Refused) -> Response:
    """As an answer."""
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": str(refused.retry_after)} if refused.retry_after is not None else {})
    return Response(msgspec.json.encode(problem_body(refused)), int(refused.status), headers, MEDIA_TYPE)


_FEW = 12
