"""Whether a port of this machine is free, and who holds it when it is not."""

from __future__ import annotations

import errno
import socket

import psutil

from src.errors import ConfigurationError

LOOPBACK = "127.0.0.1"


def require_free_port(port: int, setting: str) -> None:
    """Raise `ConfigurationError` that names the port, its holder where the system tells, and the setting that moves it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except PermissionError:
            raise ConfigurationError(f"port {port} may not be used by this user: set {setting} to a port above 1023") from None
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise ConfigurationError(f"port {port} is taken by {_holder(port)}: stop that program or set {setting} to a free port") from None


def accepts_connections(port: int) -> bool:
    """Whether something on this machine answers at the port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def _holder(port: int) -> str:
    try:
        connections = psutil.net_connections("tcp")
    except psutil.Error:
        return "another program"
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port and connection.pid:
            return _describe(connection.pid)
    return "another program"


def _describe(pid: int) -> str:
    try:
        process = psutil.Process(pid)
        return f"{process.name()} (pid {pid}, in {process.cwd()})"
    except psutil.Error:
        return f"pid {pid}"
