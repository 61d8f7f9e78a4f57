"""What there is to read: a card for each table."""

from __future__ import annotations

from typing import Any

from src.dashboard.api.answers import ROOT
from src.dashboard.api.models import JSON_KINDS
from src.dashboard.api.served import ServedTable


def table_card(table: ServedTable) -> dict[str, Any]:
    """A table as `TableModel` describes it."""
    schema, filters = table.schema, {parameter.name for parameter in table.keys}
    return {
        "name": schema.name,
        "description": schema.description,
        "topic": schema.topic,
        "key": list(schema.key),
        "time": table.time,
        "intervals": dict(table.lengths),
        "columns": [
            {
                "name": column.name,
                "type": JSON_KINDS[column.kind],
                "meaning": table.meanings[column.name].text,
                "unit": table.meanings[column.name].unit,
                "is_key": column.name in schema.key,
                "is_filter": column.name in filters,
            }
            for column in schema.columns
        ],
        "rows": f"{ROOT}/tables/{schema.name}/rows",
    }
