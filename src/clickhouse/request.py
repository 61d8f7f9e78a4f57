"""A request of ClickHouse's HTTP interface as a statement: query and settings in the URL, in a form, or in the body."""

from __future__ import annotations

import base64
import binascii
import email
import email.policy
import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO
from urllib.parse import parse_qsl, urlsplit

from src.clickhouse.encodings import unpacked
from src.clickhouse.engine import DEFAULT_FORMAT, Statement
from src.clickhouse.failure import BAD_ARGUMENTS, NOT_IMPLEMENTED, refusal
from src.clickhouse.sessions import DEFAULT_SECONDS
from src.clickhouse.statement import HEAD_BYTES, Insert, insert_with_data

_TRANSPORT = frozenset(
    {
        *("query", "database", "default_format", "session_id", "session_timeout", "session_check", "query_id", "user", "password"),
        *("compress", "decompress", "buffer_size", "wait_end_of_query", "quota_key", "client_protocol_version", "role", "stacktrace"),
    }
)
_SETTING = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True)
class Request:
    """What a client asks for."""

    statement: Statement
    insert: Insert | None
    rows: IO[bytes] | None
    """A file with the rows of `insert`, which goes when it is closed."""
    session_id: str | None
    session_seconds: float
    session_must_exist: bool
    query_id: str | None
    whole: bool
    """The answer is wanted only once the statement is done."""
    may_pack: bool
    """The answer may be in one of the encodings that the client accepts."""


@dataclass(frozen=True)
class Credentials:
    """Who a client says it is."""

    user: str
    password: str


def parameters_of(target: str) -> dict[str, str]:
    """The parameters in the URL; of equal names the last."""
    return dict(parse_qsl(urlsplit(target).query, keep_blank_values=True))


def credentials_of(parameters: Mapping[str, str], headers: Message) -> Credentials | None:
    """Of X-ClickHouse-User and -Key, basic authorization, or the URL; None where there are none that can be read."""
    if "X-ClickHouse-User" in headers:
        return Credentials(headers["X-ClickHouse-User"], headers.get("X-ClickHouse-Key", ""))
    scheme, _, word = headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(word, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return Credentials(user, password)
    return Credentials(parameters["user"], parameters.get("password", "")) if "user" in parameters else None


def read_request(parameters: Mapping[str, str], headers: Message, chunks: Iterator[bytes], *, may_write: bool, folder: Path) -> Request:
    """Read the body and put the statement together; rows of an INSERT go to a file in `folder`.

    Raises Failure for what cannot be understood, or is not served here.
    """
    for name in ("compress", "decompress"):
        if parameters.get(name, "0") not in {"0", "false"}:
            raise refusal(NOT_IMPLEMENTED, "NOT_IMPLEMENTED", f"the parameter {name} is not served: use Content-Encoding and Accept-Encoding")
    body = unpacked(chunks, headers.get("Content-Encoding", "").strip().lower())
    values = dict(parameters)
    if headers.get_content_type() == "multipart/form-data":
        values |= _form(headers, b"".join(body))
    named = {name: value for name, value in values.items() if name not in _TRANSPORT}
    settings = {name: value for name, value in named.items() if not name.startswith("param_")}
    for name in settings:
        if not _SETTING.fullmatch(name):
            raise refusal(BAD_ARGUMENTS, "BAD_ARGUMENTS", f"{name!r} is not the name of a setting")
    seconds = _seconds(values.get("session_timeout"))
    text, insert, rows = _statement(values.get("query", "").encode(), body, folder)
    return Request(
        Statement(
            text,
            values.get("database") or headers.get("X-ClickHouse-Database"),
            settings,
            {name.removeprefix("param_"): value for name, value in named.items() if name.startswith("param_")},
            values.get("default_format") or headers.get("X-ClickHouse-Format") or DEFAULT_FORMAT,
            may_write,
        ),
        insert,
        rows,
        values.get("session_id") or None,
        seconds,
        values.get("session_check") == "1",
        values.get("query_id"),
        values.get("wait_end_of_query") == "1",
        values.get("enable_http_compression") == "1",
    )


def _statement(query: bytes, body: Iterator[bytes], folder: Path) -> tuple[bytes, Insert | None, IO[bytes] | None]:
    """The statement, and for an INSERT with rows where its words end, and the file that the rows were put into."""
    head = query
    while not query and len(head) < HEAD_BYTES and (chunk := next(body, None)) is not None:
        head += chunk
    insert = insert_with_data(head)
    if insert is None:
        rest = b"".join(body)
        return head + (b"\n" + rest if query and rest else rest), None, None
    rows = tempfile.NamedTemporaryFile(dir=folder)  # noqa: SIM115  (closed with the request)
    try:
        inline = head[insert.data_offset :]
        if not query:
            rows.write(inline)
        elif inline.strip(b" \t\r\n;"):
            # Between what is in the URL and the body a server has a line's end.
            rows.write(inline + b"\n")
        for chunk in body:
            rows.write(chunk)
        rows.flush()
    except BaseException:
        rows.close()
        raise
    return insert.words, insert, rows


def _form(headers: Message, body: bytes) -> dict[str, str]:
    head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
    values: dict[str, str] = {}
    for part in email.message_from_bytes(head + body, policy=email.policy.HTTP).iter_parts():
        name = part.get_param("name", header="content-disposition")
        if part.get_filename() is not None:
            raise refusal(NOT_IMPLEMENTED, "NOT_IMPLEMENTED", "external tables in a form are not served")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            values[name] = payload.decode()
    return values


def _seconds(text: str | None) -> float:
    try:
        return float(text) if text else DEFAULT_SECONDS
    except ValueError:
        raise refusal(BAD_ARGUMENTS, "BAD_ARGUMENTS", "session_timeout is not a number of seconds") from None
