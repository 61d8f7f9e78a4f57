"""How a command line is run: its log set up, its errors told in one line, its exit status."""

from __future__ import annotations

import os
import sys

import typer

from src.command.mistakes import is_help, told
from src.config.settings import load_settings
from src.errors import CoinSparkError, ConfigurationError
from src.logs import hear_libraries, say_error
from src.logs.by_settings import log_by


def set_up_logs(*, verbose: bool = False) -> None:
    """The log as the settings want it; with `verbose` it says everything."""
    if verbose:
        # By the environment, so that the processes which a command starts say more as well.
        os.environ["COINSPARK_LOG_LEVEL"] = "debug"
    try:
        settings = load_settings()
    except ConfigurationError:
        # A command that needs the settings says what is wrong with them; others do without.
        return
    log_by(settings)
    hear_libraries(verbose=settings.log_level == "debug")


def run_app(app: typer.Typer, name: str | None = None) -> None:
    """Run a command line and exit. An error of ours is one line, and its exit status says who must act."""
    try:
        ended = app(prog_name=name, standalone_mode=False)
    except BrokenPipeError:
        # Whoever read the output has gone; Python would say so once more when it closes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except CoinSparkError as error:
        say_error(str(error), error.exit_status)
        sys.exit(error.exit_status)
    except typer.TyperException as error:
        if not is_help(error):
            say_error(told(error), error.exit_code)
        sys.exit(error.exit_code)
    except typer.Abort:
        say_error("broken off", 1)
        sys.exit(1)
    else:
        sys.exit(ended if isinstance(ended, int) else 0)
