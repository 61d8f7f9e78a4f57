"""Commands run in this process, with the settings they get in the environment."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import typer
from typer.testing import CliRunner

from src.command import down, status, up
from src.errors import CoinSparkError


@dataclass(frozen=True)
class Answer:
    """What a command printed and how it ended."""

    status: int
    output: str
    errors: str

    @property
    def lines(self) -> list[Any]:
        """The output, a JSON value a line."""
        return [json.loads(line) for line in self.output.splitlines()]


def running(app: typer.Typer) -> None:
    """The commands `up`, `down` and `status`."""
    for command in (up, down, status):
        command.register(app)


class CommandLine:
    """Some commands, with some settings."""

    def __init__(self, register: Callable[[typer.Typer], None], environment: Mapping[str, str]) -> None:
        self._app = typer.Typer()
        self._app.callback()(lambda: None)
        register(self._app)
        self._environment = dict(environment)

    def run(self, *words: str, given: str | bytes | None = None) -> Answer:
        """Run a command to its end; an error of ours is told as `coin_spark.py` tells it."""
        result = CliRunner().invoke(self._app, words, input=given, env=self._environment)
        if isinstance(result.exception, CoinSparkError):
            return Answer(result.exception.exit_status, result.stdout, f"{result.stderr}coinspark: {result.exception}\n")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(result.exit_code, result.stdout, result.stderr)

    def json(self, *words: str) -> Any:
        """What a command prints with `--json`; it must succeed."""
        answer = self.run(*words, "--json")
        assert answer.status == 0, answer
        return json.loads(answer.output)
