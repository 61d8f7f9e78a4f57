"""The local exchange's REST side: lists of what is traded, snapshots of books, latest trades, and what can go wrong with them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from src.collect.parsed import BookUpdate, Channel, Pair
from tests.collect.dialects.dialect import Asking, Dialect
from tests.collect.dialects.faults import FaultKind, Faults, Injector
from tests.collect.dialects.market import MadeUpMarket

_LATEST_TRADES = 20_000


class RestSide:
    """Answers plain GET requests. A path that the venue does not have, or a pair that it does not list, is answered with status 404."""

    def __init__(
        self,
        dialect: Dialect,
        markets: Mapping[Pair, MadeUpMarket],
        halted: Sequence[Pair],
        faults: Faults,
        injector: Injector,
        gave_book: Callable[[Pair], None],
    ) -> None:
        """`gave_book` is called after each snapshot of a book that is not an old one."""
        self.paths: list[str] = []
        """What was asked for so far."""
        self._dialect = dialect
        self._markets = markets
        self._halted = halted
        self._faults = faults
        self._injector = injector
        self._gave_book = gave_book
        self._stale_books: Counter[Pair] = Counter()
        self._failed = 0

    async def answer(self, request: Request) -> Response:
        """The whole answer."""
        self.paths.append(request.path)
        if self._faults.request_seconds:
            await asyncio.sleep(self._faults.request_seconds)
        if self._failed < self._faults.failed_requests:
            self._failed += 1
            self._injector.add(FaultKind.FAILED_REQUEST)
            return response(HTTPStatus.SERVICE_UNAVAILABLE, b"{}")
        body = self._body(request.path)
        return response(HTTPStatus.NOT_FOUND, b"{}") if body is None else response(HTTPStatus.OK, body)

    def _body(self, path: str) -> bytes | None:
        try:
            asking, pair = self._dialect.asking(path)
        except ValueError:
            return None
        if asking is Asking.LISTINGS:
            return self._dialect.listings([*self._markets], self._halted)
        market = None if pair is None else self._markets.get(pair)
        if market is None:
            return None
        if asking is Asking.TRADES:
            return self._dialect.recent_trades(market.trades[-_LATEST_TRADES:], path)
        exchange = self._dialect.exchange
        if not exchange.book_rule.rest_snapshot:
            return None
        said = exchange.simulate(self._book(market))
        return said.encode() if isinstance(said, str) else said

    def _book(self, market: MadeUpMarket) -> BookUpdate:
        """What is said of a book; the first times an old one if that was asked for."""
        pair = market.pair
        self._stale_books[pair] += 1
        if self._stale_books[pair] > self._faults.stale_rest_books:
            self._gave_book(pair)
            return market.rest_snapshot()
        old = market.old_rest_snapshot()
        self._injector.add(FaultKind.STALE_REST_BOOK, pair, Channel.ORDERBOOK, sequence=(old.last, market.snapshot().last))
        return old


def response(status: HTTPStatus, body: bytes) -> Response:
    """An answer after which the connection is closed."""
    headers = [("Connection", "close"), ("Content-Length", str(len(body))), ("Content-Type", "application/json")]
    return Response(status.value, status.phrase, Headers(headers), body)
