"""The log as it is set up: which lines, in which form, said by whom, and without what is secret."""

from __future__ import annotations

import json
import logging
import threading
import warnings
from datetime import datetime, timedelta
from typing import Any

import pytest
import structlog

from src.config.settings import load_settings
from src.logs import about, configure_logs, hear_libraries, hide, logger, quiet_libraries, say_error
from src.logs.by_settings import log_by


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What was said, which must be JSON alone; standard output is for results."""
    said = capsys.readouterr()
    assert said.out == ""
    return [json.loads(line) for line in said.err.splitlines()]


def test_where_there_is_no_terminal_a_line_is_json_with_its_time_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    with about(part="collector"):
        logger().warning("silent", market="okx", channel="trade", symbol="BTC")
    [line] = lines(capsys)
    time = datetime.fromisoformat(line.pop("time"))
    assert time.utcoffset() == timedelta(0)
    assert line == {"level": "warning", "part": "collector", "event": "silent", "market": "okx", "channel": "trade", "symbol": "BTC"}


def test_the_form_and_the_level_are_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("warning", "text")
    logger().info("not said")
    logger().error("said", market="okx")
    assert capsys.readouterr().err == "okx: said\n"


def test_what_a_process_is_about_is_in_the_lines_of_all_its_threads_and_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with about(part="job", job="ticker"), about(query="series"):
        thread = threading.Thread(target=lambda: logger().info("from a thread"))
        thread.start()
        thread.join()
    logger().info("afterwards")
    inside, outside = lines(capsys)
    assert (inside["part"], inside["job"], inside["query"]) == ("job", "ticker", "series")
    assert set(outside) == {"time", "level", "event"}


def test_the_last_error_is_one_plain_line_for_a_person_and_a_line_of_the_log_elsewhere(capsys: pytest.CaptureFixture[str]) -> None:
    say_error("no market okxx", 2)
    [line] = lines(capsys)
    assert (line["level"], line["event"], line["exit_status"]) == ("error", "no market okxx", 2)
    configure_logs(form="text")
    with about(part="collector"):
        say_error("no market okxx", 2)
    assert capsys.readouterr().err == "coinspark: no market okxx\n"
    say_error("the exchange said \x1b[2J", 1)
    assert capsys.readouterr().err == "coinspark: the exchange said ?[2J\n"


def test_an_exception_is_a_field(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        _ = {}["x"]
    except KeyError:
        logger().exception("failed")
    [line] = lines(capsys)
    assert line["level"] == "error"
    assert line["exception"].splitlines()[-1] == "KeyError: 'x'"


def test_no_password_is_said_whoever_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    settings = load_settings(
        database_url="mysql://me:s3cret%40word@host/coin",
        clickhouse_password="another-password",
        clickhouse_url="http://me@host:8123/coin",
        kafka_sasl_password="kafka://pass-word",
        proxy="socks5://me:proxy-password@host:1",
    )
    log_by(settings)
    secrets = ("s3cret%40word", "s3cret@word", "another-password", "kafka://pass-word", "proxy-password")
    logger().info(f"tried {secrets}", password=list(secrets), more={"deep": secrets[2]})
    logger().info("mysql://somebody:unknown-one@host/x and http://host/path@2")
    try:
        int(secrets[3])
    except ValueError:
        logger().exception("failed")
    say_error(f"wrong password {secrets[4]}", 2)
    said = capsys.readouterr().err
    assert [secret for secret in (*secrets, "unknown-one") if secret in said] == []
    assert "mysql://somebody:***@host/x and http://host/path@2" in said


def test_a_short_word_is_not_taken_out_of_every_line(capsys: pytest.CaptureFixture[str]) -> None:
    hide(["coin"])
    logger().info("coins")
    assert lines(capsys)[0]["event"] == "coins"


def test_what_libraries_log_and_warn_of_is_in_the_same_log(capsys: pytest.CaptureFixture[str]) -> None:
    root, level = logging.getLogger(), logging.getLogger().level
    before, root.handlers = root.handlers, []
    try:
        hear_libraries()
        root.setLevel(logging.WARNING)
        logging.getLogger("somebody.else").warning("%s of %d", "one", 2)
        logging.getLogger("somebody.else").info("not said")
        logging.getLogger("kafka.client").error("not said, as it is raised too")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("beware", UserWarning, stacklevel=1)
        hear_libraries(verbose=True)
        logging.getLogger("py4j.java_gateway").warning("said when asked")
        assert len(root.handlers) == 1
    finally:
        root.handlers = before
        root.setLevel(level)
    one, warned, asked = lines(capsys)
    assert (one["event"], one["logger"], one["level"]) == ("one of 2", "somebody.else", "warning")
    assert "UserWarning: beware" in warned["event"]
    assert (asked["event"], asked["logger"]) == ("said when asked", "py4j.java_gateway")


def test_a_level_that_somebody_has_set_stays() -> None:
    logging.getLogger("httpx").setLevel(logging.DEBUG)
    quiet_libraries()
    assert logging.getLogger("httpx").level == logging.DEBUG


def test_of_one_library_alone_the_others_are_not_touched() -> None:
    for name in ("kafka", "werkzeug"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    quiet_libraries("kafka")
    assert [logging.getLogger(name).level for name in ("kafka", "werkzeug")] == [logging.CRITICAL, logging.NOTSET]


def test_a_program_that_has_configured_structlog_itself_is_left_alone() -> None:
    ours = structlog.get_config()
    structlog.configure(processors=[structlog.processors.KeyValueRenderer()], logger_factory=structlog.PrintLoggerFactory())
    try:
        configure_logs("error", "text")
        assert isinstance(structlog.get_config()["logger_factory"], structlog.PrintLoggerFactory)
    finally:
        structlog.configure(**ours)
