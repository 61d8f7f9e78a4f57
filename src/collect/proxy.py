"""Which proxy an address is reached through."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from src.config import Settings
from src.errors import ConfigurationError

_SCHEMES = frozenset({"http", "https", "socks5", "socks5h"})


def is_loopback(url: str) -> bool:
    """Whether an address is on this machine, where no proxy belongs."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def chosen_proxy(settings: Settings) -> str | None:
    """The proxy of the settings, which may hold a password; None where there is none.

    Raises `ConfigurationError` for one that cannot be used. Its message does not hold the address.
    """
    if settings.proxy is None:
        return None
    proxy = settings.proxy.get_secret_value()
    try:
        parts = urlsplit(proxy)
        complete = parts.scheme in _SCHEMES and parts.hostname and parts.port and parts.path in {"", "/"} and not parts.query and not parts.fragment
    except ValueError:
        complete = False
    if not complete:
        raise ConfigurationError("COINSPARK_PROXY must be http://host:port or socks5://host:port, with user:password@ before the host where needed")
    if parts.username is not None and parts.password is None:
        raise ConfigurationError("COINSPARK_PROXY has a user and no password: write user:password@, or user:@ for an empty one")
    return proxy


def socket_proxy(url: str, proxy: str | None) -> str | Literal[True] | None:
    """What the websocket client takes for an address: a proxy, True for that of the machine's environment, or None for no proxy."""
    if is_loopback(url):
        return None
    return proxy or True
