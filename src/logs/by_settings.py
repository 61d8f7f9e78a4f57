"""The log as the settings want it, without the secrets that are in them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from src.config.settings import Settings
from src.logs.libraries import quiet_libraries
from src.logs.setup import about, configure_logs, hide
from src.logs.spark import followed, spark_log


def log_by(settings: Settings) -> None:
    """Set the log up as these settings say; their secrets are in no line from then on."""
    configure_logs(settings.log_level, settings.log_format)
    hide(_secrets(settings))


@contextmanager
def logged_job(settings: Settings, job: str) -> Iterator[None]:
    """The lines of a job for the length of the block; at `debug` those of its Spark are among them."""
    log_by(settings)
    quiet_libraries("py4j", "pyspark")
    with ExitStack() as stack:
        stack.enter_context(about(part="job", job=job))
        if settings.log_level == "debug":
            stack.enter_context(followed(spark_log(settings.home, job)))
        yield


def _secrets(settings: Settings) -> Iterator[str]:
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if not isinstance(value, SecretStr):
            continue
        secret = value.get_secret_value()
        if "password" in name:
            yield secret
        elif "://" in secret:
            # An address is no secret but for the password in it, and one word like `embedded` is none at all.
            yield from _passwords(secret)


def _passwords(address: str) -> Iterator[str]:
    """The password of an address as it stands there and as it is; all of an address that cannot be read."""
    try:
        password = urlsplit(address).password
    except ValueError:
        yield address
        return
    if password:
        yield from {password, unquote(password)}
