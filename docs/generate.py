"""Writes what is made from the code: docs/tables.md, .env.example, and the names of docs/monitoring.md. `make docs` runs it."""

import re
from pathlib import Path

from src.config.example import env_example
from src.config.settings import Settings
from src.monitoring.names import FAMILIES
from src.schema.cards import table_cards
from src.schema.tables import TableSchema
from src.setting.jobs import JOBS

PROJECT = Path(__file__).resolve().parents[1]


def pages() -> dict[Path, str]:
    """Each generated file and its text, whatever the environment of whoever runs this."""
    settings = Settings.model_construct(**{name: field.get_default(call_default_factory=True) for name, field in Settings.model_fields.items()})
    tables: dict[str, TableSchema] = {}
    for job in JOBS:
        for table in job(settings).tables:
            tables.setdefault(table.name, table)
    tables |= {job.raw_table.name: job.raw_table for job in JOBS if job.raw_table is not None}
    monitoring = PROJECT / "docs" / "monitoring.md"
    return {
        PROJECT / "docs" / "tables.md": table_cards(list(tables.values())),
        PROJECT / ".env.example": env_example(),
        monitoring: with_names(monitoring.read_text()),
    }


def with_names(text: str) -> str:
    """The page with the table of all metrics between its two marks."""
    rows = [f"| `{family.name}` | {family.kind} | {', '.join(family.labels)} | {family.help} |" for family in FAMILIES]
    table = "\n".join(["| name | kind | labels | meaning |", "|---|---|---|---|", *rows])
    return re.sub(r"(<!-- names -->\n).*?(<!-- end of names -->)", lambda found: f"{found[1]}{table}\n{found[2]}", text, flags=re.DOTALL)


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text)
