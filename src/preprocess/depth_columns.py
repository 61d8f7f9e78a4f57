"""What one change of a futures book says: how many levels it changed, and to what sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from src.collect.exchanges.binance_futures import BinanceFutures
from src.preprocess.computed import Computed
from src.preprocess.ragged_levels import Floats, RaggedLevels
from src.schema.kinds import Kind

DEPTH_MARKET = BinanceFutures.name
"""The market whose records are changes of books, not books: `depth_change` (src/preprocess/depth_change.py) makes them."""
_SIDES = {"bids": "bid", "asks": "ask"}


class DepthColumns(Computed):
    """Columns of one change; null for a book of another market, and for a mark that changes are missing.

    bid_updates, ask_updates: levels that it changed; bid_update_size, ask_update_size: sum of the sizes that they have now, base coin (a level
    that is gone has 0).
    """

    @property
    def kinds(self) -> Mapping[str, Kind]:
        return {f"{name}_{column}": Kind.DOUBLE for name in _SIDES.values() for column in ("updates", "update_size")}

    @property
    def reads(self) -> tuple[str, ...]:
        return ("market", "valid", *_SIDES)

    def of(self, record: Mapping[str, Any]) -> Mapping[str, float | None]:
        if record["market"] != DEPTH_MARKET or record["valid"] is not True:
            return dict.fromkeys(self.kinds)
        found: dict[str, float | None] = {}
        for side, name in _SIDES.items():
            total = 0.0
            for _, size in record[side] or ():
                total += size
            found |= {f"{name}_updates": float(len(record[side] or ())), f"{name}_update_size": total}
        return found

    def columns(self, fields: Mapping[str, Sequence[Any]], count: int) -> Mapping[str, Floats]:
        changes = (market == DEPTH_MARKET and valid is True for market, valid in zip(fields["market"], fields["valid"], strict=True))
        known = np.flatnonzero(np.fromiter(changes, np.bool_, count))
        found = {name: np.full(count, np.nan) for name in self.kinds}
        for side, name in _SIDES.items():
            levels = RaggedLevels([fields[side][place] or () for place in known.tolist()])
            updates, size = np.zeros(len(known)), np.zeros(len(known))
            for books, _, sizes in levels.walk():
                updates[:books] += 1
                size[:books] += sizes
            found[f"{name}_updates"][known[levels.order]] = updates
            found[f"{name}_update_size"][known[levels.order]] = size
        return found
