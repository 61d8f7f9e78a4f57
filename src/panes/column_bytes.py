"""Runs of rows as bytes, and back: what many rows need little room for, and what is read again without a look at each value.

The bytes of a run lie column by column, of each column all first bytes, then all second ones and so on: those of times and prices that are near each
other are the same then, and LZ4 makes them few.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pt

from src.panes.arrays import Integers

Bytes = npt.NDArray[np.uint8]
_LENGTH = np.dtype(np.int32)
_codec = pa.Codec("lz4_raw")


class _Run(msgspec.Struct, array_like=True, frozen=True):
    """rests: how long the ends of each column's texts are, together. size: of `body` before LZ4."""

    rows: int
    rests: tuple[int, ...]
    size: int
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Run).decode


@dataclass(frozen=True)
class ColumnBytes:
    """How columns of a schema lie in bytes. Numbers, times, conditions, texts and bytes can; of a number NaN is null, a condition is never null.

    heads: of columns of texts or bytes, how many bytes each value has at least; 0 where nothing is said.
    """

    schema: pa.Schema
    heads: Mapping[str, int]

    def written(self, table: pa.Table, begins: Sequence[int]) -> list[bytes]:
        """The runs of a table's rows that begin at `begins`, of which the first is 0."""
        parts = [self._parts(table[field.name].combine_chunks(), field) for field in self.schema]
        matrix = np.hstack([each for part in parts for each in part.fixed])
        ends = [*begins[1:], len(matrix)]
        return [_encode(_run(matrix, parts, begin, end)) for begin, end in zip(begins, ends, strict=True)]

    def read(self, runs: Sequence[bytes]) -> tuple[pa.Table, Integers]:
        """The rows of runs, one after the other, and how many each has."""
        found = list(map(_decode, runs))
        counts = np.array([run.rows for run in found], dtype=np.int64)
        width = sum(map(self._width, self.schema))
        bodies = [_codec.decompress(run.body, decompressed_size=run.size, asbytes=True) for run in found]
        matrices = [np.frombuffer(body, np.uint8, run.rows * width).reshape(width, run.rows).T for run, body in zip(found, bodies, strict=True)]
        matrix = np.concatenate(matrices) if matrices else np.empty((0, width), np.uint8)
        rests = [b"".join(each) for each in zip(*map(partial(_rests, width), found, bodies), strict=True)] or [b""] * len(self.schema)
        ends = np.cumsum([self._width(field) for field in self.schema])
        parts = np.split(matrix, ends[:-1], axis=1)
        columns = list(map(self._column, parts, rests, self.schema))
        return pa.table(columns, schema=self.schema), counts

    def _width(self, field: pa.Field) -> int:
        return self.heads.get(field.name, 0) + _LENGTH.itemsize if _has_bytes(field.type) else _dtype(field.type).itemsize

    def _parts(self, column: pa.Array, field: pa.Field) -> _Parts:
        if not _has_bytes(field.type):
            numbers = column.cast(pa.int64()) if _dtype(field.type).kind == "i" else column
            return _Parts([_as_bytes(numbers.to_numpy(zero_copy_only=False))], np.empty(0, np.uint8), np.zeros(len(column) + 1, np.int64))
        _, offsets, data = column.buffers()
        begins = np.frombuffer(offsets, np.int32, len(column) + 1)
        known = column.is_valid().to_numpy(zero_copy_only=False)
        lengths = np.where(known, np.diff(begins), -1).astype(_LENGTH)
        head = self.heads.get(field.name, 0)
        heads = np.zeros((len(column), head), np.uint8)
        heads[known], rest = _apart(np.frombuffer(data or b"", np.uint8)[: begins[-1]], lengths[known], head)
        return _Parts([heads, _as_bytes(lengths)], rest, np.append(0, np.cumsum(np.where(known, lengths - head, 0))))

    def _column(self, matrix: Bytes, rest: bytes, field: pa.Field) -> Any:
        if not _has_bytes(field.type):
            numbers = _from_bytes(matrix, _dtype(field.type))
            return pa.array(numbers, from_pandas=True) if numbers.dtype.kind == "f" else pa.array(numbers).cast(field.type)
        head = self.heads.get(field.name, 0)
        lengths = _from_bytes(matrix[:, head:], _LENGTH)
        known = lengths >= 0
        data = _together(matrix[known, :head], np.frombuffer(rest, np.uint8), lengths[known])
        begins = np.append(0, np.cumsum(np.where(known, lengths, 0))).astype(np.int32)
        buffers = [pa.array(known).buffers()[1], pa.py_buffer(begins.tobytes()), pa.py_buffer(data.tobytes())]
        return pa.Array.from_buffers(field.type, len(lengths), buffers)


@dataclass(frozen=True)
class _Parts:
    """Of a column: what has the same width in each row, and the ends of its texts, those of row n between `ends` n and n + 1."""

    fixed: Sequence[Bytes]
    rest: Bytes
    ends: Integers


def _run(matrix: Bytes, parts: Sequence[_Parts], begin: int, end: int) -> _Run:
    rests = [part.rest[part.ends[begin] : part.ends[end]].tobytes() for part in parts]
    body = b"".join([np.ascontiguousarray(matrix[begin:end].T).tobytes(), *rests])
    return _Run(end - begin, tuple(map(len, rests)), len(body), _codec.compress(body, asbytes=True))


def _rests(width: int, run: _Run, body: bytes) -> list[bytes]:
    """The ends of a run's texts, by column."""
    ends = list(accumulate(run.rests, initial=run.rows * width))
    return [body[begin:end] for begin, end in pairwise(ends)]


def _apart(values: Bytes, lengths: npt.NDArray[np.int32], head: int) -> tuple[Bytes, Bytes]:
    """The first `head` bytes of each value, a row each, and what follows them; `values` lie one after the other."""
    if head == 0:
        return np.empty((len(lengths), 0), np.uint8), values
    if len(values) == head * len(lengths):
        return values.reshape(len(lengths), head), values[:0]
    in_head = _in_heads(lengths, head)
    return values[in_head].reshape(len(lengths), head), values[~in_head]


def _together(heads: Bytes, rest: Bytes, lengths: npt.NDArray[np.int32]) -> Bytes:
    """The values of which `_apart` made these."""
    if not rest.size or not heads.size:
        return heads.ravel() if heads.size else rest
    in_head = _in_heads(lengths, heads.shape[1])
    values = np.empty(len(in_head), np.uint8)
    values[in_head], values[~in_head] = heads.ravel(), rest
    return values


def _in_heads(lengths: npt.NDArray[np.int32], head: int) -> npt.NDArray[np.bool_]:
    """Which bytes of values, one after the other, are among the first `head` of theirs."""
    begins = np.cumsum(lengths) - lengths
    return np.arange(lengths.sum()) - np.repeat(begins, lengths) < head


def _as_bytes(values: npt.NDArray[Any]) -> Bytes:
    return np.ascontiguousarray(values).view(np.uint8).reshape(len(values), values.dtype.itemsize)


def _from_bytes(matrix: Bytes, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    return np.ascontiguousarray(matrix).view(dtype).reshape(len(matrix))


def _has_bytes(kind: pa.DataType) -> bool:
    return bool(pt.is_string(kind) or pt.is_binary(kind))


def _dtype(kind: pa.DataType) -> np.dtype[Any]:
    return np.dtype(np.float64 if pt.is_floating(kind) else np.int64)
