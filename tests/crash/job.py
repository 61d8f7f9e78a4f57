"""A job that dies where it is told to: `python -m tests.crash.job ticker FOLDER`. Settings come from the environment.

The file `<job>.doom` in the folder says where, and is gone when the job is: `delivered` is after all sinks have a batch and before Spark commits
it, `between` is after the database has it and before Kafka does.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from src.collect.options import CollectOptions, SourceChoice
from src.errors import CoinSparkError
from src.setting.jobs import SparkStreamingTicker, SparkStreamingTrade
from src.setting.streaming import SparkStreamingCoinAverage
from src.storage.sink import Batch

DELIVERED = "delivered"
BETWEEN = "between"


class Doomed(SparkStreamingCoinAverage):
    """Looks for its doom at the two moments, through the documented plug points and the one step around them."""

    folder: Path

    @property
    def doom(self) -> Path:
        """Where it is told to die."""
        return self.folder / f"{self.name}.doom"

    def _topic_to_kafka_sending(self, batch: Batch) -> None:
        self._die_if(BETWEEN, batch)
        super()._topic_to_kafka_sending(batch)

    def _deliver_everywhere(self, batch: Batch) -> None:
        super()._deliver_everywhere(batch)
        self._die_if(DELIVERED, batch)

    def _die_if(self, moment: str, batch: Batch) -> None:
        if batch.rows and self.doom.exists() and self.doom.read_text() == moment:
            self.doom.write_text(f"{moment} {batch.query} {batch.batch_id}")
            os.kill(os.getpid(), signal.SIGKILL)


class DoomedTicker(Doomed, SparkStreamingTicker):
    """The ticker job."""


class DoomedTrade(Doomed, SparkStreamingTrade):
    """The trade job."""


JOBS: dict[str, type[Doomed]] = {"ticker": DoomedTicker, "trade": DoomedTrade}


def main() -> None:
    """Run the job until it is asked to stop, or dies."""
    name, folder = sys.argv[1:]
    job = JOBS[name](collect=CollectOptions(source=SourceChoice.NONE))
    job.folder = Path(folder)
    try:
        job.run()
    except CoinSparkError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
