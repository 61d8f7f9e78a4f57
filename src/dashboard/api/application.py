"""The dashboard's whole server: the API, its websocket, and the page under them, as one ASGI application."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from concurrent.futures import Executor
from contextlib import asynccontextmanager, suppress
from typing import Any

from a2wsgi import WSGIMiddleware
from fastapi import FastAPI, Request, Response, WebSocket
from pydantic import BaseModel, Field

from src.config.settings import Settings
from src.dashboard.api.answers import ROOT, Api, json_response, row_parameters, rows_answer
from src.dashboard.api.candles import TABLE as CANDLES
from src.dashboard.api.candles import candle_parameters, candles_answer
from src.dashboard.api.catalogue import table_card
from src.dashboard.api.feeds import Feeds
from src.dashboard.api.gate import Gate
from src.dashboard.api.health import health_answer
from src.dashboard.api.limits import Clients, Limits
from src.dashboard.api.live import live
from src.dashboard.api.models import GapModel, HealthModel, PricesModel, ProblemModel, TableModel, TablesModel, rows_model
from src.dashboard.api.parameters import Parameter, read_parameters
from src.dashboard.api.prices import price_parameters, prices_answer
from src.dashboard.api.problems import MEDIA_TYPE, Refused, problem_response
from src.dashboard.api.reference import reference_page
from src.dashboard.api.served import served_tables
from src.dashboard.app import make_app
from src.dashboard.reading import DatabaseAway, Reading

_PAGE_THREADS = 10
_DESCRIPTION = """\
What CoinSpark's jobs have stored, for other programs. Read-only.

Times are whole ms since 1970 UTC. Numbers are numbers. What was not observed is null, never 0. Amounts say their currency: USD (USDT at par), KRW, or
the quote currency of the row's market. `source` says of every row whether it is live, replayed or simulated.

The websocket `/api/v1/live` sends rows as they are written: docs/api.md.
"""
_PROBLEMS = {
    404: "There is no such thing: what is near.",
    422: "The request is wrong: what of it, and the nearest right values.",
    429: "Too many requests, or connections: `Retry-After` says how many seconds to wait.",
    503: "The database does not answer, and what is wrong with it; or too many clients. `Retry-After` says how many seconds to wait.",
}
Answer = Callable[[dict[str, Any]], Any]


class _Application(FastAPI):
    """Says of what goes wrong that it is sent as problem details."""

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        for methods in document["paths"].values():
            for status, response in methods["get"]["responses"].items():
                if status != "200" and "application/json" in response["content"]:
                    response["content"] = {MEDIA_TYPE: response["content"]["application/json"]}
        return document


def make_application(reading: Reading, settings: Settings, language: str = "en", limits: Limits | None = None) -> FastAPI:
    """The page and the API over one `reading`: whoever asks, a question is put to the database once a tick."""
    api = Api(reading, served_tables(reading, settings), Clients(limits or Limits()))
    feeds = Feeds(reading, api.tables, api.limits)
    page: Any = WSGIMiddleware(make_app(reading, settings, language).server, workers=_PAGE_THREADS)
    app = _Application(
        title="CoinSpark",
        version="1",
        description=_DESCRIPTION,
        openapi_url=f"{ROOT}/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan(feeds, page.executor),
    )
    app.state.api, app.state.feeds = api, feeds
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(DatabaseAway, _away(reading))
    _add_endpoints(app, api, feeds, settings)

    @app.websocket(f"{ROOT}/live")
    async def live_rows(websocket: WebSocket) -> None:
        await live(api, feeds, websocket)

    @app.get(ROOT, include_in_schema=False)
    @app.get(f"{ROOT}/", include_in_schema=False)
    def reference() -> Response:
        return Response(reference_page(app.openapi()), media_type="text/html; charset=utf-8")

    @app.api_route("/api{path:path}", methods=["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"], include_in_schema=False)
    def nothing(request: Request, path: str) -> Response:
        del path
        if request.method != "GET":
            raise Refused(405, "read-only", f"{request.method} is not for this API: it can be read, by GET")
        raise Refused(404, "no such address", f"there is nothing at {request.url.path[:100]}; {ROOT}/openapi.json says what there is")

    app.mount("/", page)
    app.add_middleware(Gate, clients=api.clients)
    return app


def _add_endpoints(app: FastAPI, api: Api, feeds: Feeds, settings: Settings) -> None:
    def tables(_: dict[str, Any]) -> dict[str, Any]:
        return {"tables": [table_card(table) for table in api.tables.values()]}

    _add(app, "/tables", "What may be read", TablesModel, (), tables)
    for name, table in api.tables.items():

        def card(_: dict[str, Any], table: Any = table) -> dict[str, Any]:
            return table_card(table)

        def rows(given: dict[str, Any], table: Any = table) -> dict[str, Any]:
            return rows_answer(api, table, given)

        first = table.schema.description.split("\n", 1)[0]
        _add(app, f"/tables/{name}", f"The columns of {name}", TableModel, (), card, first)
        _add(app, f"/tables/{name}/rows", f"Rows of {name}", rows_model(table), row_parameters(table, api.limits), rows, table.schema.description)

    @app.get(f"{ROOT}/tables/{{name}}", include_in_schema=False)
    @app.get(f"{ROOT}/tables/{{name}}/rows", include_in_schema=False)
    def no_such_table(name: str) -> Response:
        api.table(name)
        raise Refused(404, "no such address", f"there is nothing at {ROOT}/tables/{name[:64]}")

    gaps = {"gaps": (list[GapModel], Field(description="Between these candles, the oldest first."))}
    said = "Open, high, low and close of one price, in its quote currency, with volume by taker side in base coin, and the gaps between them."
    _add(app, "/candles", "Candles", rows_model(api.tables[CANDLES], **gaps), candle_parameters(api), lambda given: candles_answer(api, given), said)
    said = "The last price of each symbol, in USD and KRW, as the overview of the page shows it, and of each market in USD."
    _add(app, "/prices", "Prices now", PricesModel, price_parameters(settings), lambda given: prices_answer(api, settings, given), said)
    _add(app, "/health", "Whether there is something to read", HealthModel, (), lambda _: health_answer(api, len(feeds)))


def _add(
    app: FastAPI, path: str, summary: str, model: type[BaseModel], parameters: Iterable[Parameter], answer: Answer, description: str = ""
) -> None:
    known = tuple(parameters)

    # Not a coroutine: it waits for the database, in a thread.
    def endpoint(request: Request) -> Response:
        return json_response(answer(read_parameters(request.query_params.multi_items(), known)))

    statuses = (422, 429, 503) if not known else (404, 422, 429, 503)
    problems: dict[int | str, dict[str, Any]] = {status: {"description": _PROBLEMS[status], "model": ProblemModel} for status in statuses}
    app.add_api_route(
        ROOT + path,
        endpoint,
        summary=summary,
        description=description or None,
        response_model=model,
        responses=problems,
        operation_id=path.strip("/").replace("/", "_"),
        openapi_extra={"parameters": [parameter.openapi() for parameter in known]} if known else None,
    )


def _lifespan(feeds: Feeds, threads: Executor) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        del app
        looking = asyncio.create_task(feeds.run())
        try:
            yield
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
            # They are the page's, and a2wsgi leaves them.
            threads.shutdown(wait=False)

    return lifespan


async def _refused(request: Request, refused: Exception) -> Response:
    del request
    if not isinstance(refused, Refused):
        raise refused
    return problem_response(refused)


def _away(reading: Reading) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handler(request: Request, away: Exception) -> Response:
        del request
        return problem_response(Refused(503, "the database does not answer", str(away), retry_after=max(1, math.ceil(reading.seconds))))

    return handler
