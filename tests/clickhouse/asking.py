"""Plain HTTP requests to an owner, as curl would send them."""

from __future__ import annotations

import base64
import http.client
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str | None:
        return self.headers.get("X-ClickHouse-Exception-Code")


def basic(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    return {"Authorization": "Basic " + base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()}


def ask(
    url: str,
    body: bytes | Iterator[bytes] | str | None = None,
    method: str = "POST",
    path: str = "/",
    headers: Mapping[str, str] = {},
    **parameters: Any,
) -> Answer:
    """One request, with the URL's user unless `headers` names another."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        connection.request(method, f"{path}?{urlencode(parameters)}", body, {**basic(url), **headers})
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def rows(url: str, table: str) -> str:
    return ask(url, f"SELECT a, b FROM {table} ORDER BY ALL").body.decode()  # noqa: S608
