"""Topics that carry a venue's own payloads, read as records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import msgspec

from src.errors import MalformedFrame, MalformedMessage
from src.schema.records import RawMessage, Record

_messages = msgspec.json.Decoder(RawMessage | list[RawMessage])


@dataclass(frozen=True)
class RawTopic:
    """Reads the messages of such a topic.

    record: the record in a payload; None for one that stands for none. Raises MalformedFrame for a payload that it does not know.
    """

    record: Callable[[RawMessage], Record | None]

    def __call__(self, value: bytes) -> Sequence[Record | MalformedMessage]:
        """The records of a message, and a MalformedMessage for each part of it that is none. Raises msgspec's DecodeError for no message at all."""
        found = _messages.decode(value)
        records: list[Record | MalformedMessage] = []
        for raw in found if isinstance(found, list) else [found]:
            try:
                record = self.record(raw)
            except MalformedFrame as error:
                records.append(MalformedMessage(str(error)[:200]))
            else:
                if record is not None:
                    records.append(record)
        return records
