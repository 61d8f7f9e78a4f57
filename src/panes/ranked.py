"""A first or last value with what decides it, as bytes whose order is theirs: what Spark can compare in one column, without knowing what is in it.

Eight bytes each, most significant first, for event time, reception and order, then the value: eight bytes of a number, or a text.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from src.panes.arrays import Flags, Numbers
from src.panes.combine import Picked

_SIGN = np.uint64(1 << 63)
_WIDTH = 8
_TEXT_FROM = 3 * _WIDTH


def fixed_width(*, is_text: bool) -> int:
    """How many bytes all of them have; texts have more, each as many as it is long."""
    return _TEXT_FROM + (0 if is_text else _WIDTH)


def ranked(values: Picked, *, is_text: bool) -> pa.Array:
    """The bytes of each; null where no value is known."""
    parts = [_whole(values.time), _whole(values.received), _double(values.order)]
    if is_text:
        prefixes = np.column_stack(parts).astype(">u8")
        rows = zip(prefixes, values.value, values.known.tolist(), strict=True)
        return pa.array([prefix.tobytes() + value.encode() if known else None for prefix, value, known in rows], pa.binary())
    data = np.column_stack([*parts, _double(values.value.astype(np.float64))]).astype(">u8")
    fixed = pa.binary(data.shape[1] * _WIDTH)
    return pa.FixedSizeBinaryArray.from_buffers(fixed, len(data), [_bitmap(values.known), pa.py_buffer(data.tobytes())]).cast(pa.binary())


def ranked_values(found: pa.ChunkedArray, *, is_text: bool) -> pa.Array:
    """The values alone; null for null."""
    if is_text:
        return pa.array([None if each is None else each[_TEXT_FROM:].decode() for each in found.to_pylist()], pa.string())
    known = found.is_valid().to_numpy(zero_copy_only=False)
    data = b"".join(found.drop_null().to_pylist())
    values = np.full(len(found), np.nan)
    values[known] = _from_double(np.frombuffer(data, dtype=">u8").reshape(-1, 4)[:, 3].astype(np.uint64))
    return pa.array(values, mask=~known)


def _whole(values: Any) -> Any:
    return values.astype(np.int64).view(np.uint64) ^ _SIGN


def _double(values: Numbers) -> Any:
    # 0 and -0 are one number, and so one order.
    bits = (values + 0.0).view(np.uint64)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)


def _from_double(ranks: Any) -> Numbers:
    found: Numbers = np.where(ranks & _SIGN, ranks ^ _SIGN, ~ranks).view(np.float64)
    return found


def _bitmap(known: Flags) -> pa.Buffer:
    return pa.array(known).buffers()[1]
