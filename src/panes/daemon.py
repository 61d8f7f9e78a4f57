"""Where Spark's Python workers come from: a process that has loaded what they need before it splits into them.

PySpark's own (`pyspark.daemon`) loads nothing, so each worker loads numpy, Arrow and pandas again: two seconds of processor time a worker. It
does so for fear of threads, which a fork leaves behind. Here none are left: the libraries that are loaded start none but those that their
allocators take care of themselves when the process is forked.
"""

from __future__ import annotations

import gc
import os

# Read when numpy is loaded; its threads would be the only ones, and nothing here multiplies matrices.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import pandas  # noqa: F401, ICN001  (Arrow looks for it at the first array that it makes)
import pyspark.worker  # noqa: F401
from pyspark.daemon import manager

import src.panes.combiner
import src.panes.dead_letters
import src.panes.fetching
import src.series.processor  # noqa: F401

if __name__ == "__main__":
    # What is loaded stays: a collection in a worker that looked at it would copy its pages.
    gc.freeze()
    manager()
