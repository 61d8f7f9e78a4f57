"""Topics that carry a venue's own payloads, read as records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from src.errors import MalformedFrame, MalformedMessage
from src.panes.messages import UNREADABLE, parts_of
from src.schema.records import RawMessage, Record

_message = msgspec.json.Decoder(RawMessage)


@dataclass(frozen=True)
class RawTopic:
    """Reads the messages of such a topic.

    record: the record in a payload; None for one that stands for none. Raises MalformedFrame for a payload that it does not know.
    """

    record: Callable[[RawMessage], Record | None]

    def __call__(self, value: bytes) -> Sequence[Record | MalformedMessage]:
        """The records of a message, and a MalformedMessage for each part of it that is none."""
        parts = parts_of(value)
        found = [MalformedMessage("empty array")] if not parts else [self._read(part) for part in parts]
        return [each for each in found if each is not None]

    def _read(self, part: msgspec.Raw) -> Record | MalformedMessage | None:
        try:
            return self.record(_message.decode(part))
        except UNREADABLE as error:
            return MalformedMessage(f"not a RawMessage: {error}"[:200])
        except MalformedFrame as error:
            return MalformedMessage(str(error)[:200])
