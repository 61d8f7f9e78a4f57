"""The ledger of batches: the table `coinspark_batches` says which batch of each query was written last, in the transaction that wrote its rows."""

from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from src.storage.sink import Batch
from src.storage.sql_types import UtcDateTime, upsert

NAME = "coinspark_batches"
_QUERY_LENGTH = 64
_CHECKPOINT_LENGTH = 128


def ledger_table(metadata: sa.MetaData) -> sa.Table:
    """The ledger's table: a row for each query and checkpoint."""
    return sa.Table(
        NAME,
        metadata,
        sa.Column("query", sa.String(_QUERY_LENGTH), primary_key=True, quote=True, comment="the job's query"),
        sa.Column("checkpoint", sa.String(_CHECKPOINT_LENGTH), primary_key=True, quote=True, comment="id of the checkpoint that batch ids count in"),
        sa.Column("batch_id", sa.BigInteger, nullable=False, quote=True, comment="the last batch whose rows are in the tables"),
        sa.Column("written_at", UtcDateTime, nullable=False, quote=True, comment="UTC"),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        sqlite_with_rowid=False,
    )


def note(connection: sa.Connection, ledger: sa.Table, batch: Batch) -> bool:
    """Note the batch as written; False, and nothing is noted, when it or a later one of its query and checkpoint was written before.

    A batch whose ids are of no checkpoint is always to be written, and not noted. The row stays locked until the transaction ends.
    """
    if not batch.checkpoint:
        return True
    mine = (ledger.c.query == batch.query) & (ledger.c.checkpoint == batch.checkpoint)
    values = {"batch_id": batch.batch_id, "written_at": datetime.now(UTC)}
    if connection.execute(ledger.update().where(mine, ledger.c.batch_id < batch.batch_id).values(values)).rowcount:
        return True
    if connection.execute(sa.select(ledger.c.batch_id).where(mine)).first() is not None:
        return False
    first = {"query": batch.query, "checkpoint": batch.checkpoint, **values}
    connection.execute(upsert(ledger, connection.dialect.name), [first])
    return True
