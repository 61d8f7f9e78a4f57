"""Comments for columns (meaning and unit), read out of a table's description, so that they are written once: in the metric's docstring."""

from __future__ import annotations

import re

from src.schema.tables import TableSchema

_NAME = r"[a-z*][a-z0-9_*]*(?:<[a-z]+>[a-z0-9_]*)*"
_ENTRY = re.compile(rf"(?:^|(?<=[.;,:] ))({_NAME}(?:(?:, | and ){_NAME})*): ")
_PLACE = re.compile(r"<[a-z]+>|\*")
_OF_EVERY_TABLE = {
    "source": "where the records came from: live, replay or simulated",
    "window_start": "UTC; the window holds times from here on",
    "window_end": "UTC; the window holds times before this",
    "symbol": "base coin",
    "market": "exchange",
    "region": "korea, asia or ne",
    "quote": "quote currency",
}
_UNITS = {"_usd_": "USD", "_percent_": "percent", "_bp_": "basis points", "_seconds_": "seconds", "_ms_": "milliseconds"}
"""By a part of a column's name, the unit that it says."""


def column_comments(table: TableSchema) -> dict[str, str]:
    """By column what its table's description says of it, in the form `price_usd: of the last trade, USD; trades: how many`.

    `spread_<a>_<b>` and `mean_*` stand for every column of that form. A unit that the column's own name says is added. Columns of which
    nothing is said are left out.
    """
    _, _, text = table.description.partition("\n\n")
    text = " ".join(text.split())
    found = list(_ENTRY.finditer(text))
    ends = [*(match.start() for match in found), len(text)][1:]
    said: dict[str, str] = {}
    for match, end in zip(found, ends, strict=True):
        meaning = text[match.end() : end].split(". ")[0].strip(" ;,.")
        for name in re.split(", | and ", match[1]):
            said.setdefault(name, meaning)
    patterns = [(re.compile(_PLACE.sub("DOT", name).replace("DOT", "[a-z0-9_]+")), meaning) for name, meaning in said.items() if _PLACE.search(name)]
    comments = {}
    for column in table.columns:
        meaning = said.get(column.name) or next((meaning for pattern, meaning in patterns if pattern.fullmatch(column.name)), "")
        meaning = meaning or _OF_EVERY_TABLE.get(column.name, "")
        unit = next((unit for ending, unit in _UNITS.items() if ending in f"{column.name}_"), "")
        if unit.lower() not in meaning.lower():
            meaning = f"{meaning}; {unit}" if meaning else unit
        if meaning:
            comments[column.name] = meaning
    return comments
