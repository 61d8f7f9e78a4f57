"""A folder that frames are recorded into: `<market>/<channel>.jsonl`, `events.jsonl`, and `metadata.json` that says what is in them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import msgspec

from src.collect.arrival import Happening
from src.collect.parsed import Frame
from src.errors import ConfigurationError, TerminalError
from src.schema.records import Source

METADATA_FILE = "metadata.json"
EVENTS_FILE = "events.jsonl"


class RecordedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a recording."""

    path: str
    """Relative to the folder."""
    market: str
    channel: str
    """`control` for acknowledgements, heartbeats and whatever no parser reads."""
    frames: int
    bytes: int
    sha256: str
    """Of the first `bytes` bytes, hexadecimal."""


class RecordingMetadata(msgspec.Struct, frozen=True, kw_only=True):
    """What a recording holds."""

    source: Source
    markets: list[str]
    channels: list[str]
    symbols: list[str]
    """Base coins that were asked for."""
    began_time: int
    """ms since 1970 UTC."""
    ended_time: int | None
    """ms since 1970 UTC; null while it goes on, and for ever when it was killed."""
    frames: int
    bytes: int
    altered: int
    """Frames that were no UTF-8 text: what is none of it is written as U+FFFD."""
    events: int
    """Lines of events.jsonl: connections lost, subscriptions refused, frames dropped."""
    files: list[RecordedFile]


class _Line(msgspec.Struct, frozen=True, omit_defaults=True):
    received: float
    message: str
    url: str | None = None


class _OpenFile:
    """A file of a recording while it grows."""

    def __init__(self, folder: Path, market: str, channel: str) -> None:
        self.market, self.channel = market, channel
        self.frames = self.bytes = 0
        self._path = Path(market) / f"{channel}.jsonl"
        self._digest = hashlib.sha256()
        (folder / market).mkdir(exist_ok=True)
        self.file = (folder / self._path).open("xb")

    def write(self, line: bytes) -> None:
        self.file.write(line)
        self._digest.update(line)
        self.frames += 1
        self.bytes += len(line)

    def said(self) -> RecordedFile:
        return RecordedFile(
            path=self._path.as_posix(),
            market=self.market,
            channel=self.channel,
            frames=self.frames,
            bytes=self.bytes,
            sha256=self._digest.copy().hexdigest(),
        )


class RecordingFolder:
    """Writes one recording. A method that writes raises `TerminalError` when the disk takes no more."""

    def __init__(
        self, folder: Path, source: Source, markets: Sequence[str], channels: Sequence[str], symbols: Sequence[str], began_time: int
    ) -> None:
        """Make the folder. Raises `ConfigurationError` when it cannot be made, or holds anything already."""
        self.folder = folder
        self._source, self._markets, self._channels, self._symbols = source, list(markets), list(channels), list(symbols)
        self._began_time = began_time
        self._altered = self._event_count = 0
        self._files: dict[tuple[str, str], _OpenFile] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if any(folder.iterdir()):
                raise ConfigurationError(f"--out {folder} holds files already: name another folder")
            self._events: BinaryIO = (folder / EVENTS_FILE).open("xb")
        except OSError as error:
            raise ConfigurationError(f"--out {folder} cannot be written: {error.strerror}; name another folder") from None

    def write(self, frame: Frame, channel: str) -> None:
        """Append a frame to the file of its market and channel."""
        line = msgspec.json.encode(_Line(frame.received_time / 1000, self._text(frame.message), frame.url)) + b"\n"
        try:
            file = self._files.get((frame.market, channel))
            if file is None:
                file = self._files[frame.market, channel] = _OpenFile(self.folder, frame.market, channel)
            file.write(line)
        except OSError as error:
            raise self._full(error) from None

    def note(self, happening: Happening) -> None:
        """Append what befell a connection to the events."""
        try:
            self._events.write(msgspec.json.encode(happening) + b"\n")
        except OSError as error:
            raise self._full(error) from None
        self._event_count += 1

    def flush(self, ended_time: int | None = None) -> RecordingMetadata:
        """Hand everything to the system, and put the metadata beside it."""
        try:
            for file in (*(file.file for file in self._files.values()), self._events):
                file.flush()
            metadata = self.metadata(ended_time)
            fresh = self.folder / f"{METADATA_FILE}.new"
            fresh.write_bytes(msgspec.json.format(msgspec.json.encode(metadata), indent=2) + b"\n")
            fresh.replace(self.folder / METADATA_FILE)
        except OSError as error:
            raise self._full(error) from None
        return metadata

    def close(self, ended_time: int) -> RecordingMetadata:
        """End the recording: everything is on the disk, and the metadata says when it ended."""
        metadata = self.flush(ended_time)
        try:
            for file in (*(file.file for file in self._files.values()), self._events):
                os.fsync(file.fileno())
                file.close()
        except OSError as error:
            raise self._full(error) from None
        return metadata

    def metadata(self, ended_time: int | None = None) -> RecordingMetadata:
        """What is recorded so far."""
        files = sorted((file.said() for file in self._files.values()), key=lambda file: file.path)
        return RecordingMetadata(
            source=self._source,
            markets=self._markets,
            channels=self._channels,
            symbols=self._symbols,
            began_time=self._began_time,
            ended_time=ended_time,
            frames=sum(file.frames for file in files),
            bytes=sum(file.bytes for file in files),
            altered=self._altered,
            events=self._event_count,
            files=files,
        )

    def _text(self, message: str | bytes) -> str:
        raw = message if isinstance(message, bytes) else message.encode("utf-8", "surrogatepass")
        try:
            return raw.decode()
        except UnicodeDecodeError:
            self._altered += 1
            return raw.decode(errors="replace")

    def _full(self, error: OSError) -> TerminalError:
        return TerminalError(f"the recording in {self.folder} cannot be written: {error.strerror}")
