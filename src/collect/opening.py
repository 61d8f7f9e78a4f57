"""Opening a socket, and saying plainly why one cannot be opened."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidProxy, InvalidProxyStatus, InvalidStatus, InvalidURI, SecurityError, WebSocketException

from src.collect.proxy import socket_proxy
from src.errors import TransientError

LARGEST_MESSAGE = 16 * 1024 * 1024
HANDSHAKE_SECONDS = 10.0
CLOSE_SECONDS = 0.8
REGION_REFUSALS = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS})
"""How an exchange refuses a country or a network; its mirror may not."""
TOO_MANY = frozenset({HTTPStatus.TOO_MANY_REQUESTS, 418})
"""How an exchange says that it is asked too often; Binance says 418 to who goes on after 429."""
ADDRESS_RULES = ", with a port up to 65535 or none, no #, and user:password@ before the host where needed"
_SHORTEST_HOLD, _USUAL_HOLD, _LONGEST_HOLD = 1.0, 10.0, 900.0


class CannotOpen(TransientError):
    """No socket. `status` is that of the exchange's HTTP answer, where it answered; `hold_seconds` how long it wants to be left alone."""

    def __init__(self, message: str, status: int | None = None, hold_seconds: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.hold_seconds = hold_seconds


async def open_socket(url: str, proxy: str | None) -> ClientConnection:
    """An open socket. Raises `CannotOpen`, whose message holds no secret."""
    try:
        return await connect(
            url,
            proxy=socket_proxy(url, proxy),
            open_timeout=HANDSHAKE_SECONDS,
            close_timeout=CLOSE_SECONDS,
            ping_interval=None,
            max_size=LARGEST_MESSAGE,
            # A short queue would stop and start the reading for every few messages.
            max_queue=(1024, 256),
        )
    except InvalidStatus as error:
        status = error.response.status_code
        hold = hold_seconds(error.response.headers.get_all("Retry-After")) if status in TOO_MANY else None
        raise CannotOpen(refusal(status), status, hold) from None
    except InvalidProxyStatus as error:
        raise CannotOpen(f"the proxy refused the connection (HTTP {error.response.status_code})") from None
    except InvalidProxy:
        # The library's words hold the address, and with it a password.
        raise CannotOpen("the proxy that the environment names has no valid address") from None
    except TimeoutError:
        raise CannotOpen(f"no answer within {HANDSHAKE_SECONDS:.0f} s") from None
    except (OSError, WebSocketException, LookupError, ValueError) as error:
        raise CannotOpen(_cause(error)) from None


def refusal(status: int) -> str:
    """What an HTTP status that refuses means, for a person to read."""
    if status == HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS:
        return (
            "the exchange does not serve this country or network (HTTP 451): take it out of COINSPARK_MARKETS, set COINSPARK_PROXY, "
            "or give another COINSPARK_EXCHANGE_URLS"
        )
    if status == HTTPStatus.FORBIDDEN:
        return "the exchange refused the connection, as it does for a country or network that it does not serve (HTTP 403)"
    if status in TOO_MANY:
        return f"the exchange was asked too often (HTTP {status})"
    return f"the exchange refused the connection (HTTP {status})"


def hold_seconds(retry_after: Iterable[str]) -> float:
    """How long the first of the `Retry-After` headers asks to wait: seconds or a date; 10 s where there is none that says it."""
    given = next(iter(retry_after), "")
    try:
        seconds = float(given)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(given) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError, OverflowError):
            seconds = _USUAL_HOLD
    return min(max(seconds, _SHORTEST_HOLD), _LONGEST_HOLD) if seconds == seconds else _USUAL_HOLD  # noqa: PLR0124  NaN


def is_address(url: str, *schemes: str) -> bool:
    """Whether an address can be asked: one of the schemes, a host, a port that exists, no fragment, and no user without a password."""
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.hostname) and parts.port != 0 and not parts.fragment
    except ValueError:
        return False
    return is_whole and parts.scheme in schemes and (parts.username is None or parts.password is not None)


def shown(url: str) -> str:
    """An address for a person to read, whatever it holds: without what may be secret in it."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "an address that cannot be read"
    return f"{parts.hostname or ''}{port}{parts.path}"


def _cause(error: Exception) -> str:
    # The library's words about an address hold all of it, and with it a password.
    if isinstance(error, InvalidURI | SecurityError) or not isinstance(error, OSError | WebSocketException):
        return f"its address cannot be used, or leads to one that cannot ({type(error).__name__})"
    return f"cannot be reached: {error}"
