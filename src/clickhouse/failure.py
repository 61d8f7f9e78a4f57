"""Errors of the engine as ClickHouse sends them over HTTP: a status, the code in a header, the text in the body."""

from __future__ import annotations

import re
from http import HTTPStatus

BAD_ARGUMENTS, NOT_IMPLEMENTED, READONLY, SESSION_NOT_FOUND, SESSION_IS_LOCKED, AUTHENTICATION_FAILED = 36, 48, 164, 372, 373, 516
UNKNOWN_COMPRESSION_METHOD = 89
_CODE = re.compile(r"Code:\s*(\d+)")
_STATUS = {
    HTTPStatus.BAD_REQUEST: {6, 26, 27, 36, 38, 41, 42, 43, 44, 50, 53, 62, 69, 70, 72, 89, 117, 130, 386, 457, 467},
    HTTPStatus.FORBIDDEN: {AUTHENTICATION_FAILED, 193, 194, 195, 291, 497},
    HTTPStatus.NOT_FOUND: {46, 47, 60, 73, 81, 115, 192, 372},
    HTTPStatus.REQUEST_TIMEOUT: {159},
    HTTPStatus.NOT_IMPLEMENTED: {NOT_IMPLEMENTED},
}
_BY_CODE = {code: status for status, codes in _STATUS.items() for code in codes}


class Failure(Exception):
    """A request that the engine, or the server before it, did not carry out."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text

    @property
    def status(self) -> HTTPStatus:
        """The HTTP status that ClickHouse gives such an error; 500 where it has no other."""
        return _BY_CODE.get(self.code, HTTPStatus.INTERNAL_SERVER_ERROR)


def refusal(code: int, name: str, text: str) -> Failure:
    """A failure that is the server's own, in the form of the engine's."""
    return Failure(code, f"Code: {code}. DB::Exception: {text}. ({name})")


def engine_failure(error: BaseException) -> Failure:
    """A failure of the engine, which says its code in its text."""
    text = str(error)
    found = _CODE.search(text)
    return (
        Failure(int(found[1]), text[found.start() :].strip()) if found else Failure(1002, f"Code: 1002. DB::Exception: {text}. (UNKNOWN_EXCEPTION)")
    )
