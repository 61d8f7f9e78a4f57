"""Recorded frames: JSONL files of `{"received": unix seconds or null, "message": text}`, one frame a line.

The answer of a REST request also has `url`, what was asked for.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

from src.errors import BadInput, ConfigurationError

UNDATED = -1
"""In place of a line's time, where the recording gives none."""
_LATEST = 4_102_444_800
"""2100-01-01, unix seconds: a later reception is a broken line."""


class RecordedLine(msgspec.Struct, frozen=True):
    """One line of a recording."""

    received: float | None
    """Unix seconds; None where it is not known."""
    message: str
    url: str | None = None
    """What was asked for, of the answer of a REST request."""


_decode = msgspec.json.Decoder(RecordedLine).decode


@dataclass(frozen=True, slots=True)
class Recording:
    """One file of one market: where its lines are and when they were received. The frames themselves stay in the file."""

    path: Path
    market: str
    digest: str
    """SHA-256 of the file, in hexadecimal."""
    times: array[int]
    """ms since 1970 UTC of each line, or UNDATED."""
    offsets: array[int]
    """Where each line begins in the file, bytes."""

    def open(self) -> BinaryIO:
        """Open the file for `line`."""
        return _open(self.path)

    def line(self, file: BinaryIO, number: int) -> bytes:
        """The bytes of a line, without the line break."""
        file.seek(self.offsets[number])
        return file.readline().rstrip(b"\r\n")


def read_line(raw: bytes) -> RecordedLine:
    """Decode one line; `BadInput` says what is wrong with it."""
    try:
        line = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadInput(f"broken line of a recording: {error}") from None
    if line.received is not None and not 0 <= line.received < _LATEST:
        raise BadInput("broken line of a recording: received is no time in unix seconds")
    return line


def index_recordings(arguments: Sequence[str], markets: Collection[str]) -> list[Recording]:
    """Read each file once for its times and its digest. Blank lines are passed over.

    An argument is FILE or market=FILE. Raises `ConfigurationError` for a file that cannot be read or whose market is not known.
    """
    if not arguments:
        raise ConfigurationError("a replay needs files: --source replay FILE..., each FILE or market=FILE, JSONL lines with received and message")
    return [_index(path, market) for path, market in (_file_and_market(argument, markets) for argument in arguments)]


def _index(path: Path, market: str) -> Recording:
    digest = hashlib.sha256()
    times, offsets, offset = array("q"), array("q"), 0
    with _open(path) as file:
        for raw in file:
            digest.update(raw)
            if raw.strip():
                times.append(_time(raw))
                offsets.append(offset)
            offset += len(raw)
    if not times:
        raise ConfigurationError(f"{path} holds no frames: each line must be a JSON object with received and message")
    return Recording(path, market, digest.hexdigest(), times, offsets)


def _time(raw: bytes) -> int:
    try:
        received = read_line(raw).received
    except BadInput:
        return UNDATED
    return UNDATED if received is None else round(received * 1000)


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise ConfigurationError(f"the recording {path} cannot be read: {error.strerror}; check the path and its permissions") from None


def _file_and_market(argument: str, markets: Collection[str]) -> tuple[Path, str]:
    named = re.fullmatch(r"(\w+)=(.+)", argument)
    if named and not Path(argument).exists():
        path, market = Path(named[2]), named[1]
    else:
        path = Path(argument)
        folder = path.resolve().parent.name
        # "okx-2026.jsonl" is okx; "binance_futures.jsonl" is not binance.
        start = re.split(r"[^\w]", path.name, maxsplit=1)[0]
        market = folder if folder in markets else start
    if not path.is_file():
        raise ConfigurationError(f"there is no recording {path}; check the path")
    if market not in markets:
        raise ConfigurationError(
            f"which exchange is {path} from? Name it as market=FILE, or name its folder or the beginning of the file after one of: "
            f"{', '.join(sorted(markets))}"
        )
    return path, market
