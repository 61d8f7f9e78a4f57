"""`coin_spark.py doctor`: whether all is well, and what to do where it is not."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer

from src.command import completers
from src.command.options import AsJson
from src.config.settings import load_settings
from src.doctor.examination import CHECKS, examine
from src.doctor.finding import Finding, failed
from src.errors import ConfigurationError
from src.nearest import one_of

_WIDTH = max(map(len, CHECKS))


def doctor(
    *,
    check: Annotated[
        list[str] | None,
        typer.Option(help=f"Only this one; may be given several times: {', '.join(CHECKS)}.", show_default=False, autocompletion=completers.checks),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look over Java, jars, disk, ports, Kafka and its topics, collectors, checkpoints, database, ClickHouse and the clock.

    A line each: ok, or what to do. Nothing is started or changed. The exit status is 0 when all is ok, else 1.

    Examples:
    - `python coin_spark.py doctor`
    - `python coin_spark.py doctor --json`
    - `python coin_spark.py doctor --check broker --check database`
    """
    unknown = [name for name in check or () if name not in CHECKS]
    if unknown:
        raise ConfigurationError(f"there is no check named {unknown[0]!r}: {one_of(unknown[0], CHECKS, 'The checks are')}")
    findings = []
    try:
        for finding in examine(load_settings(), check or ()):
            findings.append(finding)
            if not as_json:
                _print(finding)
    except ConfigurationError as error:
        findings.append(failed("settings", error))
        if not as_json:
            _print(findings[-1])
    ok = all(finding.ok for finding in findings)
    if as_json:
        answer: dict[str, Any] = {"ok": ok, "findings": findings}
        typer.echo(msgspec.json.encode(answer))
    raise typer.Exit(0 if ok else 1)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(doctor)


def _print(finding: Finding) -> None:
    typer.echo(f"{'ok ' if finding.ok else 'fix'}  {finding.check:<{_WIDTH}}  {finding.text}")
