"""A question before something is done that cannot be undone."""

from __future__ import annotations

import sys

import typer

from src.errors import ConfigurationError
from src.logs import logger


def ask_before(doing: str, *, yes: bool) -> None:
    """Go on only when the user says so, or with `--yes`.

    Raises `ConfigurationError` where there is no terminal to ask at; ends the command with exit status 1 when the answer is no.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigurationError(f"{doing}: there is no terminal to ask at; --yes says yes beforehand")
    if not typer.confirm(f"{doing}?", default=False, err=True):
        logger().info("Nothing was done.")
        raise typer.Exit(1)
