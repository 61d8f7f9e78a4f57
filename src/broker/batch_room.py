"""How many messages a batch may have, so that there is room for its rows: by how many the one before it led to.

Of a million messages may come some thousand rows, or more than the memory holds, where each is of a price and minute of its own; nobody knows before
they are read. What a batch is, is decided in a process of its own, and the job knows its rows, so a file lies between the two.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BatchRoom:
    """Picklable. The file is one query's, and need not be there.

    room: bytes that the rows of a batch should need at most. least: so many messages' rows find room whatever they hold. most: in a batch.
    """

    file: Path
    room: int
    least: int
    most: int

    def tell(self, needed: int) -> None:
        """The rows of the batch that has just been computed needed so many bytes."""
        new = self.file.with_suffix(".new")
        # Where nothing can be written, the job has other troubles; of this one it only learns by smaller batches.
        with suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(str(needed), encoding="ascii")
            new.replace(self.file)

    def messages(self, last: int) -> int:
        """In the next batch, at most, where the one before it had `last`; 0: there was none, or nobody knows."""
        needed = self._told() if last > 0 else None
        if needed is None:
            return min(self.least, self.most)
        return max(min(self.least, self.most), min(self.most, last * self.room // max(needed, 1)))

    def _told(self) -> int | None:
        try:
            return int(self.file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
