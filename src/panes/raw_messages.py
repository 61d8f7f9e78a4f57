"""Topics that carry a venue's own payloads, read as records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from src.errors import MalformedFrame, MalformedMessage
from src.schema.records import RawMessage, Record

_parts = msgspec.json.Decoder(list[msgspec.Raw])
_message = msgspec.json.Decoder(RawMessage)
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


@dataclass(frozen=True)
class RawTopic:
    """Reads the messages of such a topic.

    record: the record in a payload; None for one that stands for none. Raises MalformedFrame for a payload that it does not know.
    """

    record: Callable[[RawMessage], Record | None]

    def __call__(self, value: bytes) -> Sequence[Record | MalformedMessage]:
        """The records of a message, and a MalformedMessage for each part of it that is none."""
        try:
            parts = _parts.decode(value)
        except _UNREADABLE:
            parts = [msgspec.Raw(value)]
        found = [MalformedMessage("empty array")] if not parts else [self._read(part) for part in parts]
        return [each for each in found if each is not None]

    def _read(self, part: msgspec.Raw) -> Record | MalformedMessage | None:
        try:
            return self.record(_message.decode(part))
        except _UNREADABLE as error:
            return MalformedMessage(f"not a RawMessage: {error}"[:200])
        except MalformedFrame as error:
            return MalformedMessage(str(error)[:200])
