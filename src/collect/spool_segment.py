"""One append-only file of messages that wait for Kafka.

An entry is its length and CRC-32 (4 bytes each, little-endian), then the message as MessagePack. A process that is killed leaves at most the
last entry torn; it is ignored.
"""

from __future__ import annotations

import os
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from struct import Struct

import msgspec

from src.collect.message import Message

Origin = tuple[str, str]
"""Market and channel."""

_HEAD = Struct("<II")
_Fields = tuple[str, bytes, bytes, str, str]
"""Topic, key, value, market, channel."""
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Fields).decode


def entry_of(message: Message) -> bytes:
    """A message as it lies in a file."""
    body = _encode((message.topic, message.key, message.value, message.market, message.channel))
    return _HEAD.pack(len(body), zlib.crc32(body)) + body


def _entries(data: bytes) -> Iterator[tuple[Message, int]]:
    """The whole entries at the start of `data`, each with where it ends."""
    end = 0
    while end + _HEAD.size <= len(data):
        length, checksum = _HEAD.unpack_from(data, end)
        start, end = end + _HEAD.size, end + _HEAD.size + length
        body = data[start:end]
        if len(body) < length or zlib.crc32(body) != checksum:
            return
        try:
            topic, key, value, market, channel = _decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        yield Message(topic, key, value, None, market, channel), end


class Segment:
    """A file that is appended to, then read from its start, then deleted. All methods that touch the file raise OSError."""

    def __init__(self, path: Path, number: int) -> None:
        self.path = path
        self.number = number
        self.size = 0
        """Bytes of whole entries."""
        self.unread: Counter[Origin] = Counter()
        """Messages that were not handed over yet."""
        self.unacknowledged = 0
        """Messages that were handed over, and that Kafka has not acknowledged."""
        self.deleted = False
        self._read_to = 0
        self._descriptor: int | None = None

    def find(self) -> Iterator[Message]:
        """Take the file as an earlier process left it, as far as it is whole, by going through all that is in it."""
        for message, end in _entries(self.path.read_bytes()):
            self.unread[message.market, message.channel] += 1
            self.size = end
            yield message

    @property
    def is_read(self) -> bool:
        """Everything in it was handed over."""
        return self._read_to >= self.size

    @property
    def is_begun(self) -> bool:
        """Some of it was handed over."""
        return self._read_to > 0

    @property
    def is_open(self) -> bool:
        """It is appended to: we have made the file."""
        return self._descriptor is not None

    def append(self, entries: Sequence[bytes], messages: Sequence[Message]) -> None:
        """Write messages at the end: all of them, or none and OSError."""
        data = b"".join(entries)
        if self._descriptor is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._write(data)
        self.size += len(data)
        self.unread.update((message.market, message.channel) for message in messages)

    def rewrite(self, handed_over: Sequence[Message], rest: Segment | None) -> None:
        """Make the file hold messages that are under way, then what of another one is unread; that one's path may be the same."""
        front = b"".join(map(entry_of, handed_over))
        behind = b"" if rest is None else rest.unread_bytes()
        fresh = self.path.with_suffix(".new")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            fresh.write_bytes(front + behind)
            fresh.replace(self.path)
        except OSError:
            fresh.unlink(missing_ok=True)
            raise
        self.size, self._read_to = len(front) + len(behind), len(front)
        self.unacknowledged = len(handed_over)
        self.unread = Counter() if rest is None else Counter(rest.unread)

    def read(self, size_limit: int) -> list[Message]:
        """The next messages, at least one and about so many bytes; none when what is there cannot be read."""
        messages: list[Message] = []
        for message, end in _entries(self._bytes(self._read_to, size_limit)):
            messages.append(message)
            read_to = end
        if messages:
            self._read_to += read_to
            self.unread.subtract((message.market, message.channel) for message in messages)
            self.unacknowledged += len(messages)
        return messages

    def unread_bytes(self) -> bytes:
        """What of the file was not handed over."""
        return self._bytes(self._read_to, self.size) if self._read_to < self.size else b""

    def seal(self) -> None:
        """Let go of the file: nothing is appended any more."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def delete(self) -> None:
        """Take the file away, whatever is in it."""
        self.seal()
        self.deleted = True
        self.path.unlink(missing_ok=True)

    def _write(self, data: bytes) -> None:
        if self._descriptor is None:
            raise RuntimeError("a sealed segment is written to")
        written = 0
        try:
            while written < len(data):
                written += os.pwrite(self._descriptor, data[written:], self.size + written)
        except OSError:
            # The next try writes over what was written of it; should there be none, it is a torn end like any other.
            os.ftruncate(self._descriptor, self.size)
            raise

    def _bytes(self, start: int, length: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek(start)
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return head
            first = _HEAD.unpack(head)[0]
            return head + file.read(min(max(length - _HEAD.size, first), self.size - start - _HEAD.size))
