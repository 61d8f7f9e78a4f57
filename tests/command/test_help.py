"""The tree of commands: each has examples that parse, and what means the same is called the same."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from src.command.app import app

EXAMPLE = re.compile(r"^- `(?:[A-Z_]+=\S+ )*python coin_spark\.py (.+)`$", re.MULTILINE)
ALIASES = {"--channel": "--channels"}


def _root() -> TyperGroup:
    root = get_command(app)
    assert isinstance(root, TyperGroup)
    return root


def _commands(group: TyperGroup, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], TyperCommand]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _commands(command, (*path, name))
        elif isinstance(command, TyperCommand) and not command.hidden:
            yield (*path, name), command


COMMANDS = dict(_commands(_root()))


def _examples() -> list[tuple[str, str]]:
    return [(" ".join(path), example) for path, command in COMMANDS.items() for example in EXAMPLE.findall(command.help or "")]


def test_the_tree_is_the_one_that_is_promised() -> None:
    top = set(_root().commands)
    assert top >= {
        "up",
        "down",
        "status",
        "ticker",
        "orderbook",
        "trade",
        "collect",
        "normalise",
        "record",
        "topics",
        "dashboard",
        "deadletter",
        "doctor",
    }
    assert "query" in top


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_command_says_what_it_does_and_gives_an_example_of_itself(path: tuple[str, ...]) -> None:
    help_text = COMMANDS[path].help or ""
    first = help_text.strip().splitlines()[0]
    assert first.endswith((".", ":", ",")) or len(first) > 40, "the list of commands shows the first sentence"
    examples = EXAMPLE.findall(help_text)
    assert examples, "an example is a line: - `python coin_spark.py ...`"
    for example in examples:
        assert shlex.split(example)[: len(path)] == [*path]
    assert "Examples:" in help_text


@pytest.mark.parametrize(("path", "example"), _examples())
def test_an_example_parses(path: str, example: str) -> None:
    words = shlex.split(example.split(" < ", maxsplit=1)[0])
    group, context = _root(), None
    for name in path.split():
        context = group.make_context(name, words, parent=context, resilient_parsing=False)
        found_name, found, words = group.resolve_command(context, [*context._protected_args, *context.args])
        assert found is not None, found_name
        if isinstance(found, TyperGroup):
            group = found
        else:
            found.make_context(found_name, list(words), parent=context)


def _options() -> dict[str, dict[str, str]]:
    """By option and command, the help."""
    found: dict[str, dict[str, str]] = {}
    for path, command in COMMANDS.items():
        for parameter in command.params:
            if parameter.param_type_name == "option" and not parameter.hidden and parameter.name != "help":
                found.setdefault(parameter.opts[0], {})[" ".join(path)] = str(parameter.help)
    return found


@pytest.mark.parametrize("option", _options())
def test_an_option_means_the_same_everywhere(option: str) -> None:
    helps = _options()[option]
    assert len(set(helps.values())) == 1, helps
    assert all(helps.values()), "every option has a help"


def test_no_two_options_of_one_command_have_the_same_help() -> None:
    for path, command in COMMANDS.items():
        helps = [getattr(parameter, "help", None) for parameter in command.params if not getattr(parameter, "hidden", False)]
        assert len({*helps}) == len(helps), path


def test_what_means_the_same_has_one_name() -> None:
    """Of names that differ by an ending alone, one is an alias of the other."""
    names: dict[str, Any] = {
        parameter: command for command in COMMANDS.values() for each in command.params for parameter in each.opts if parameter[:1] == "-"
    }
    plural = {name for name in names if f"{name}s" in names}
    assert plural <= {"--channel", "--market"}, "the plural takes several, the singular one"
