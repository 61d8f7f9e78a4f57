"""Where Spark's Python workers come from: a process that has loaded what they need before it splits into them.

PySpark's own (`pyspark.daemon`) loads nothing, so each worker loads numpy, Arrow and pandas again: two seconds of processor time a worker. It
does so for fear of threads, which a fork leaves behind. Here none are left: the libraries that are loaded start none but those that their
allocators take care of themselves when the process is forked.
"""

from __future__ import annotations

import gc
import os
import sys

# Read when numpy is loaded; its threads would be the only ones, and nothing here multiplies matrices.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

from pyspark.daemon import manager


def load() -> None:
    """Load what the workers need that run a job's own code."""
    import pandas  # noqa: F401, ICN001, PLC0415  (Arrow looks for it at the first array that it makes)
    import pyspark.worker  # noqa: F401, PLC0415

    import src.panes.combiner  # noqa: PLC0415
    import src.panes.dead_letters  # noqa: PLC0415
    import src.panes.fetching  # noqa: PLC0415
    import src.series.processor  # noqa: F401, PLC0415


if __name__ == "__main__":
    # Spark starts one for each kind of worker, and those of the other kinds do something small once.
    if sys.argv[1:] == ["pyspark.worker"]:
        load()
        # What is loaded stays: a collection in a worker that looked at it would copy its pages.
        gc.freeze()
    manager()
