"""Counts every request of the API before anything is done for it, and turns away what is too much."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from src.dashboard.api.limits import Clients
from src.dashboard.api.problems import Refused, problem_response

_UNDER = "/api"


class Gate:
    """ASGI middleware. The page is not counted, and websockets count themselves, as they say why in words of their own."""

    def __init__(self, app: ASGIApp, clients: Clients) -> None:
        self._app = app
        self._clients = clients

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(_UNDER):
            await self._app(scope, receive, send)
            return
        address = scope["client"][0] if scope.get("client") else ""
        try:
            self._clients.count_request(address)
            with self._clients.connected(address):
                await self._app(scope, receive, send)
        except Refused as refused:
            await problem_response(refused)(scope, receive, send)
