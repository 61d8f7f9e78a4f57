"""The command line of a job of one's own."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from src.setting.streaming import SparkStreamingCoinAverage
    from src.storage.sink import BatchSink, Sink


def run_job(job: type[SparkStreamingCoinAverage], *sinks: Sink | BatchSink) -> None:
    """Run a job as `python coin_spark.py ticker` runs its own: with the same options on the command line, and errors in one line.

    `sinks` get every batch after the database, Kafka and ClickHouse. Does not return: it ends the program with the exit status.
    """
    # Programs that have no command line of their own load this file too, with all of src.setting.
    import typer

    from src.command.job import job_command
    from src.command.running import run_app, set_up_logs

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")
    app.command(help=inspect.getdoc(job))(job_command(lambda: job, sinks))
    set_up_logs()
    run_app(app)
