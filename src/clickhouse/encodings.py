"""Content encodings of bodies: what a client may send, and in which it may be answered."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import lz4.frame

from src.clickhouse.failure import UNKNOWN_COMPRESSION_METHOD, refusal

_GZIP_WINDOW = 31
"""What zlib is told for gzip's head and foot."""


class _Packer(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class _Unpacker(Protocol):
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class _Lz4Packer:
    def __init__(self) -> None:
        self._compressor = lz4.frame.LZ4FrameCompressor()
        self._head: bytes = self._compressor.begin()

    def compress(self, data: bytes) -> bytes:
        head, self._head = self._head, b""
        packed: bytes = self._compressor.compress(data)
        return head + packed

    def flush(self) -> bytes:
        foot: bytes = self._compressor.flush()
        return self._head + foot


_UNPACKERS: dict[str, Callable[[], _Unpacker]] = {
    "gzip": lambda: zlib.decompressobj(_GZIP_WINDOW),
    "deflate": zlib.decompressobj,
    "lz4": lz4.frame.LZ4FrameDecompressor,
}
_PACKERS: dict[str, Callable[[], _Packer]] = {
    "lz4": _Lz4Packer,
    "gzip": lambda: zlib.compressobj(1, wbits=_GZIP_WINDOW),
    "deflate": lambda: zlib.compressobj(1),
}


def unpacked(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """A request's body out of its encoding. Raises Failure for one that is not known, or a body that is not of it."""
    if encoding in {"", "identity"}:
        yield from chunks
        return
    if encoding not in _UNPACKERS:
        raise refusal(
            UNKNOWN_COMPRESSION_METHOD, "UNKNOWN_COMPRESSION_METHOD", f"Content-Encoding {encoding} is not known: {', '.join(_UNPACKERS)} are"
        )
    unpacker, began = _UNPACKERS[encoding](), False
    try:
        for chunk in chunks:
            began = True
            yield unpacker.decompress(chunk)
    except (zlib.error, RuntimeError, EOFError) as error:
        raise refusal(UNKNOWN_COMPRESSION_METHOD, "UNKNOWN_COMPRESSION_METHOD", f"the body is not {encoding}: {error}") from None
    if began and not unpacker.eof:
        raise refusal(UNKNOWN_COMPRESSION_METHOD, "UNKNOWN_COMPRESSION_METHOD", f"the body is not whole: its {encoding} does not end")


def chosen(accepted: str) -> str:
    """The first of the encodings of an Accept-Encoding header that an answer can have; empty: none."""
    return next((name for part in accepted.split(",") if (name := part.split(";")[0].strip()) in _PACKERS), "")


def packed(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """An answer's body in an encoding of `chosen`."""
    if not encoding:
        yield from chunks
        return
    packer = _PACKERS[encoding]()
    for chunk in chunks:
        yield packer.compress(chunk)
    yield packer.flush()
