"""What both the owner and its clients must call the same."""

from __future__ import annotations

EMBEDDED_DATABASE = "coinspark"
"""The database of an engine that nobody but the project uses."""
DATA_FOLDER = "data"
"""Where the embedded one's rows are, in its folder under the home folder."""
CHDB_MISSING = "the ClickHouse engine needs the Python package chdb, which is an extra: `poetry install --extras clickhouse`, or pip install chdb"
