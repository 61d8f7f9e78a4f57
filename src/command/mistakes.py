"""Words that a command does not know: one line that says what is wrong and what may have been meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import typer
from pydantic import ValidationError

from src.nearest import did_you_mean, one_of

_NO_COMMAND = re.compile(r"No such command '(.*?)'\.")
_EXTRA = re.compile(r"Got unexpected extra arguments?(?:\(s\))? \((.*)\)")
_ONE_OF = re.compile(r"is not one of (.*)")
_CHOICES = re.compile(r"'([^']+)'")


def is_help(error: typer.TyperException) -> bool:
    """Whether it is no mistake, but a group of commands that was called without one: its help has been printed."""
    return type(error).__name__ == "NoArgsIsHelpError"


def told(error: typer.TyperException) -> str:
    """The mistake in one line, with the nearest commands, options or values, and where all of them are listed."""
    context = getattr(error, "ctx", None)
    command = getattr(context, "command", None)
    path = getattr(context, "command_path", "coin_spark.py")
    where = f"(`{path} --help` lists them)"
    option = getattr(error, "option_name", None)
    if option is not None and hasattr(error, "possibilities"):
        return f"`{path}` has no option {option}: {did_you_mean(option, _options(command), 'nothing is like it')} {where}"
    if (unknown := _NO_COMMAND.match(error.message)) is not None:
        names = [name for name, each in getattr(command, "commands", {}).items() if not each.hidden]
        return f"there is no command {unknown[1]}: {one_of(unknown[1], names, 'The commands are')}"
    if (extra := _EXTRA.match(error.message)) is not None:
        return f"`{path}` takes no further word, and got {extra[1]} (`{path} --help` says what it takes)"
    if isinstance(error, typer.BadParameter):
        return f"{_value(error)} (`{path} --help` says what it takes)"
    return f"{error.format_message()} (`{path} --help` says what it takes)"


def _options(command: Any) -> Iterator[str]:
    for parameter in getattr(command, "params", ()):
        if parameter.param_type_name == "option" and not parameter.hidden:
            yield from (*parameter.opts, *parameter.secondary_opts)


def _value(error: typer.BadParameter) -> str:
    """A value of a parameter that cannot be used, or that is missing."""
    cause = error.__cause__
    parameter = error.param
    if not isinstance(cause, ValidationError) or parameter is None:
        return error.format_message()
    name = parameter.opts[0] if parameter.param_type_name == "option" else str(parameter.name).upper()
    problem = cause.errors()[0]
    given = str(problem["input"])
    if (choices := _ONE_OF.search(problem["msg"])) is not None:
        known = _CHOICES.findall(choices[1])
        return f"{name} {given}: {one_of(given, known, 'It takes')}"
    return f"{name} {given}: {problem['msg'][:1].lower()}{problem['msg'][1:]}"
