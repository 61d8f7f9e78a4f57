"""The shapes of answers, for OpenAPI. What is sent is written from rows as they are; the tests hold every answer against these."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.config import JsonDict

from src.dashboard.api.meaning import TIME
from src.dashboard.api.served import ServedTable
from src.schema.kinds import Kind
from src.schema.records import Source

_TYPES: dict[Kind, Any] = {Kind.DOUBLE: float, Kind.LONG: int, Kind.BOOLEAN: bool, Kind.STRING: str, Kind.TIMESTAMP: int}
JsonKind = Literal["number", "integer", "boolean", "string"]
JSON_KINDS: dict[Kind, JsonKind] = {
    Kind.DOUBLE: "number",
    Kind.LONG: "integer",
    Kind.BOOLEAN: "boolean",
    Kind.STRING: "string",
    Kind.TIMESTAMP: "integer",
}


def _time(meaning: str) -> Any:
    return Field(description=f"{meaning}, {TIME}", json_schema_extra={"x-unit": TIME})


def _in(unit: str, meaning: str) -> Any:
    return Field(description=f"{meaning}, {unit}", json_schema_extra={"x-unit": unit})


class Model(BaseModel):
    """An answer has what is said here and nothing else."""

    model_config = ConfigDict(extra="forbid")


class FaultModel(Model):
    """One thing that is wrong with a request."""

    parameter: str = Field(description="Which parameter.")
    what: str = Field(description="What is wrong with it.")
    nearest: list[str] = Field(description="Values that would be right, those that look most like it first; empty where none is known.")


class ProblemModel(Model):
    """Why there is no answer, as problem details (RFC 9457)."""

    title: str = Field(description="The kind of problem, the same for all of its kind.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What is wrong this time.")
    faults: list[FaultModel] = Field(description="Of a wrong request everything that is wrong; else empty.")


class ColumnModel(Model):
    """A column of a table."""

    name: str = Field(description="Its name, also in rows.")
    type: JsonKind = Field(description="Its type in JSON. Any column that is not of the key may also be null: it was not observed.")
    meaning: str = Field(description="What it means, with unit or currency. `quote currency` is that of the row's market.")
    unit: str | None = Field(description="Its unit; null for a text, a yes or no, and a plain ratio.")
    is_key: bool = Field(description="Whether it is of the key that identifies a row.")
    is_filter: bool = Field(description="Whether rows may be chosen by it.")


class TableModel(Model):
    """A table that may be read."""

    name: str = Field(description="Its name.")
    description: str = Field(description="What its rows are.")
    topic: str = Field(description="The Kafka topic with the same rows.")
    key: list[str] = Field(description="The columns that identify a row.")
    time: str = Field(description="The column that `from` and `to` are of, and that rows are ordered by, the newest first.")
    intervals: dict[str, int] = Field(description="Of a table with windows of several lengths: the values of `interval`, and the length, ms.")
    columns: list[ColumnModel] = Field(description="Its columns in order.")
    rows: str = Field(description="Where its rows are: a path of this server.")


class TablesModel(Model):
    """What may be read."""

    tables: list[TableModel] = Field(description="Every table.")


class MarketPriceModel(Model):
    """The last price of one market."""

    market: str = Field(description="Exchange.")
    price_usd: float = _in("USD", "Its last price")
    age_seconds: float | None = _in("seconds", "Age of that price against the newest event of its window")


class PriceModel(Model):
    """One symbol now."""

    symbol: str = Field(description="Base coin.")
    price_usd: float | None = _in("USD", "Price at the first market outside Korea, in the order of COINSPARK_MARKETS, that has a fresh one")
    market_usd: str | None = Field(description="Which market that is.")
    price_krw: float | None = _in("KRW", "Price at the first Korean market that has a fresh one")
    market_krw: str | None = Field(description="Which market that is.")
    change_percent: float | None = _in("percent", "Mean price of the newest minute against that of the minute before")
    korea_premium_percent: float | None = _in("percent", "How much dearer Korea is than another region")
    markets: list[MarketPriceModel] = Field(description="The last price of every market that has one.")


class PricesModel(Model):
    """Prices now."""

    source: Source | None = Field(description="Where they come from: live, replay or simulated; null while there are none.")
    newest_event_time: int | None = _time("Time of the newest event that they are made of")
    age_ms: int | None = _in("milliseconds", "How old that is")
    is_stale: bool | None = Field(description="Whether that is too old to be called now.")
    prices: list[PriceModel] = Field(description="One entry a symbol, in alphabetical order.")


class GapModel(Model):
    """A stretch without candles, or whose candles lack trades."""

    start: int = _time("Its beginning")
    end: int = _time("Its end")
    is_missing: bool = Field(description="Whether there is no candle at all; else there are some, which lack trades.")
    reasons: list[str] = Field(description="What the collectors' ledger says of it; empty where it says nothing.")


class JobModel(Model):
    """How new what a job has written is, by its own count of the input."""

    job: str = Field(description="ticker, orderbook or trade.")
    source: Source | None = Field(description="Where its newest records come from; null where it has written nothing.")
    newest_event_time: int | None = _time("Time of the newest event it has read")
    age_ms: int | None = _in("milliseconds", "How old that is")
    is_stale: bool | None = Field(description="Whether that is older than 90 seconds.")


class HealthModel(Model):
    """Whether there is something to read, and what reading has cost."""

    application: Literal["coinspark"] = Field(description="What answers here.")
    now: int = _time("The server's clock")
    database: str = Field(description="Where rows are read from; without user and password.")
    refresh_seconds: float = _in("seconds", "A question is put to the database once in so long, whoever asks it")
    jobs: list[JobModel] = Field(description="One entry a job.")
    queries: int = _in("count", "Questions that were put to the database since the start")
    rows: int = _in("count", "Rows that it answered")
    query_seconds: float = _in("seconds", "Time that it took for that")
    connections: int = _in("count", "Requests and websockets of this API that are open")
    feeds: int = _in("count", "Different subscriptions of websockets")
    cut_off: int = _in("count", "Websockets closed as their client was too slow, since the start")


def row_model(table: ServedTable) -> type[BaseModel]:
    """The shape of a table's rows."""
    fields: dict[str, Any] = {}
    for name, kind in table.kinds.items():
        unit, of_json = table.meanings[name].unit, _TYPES[kind]
        extra: JsonDict | None = {"x-unit": unit} if unit else None
        shown = table.meanings[name].text if unit is None or unit in table.meanings[name].text else f"{table.meanings[name].text}, {unit}"
        fields[name] = (of_json if name in table.schema.key else of_json | None, Field(description=shown, json_schema_extra=extra))
    return create_model(f"{_camel(table.name)}Row", __base__=Model, __doc__=f"A row of {table.name}.", **fields)


def rows_model(table: ServedTable, **more: Any) -> type[BaseModel]:
    """An answer with rows of a table, and `more`."""
    fields: dict[str, Any] = {
        "table": (str, Field(description="The table.")),
        "from": (int | None, _time("Rows from here on were looked for; null where there is no row at all")),
        "to": (int | None, _time("Rows before this were looked for; null: up to the newest")),
        "rows": (list[row_model(table)], Field(description="The newest first; rows of one time by their key.")),  # type: ignore[misc]
        "next_cursor": (
            str | None,
            Field(description="As `cursor` of the same request it gives the rows behind these; null where these are the last."),
        ),
    }
    name = "".join(_camel(part) for part in (table.name, *more)) + "Answer"
    return create_model(name, __base__=Model, __doc__=f"Rows of {table.name}.", **{**fields, **more})


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))
