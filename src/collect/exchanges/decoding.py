"""From the bytes of a frame to a typed message: one place where anything at all may come in, and only `MalformedFrame` goes out."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Generic, NoReturn, TypeVar

import msgspec

from src.collect.parsed import Frame
from src.errors import MalformedFrame

Message = TypeVar("Message")


class FrameDecoder(Generic[Message]):
    """Decodes one venue's JSON frames into its message type. Keys that the type does not name are left alone.

    A field typed as a number also takes the number in a string, as several venues send it; an empty string is null, and a number
    that no float reaches (1e999) is infinite.
    """

    def __init__(self, message: type[Message]) -> None:
        self._message = message
        self._decoder = msgspec.json.Decoder(message, strict=False)

    def decode(self, frame: Frame) -> Message:
        """The frame's message. Raises `MalformedFrame`, with a reason that holds nothing of the frame and so can be counted."""
        return self.decode_part(frame.message)

    def decode_part(self, part: str | bytes | msgspec.Raw) -> Message:
        """The same for a part of a frame that was left as it came (`msgspec.Raw`), or for all of its text."""
        try:
            try:
                return self._decoder.decode(part)
            except msgspec.ValidationError as error:
                if not any(sign in str(error) for sign in _SIGNS_OF_ODD_NUMBERS):
                    raise
                return self._decode_slowly(part)
        except msgspec.ValidationError as error:
            raise MalformedFrame(_reason(error)) from None
        except ValueError:  # malformed JSON, bytes that are not UTF-8, text that cannot be UTF-8
            raise MalformedFrame("not JSON") from None
        except RecursionError:
            raise MalformedFrame("JSON nested too deep") from None

    def _decode_slowly(self, message: str | bytes | msgspec.Raw) -> Message:
        values = json.loads(
            bytes(message) if isinstance(message, msgspec.Raw) else message, object_hook=_with_odd_numbers, parse_int=_integer, parse_constant=_refuse
        )
        return msgspec.convert(values, self._message, strict=False)


def not_finite_numbers(message: str | bytes) -> int:
    """How many numbers of a frame are NaN or infinite (spelled so in a string, or with an exponent no float reaches).

    Every parser reads them as null. A function of the frame alone, so that parsing stays pure and the collector can count.
    """
    raw = message.encode(errors="replace") if isinstance(message, str) else message
    lower = raw.lower()
    if b'nan"' not in lower and b"inf" not in lower and not _LARGE_EXPONENT.search(lower):
        return 0
    return sum(not math.isfinite(float(text)) for text in _NUMBER_IN_QUESTION.findall(lower))


# msgspec will not read an empty or an endless number: where it says one of these, there may be one.
_SIGNS_OF_ODD_NUMBERS = ("out of range", "got `str`", "Invalid decimal string")
_LARGE_EXPONENT = re.compile(rb"e\+?\d{3}")
_NUMBER_IN_QUESTION = re.compile(rb'(?<=")[+-]?(?:nan|inf|infinity)(?=")|(?<![\w.+-])[+-]?\d+(?:\.\d+)?e\+?\d{3,}(?![\w.])')
_ENDLESS = re.compile(r"-?\d+(?:\.\d+)?[eE]\+?\d{3,}")
_LONGEST_INTEGER = 300
_QUOTED = re.compile(r" '.*?'(?= - at |$)|(?<=unrecognized key) `.*?`", re.DOTALL)


def _reason(error: msgspec.ValidationError) -> str:
    """What is wrong and where, without what the frame says: reasons are counted."""
    return _QUOTED.sub("", str(error))


def _with_odd_numbers(values: dict[str, Any]) -> dict[str, Any]:
    return {key: _odd_number(value) if isinstance(value, str) else value for key, value in values.items()}


def _odd_number(text: str) -> str | float | None:
    if not text:
        return None
    return float(text) if _ENDLESS.fullmatch(text) else text


def _integer(digits: str) -> int | float:
    return float(digits) if len(digits) > _LONGEST_INTEGER else int(digits)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
