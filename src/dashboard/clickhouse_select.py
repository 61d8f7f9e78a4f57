"""A question as ClickHouse is asked it."""

from __future__ import annotations

from typing import Any

from src.dashboard.question import ANSWER_SECONDS, Question, place
from src.schema.tables import TableSchema
from src.storage.clickhouse import current_view
from src.storage.clickhouse_tables import TYPES, identifier
from src.storage.sql_tables import time_column


def clickhouse_select(schema: TableSchema, question: Question, seconds: int = ANSWER_SECONDS) -> tuple[str, dict[str, Any]]:
    """The statement of a question, which may take so many seconds, and its parameters, which the server puts in."""
    kinds = {column.name: TYPES[column.kind] for column in schema.columns}
    names = ", ".join(identifier(name) for name in question.columns or kinds)
    parameters: dict[str, Any] = {f"value{number}": value for number, (_, value) in enumerate(question.where)}
    conditions = [f"{identifier(name)} = {{value{number}:{kinds[name]}}}" for number, (name, _) in enumerate(question.where)]
    moment, order = time_column(schema), ""
    if moment is not None:
        columns = place(schema) if question.is_ordered else (moment,)
        order = " ORDER BY " + ", ".join(f"{identifier(name)} DESC" for name in columns)
        if question.after:
            behind = [_moment_of("after0"), *(f"{{after{number}:{kinds[name]}}}" for number, name in enumerate(columns) if number)]
            # The time once more, alone: partitions are passed over by it.
            conditions.append(f"{identifier(moment)} <= {behind[0]}")
            conditions.append(f"({', '.join(map(identifier, columns))}) < ({', '.join(behind)})")
            parameters |= {f"after{number}": value for number, value in enumerate(question.after)}
        for name, sign, value in (("since", ">=", question.since), ("until", "<", question.until)):
            if value is not None:
                conditions.append(f"{identifier(moment)} {sign} {_moment_of(name)}")
                parameters[name] = value
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    text = f"SELECT {names} FROM {identifier(current_view(schema.name))}{where}{order} LIMIT {question.limit}"  # noqa: S608  (names are quoted)
    return f"{text} SETTINGS max_execution_time = {seconds}", parameters


def _moment_of(parameter: str) -> str:
    return f"fromUnixTimestamp64Milli({{{parameter}:Int64}}, 'UTC')"
