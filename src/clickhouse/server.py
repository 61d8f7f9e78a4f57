"""ClickHouse's HTTP interface over the engine, on 127.0.0.1: what clickhouse-connect and curl need of it.

Served: statements by GET (only those that read) and POST, settings and `param_` parameters in the URL or a form, rows of an INSERT in the body in
any format, sessions, lz4, gzip and deflate, /ping. Not served: compress and decompress (ClickHouse's own block compression), external tables,
progress headers, KILL QUERY by query_id. A request that only reads never waits for one that writes.
"""

from __future__ import annotations

import hmac
import json
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from src.broker.ports import LOOPBACK
from src.clickhouse.accounts import Accounts
from src.clickhouse.encodings import chosen, packed
from src.clickhouse.engine import Answer, Engine
from src.clickhouse.failure import AUTHENTICATION_FAILED, READONLY, Failure, refusal
from src.clickhouse.request import Request, credentials_of, parameters_of, read_request
from src.clickhouse.sessions import Sessions
from src.clickhouse.statement import only_reads
from src.logs import logger

_CHUNK_BYTES = 1 << 20
_SUMMARY = ("read_rows", "read_bytes", "written_rows", "written_bytes", "total_rows_to_read", "result_rows", "result_bytes")
_CONTENT_TYPES = {
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
}


class ClickHouseServer(ThreadingHTTPServer):
    """A thread for each connection. Raises OSError where the port is taken."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, engine: Engine, accounts: Accounts, uploads: Path) -> None:
        self.uploads = uploads
        """Where rows wait until all of them are there."""
        self.engine = engine
        self.accounts = accounts
        self.sessions = Sessions(engine)
        super().__init__((LOOPBACK, port), _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection; answers are small pieces, none of which waits for the next."""
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Called in an `except`: a client that went away is no fault."""
        del request, client_address
        logger().debug("a connection ended", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: ClickHouseServer
    protocol_version = "HTTP/1.1"
    server_version = "CoinSpark-ClickHouse"

    def do_GET(self) -> None:
        """Answer a request that changes nothing."""
        self._answered(may_write=False)

    def do_POST(self) -> None:
        """Answer any request."""
        self._answered(may_write=True)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name is the base's)
        """Nothing: a URL may hold a password."""

    def _answered(self, *, may_write: bool) -> None:
        path, parameters = urlsplit(self.path).path, parameters_of(self.path)
        if path in {"/ping", "/replicas_status"} or (path == "/" and not may_write and "query" not in parameters):
            return self._send(HTTPStatus.OK, {"Content-Type": "text/html; charset=UTF-8"}, b"Ok.\n")
        if path != "/":
            return self._send(HTTPStatus.NOT_FOUND, {"Content-Type": "text/plain; charset=UTF-8"}, f"There is no handle {path}\n".encode())
        try:
            self._run(parameters, may_write=may_write)
        except Failure as failure:
            self._refuse(failure)
        return None

    def _run(self, parameters: Mapping[str, str], *, may_write: bool) -> None:
        given = credentials_of(parameters, self.headers)
        account = self.server.accounts.of(given.user) if given else None
        if given is None or account is None or not hmac.compare_digest(given.password.encode(), account.password.encode()):
            # Its body is not read, so nothing can follow it.
            self.close_connection = True
            user = given.user if given else "default"
            text = f"{user}: Authentication failed: password is incorrect, or there is no user with such name"
            raise refusal(AUTHENTICATION_FAILED, "AUTHENTICATION_FAILED", text)
        body = self._body()
        try:
            request = read_request(parameters, self.headers, body, may_write=account.may_write, folder=self.server.uploads)
        finally:
            for _ in body:  # What is left of it stands before the next request.
                pass
        with request.rows or nullcontext():
            if not may_write and not only_reads(request.statement.text):
                raise refusal(READONLY, "READONLY", "Cannot execute query in readonly mode: for queries over HTTP, method GET implies readonly")
            # Rights that are taken away from a handle cannot be given back, so who may only read has one for each request.
            session_id = request.session_id if account.may_write else None
            with self.server.sessions.handle(given.user, session_id, request.session_seconds, must_exist=request.session_must_exist) as handle:
                send_end = self._send_answer(request, handle, kept=session_id is not None)
            # Whoever has the whole answer may use the session again at once.
            send_end()

    def _send_answer(self, request: Request, handle: Any, *, kept: bool) -> Callable[[], object]:
        """Send all that does not need to be held back till the handle is free; what it gives sends the rest."""
        began = time.monotonic_ns()
        if request.insert is not None and request.rows is not None:
            answer = self.server.engine.insert(handle, request.statement, request.insert, Path(request.rows.name), kept=kept)
        else:
            answer = self.server.engine.run(handle, request.statement, whole=request.whole, kept=kept)
        try:
            headers = self._answer_headers(request, answer, time.monotonic_ns() - began)
            encoding = chosen(self.headers.get("Accept-Encoding", "")) if request.may_pack else ""
            if encoding:
                headers["Content-Encoding"] = encoding
            return self._send_chunks(headers, packed(answer.chunks, encoding))
        finally:
            answer.close()

    def _answer_headers(self, request: Request, answer: Answer, elapsed_ns: int) -> dict[str, str]:
        summary = {name: str(answer.summary.get(name, 0)) for name in _SUMMARY} | {"elapsed_ns": str(elapsed_ns)}
        headers = {
            "X-ClickHouse-Summary": json.dumps(summary, separators=(",", ":")),
            "X-ClickHouse-Query-Id": request.query_id or str(uuid.uuid4()),
            "X-ClickHouse-Server-Display-Name": "coinspark",
            "X-ClickHouse-Timezone": self.server.engine.timezone,
            "Content-Type": _CONTENT_TYPES.get(
                answer.format or "", "text/plain; charset=UTF-8" if answer.format is None else "application/octet-stream"
            ),
        }
        return headers if answer.format is None else {**headers, "X-ClickHouse-Format": answer.format}

    def _refuse(self, failure: Failure) -> None:
        version = f" (version {self.server.engine.version})"
        text = f"{failure.text.removesuffix(version)}{version}\n".encode()
        headers = {"Content-Type": "text/plain; charset=UTF-8", "X-ClickHouse-Exception-Code": str(failure.code)}
        if failure.code == AUTHENTICATION_FAILED:
            headers["WWW-Authenticate"] = 'Basic realm="ClickHouse server HTTP API"'
        self._send(failure.status, headers, text)

    def _send(self, status: HTTPStatus, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _send_chunks(self, headers: Mapping[str, str], chunks: Iterator[bytes]) -> Callable[[], object]:
        first = next(chunks, b"")
        second = next(chunks, None)
        if second is None:
            return partial(self._send, HTTPStatus.OK, headers, first)
        self.send_response(HTTPStatus.OK)
        for name, value in {**headers, "Transfer-Encoding": "chunked"}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            for chunk in chain((first, second), chunks):
                if chunk:
                    self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        except Failure as failure:
            # The status is sent: an answer that breaks off is all that can be said, and that it broke off must show.
            logger().warning(f"an answer broke off: {failure.text}")
            self.close_connection = True
            return partial(self.wfile.write, b"")
        return partial(self.wfile.write, b"0\r\n\r\n")

    def _body(self) -> Iterator[bytes]:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            yield from self._chunked_body()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            part = self.rfile.read(min(left, _CHUNK_BYTES))
            if not part:
                raise ConnectionResetError
            left -= len(part)
            yield part

    def _chunked_body(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(1_000).split(b";")[0].strip() or b"-1", 16):
            part = self.rfile.read(size) if size > 0 else b""
            if len(part) != size:
                # The client went away within its body: none of it may be taken for all of it.
                raise ConnectionResetError
            self.rfile.readline(1_000)
            yield part
        while self.rfile.readline(1_000).strip():
            pass
