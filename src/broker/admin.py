"""The connection to a Kafka cluster's administration, with our errors in place of the client's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaAdminClient
from kafka.errors import KafkaError, KafkaTimeoutError

from src.broker.connection import client_options, security_of
from src.errors import ConfigurationError, MissingPartError, TransientError
from src.logs import quiet_libraries

REACH_SECONDS = 10.0

quiet_libraries("kafka")


@contextmanager
def administration(bootstrap_servers: str, reach_seconds: float = REACH_SECONDS) -> Iterator[KafkaAdminClient]:
    """A connected admin client.

    Raises `MissingPartError` when no server answers within `reach_seconds`, `ConfigurationError` when the address cannot be read,
    and `TransientError` for a Kafka error inside the block that is not one of ours already.
    """
    try:
        client = KafkaAdminClient(
            **client_options(bootstrap_servers),
            bootstrap_timeout_ms=int(reach_seconds * 1000),
            reconnect_backoff_max_ms=500,
        )
    except ValueError as error:
        raise ConfigurationError(f"KAFKA_BOOTSTRAP_SERVERS={bootstrap_servers!r} is not host:port,host:port: {error}") from None
    except (KafkaError, OSError) as error:
        why = "" if isinstance(error, KafkaTimeoutError) else f" ({error})"
        raise MissingPartError(
            f"no Kafka answers at {bootstrap_servers} within {reach_seconds:g} s{why}: start it, "
            f"correct KAFKA_BOOTSTRAP_SERVERS{_suspects(bootstrap_servers)}, or unset that to use the embedded broker"
        ) from None
    try:
        yield client
    except KafkaError as error:
        raise TransientError(f"Kafka at {bootstrap_servers}: {error}") from error
    finally:
        client.close()


def _suspects(bootstrap_servers: str) -> str:
    """What else may keep a server from answering: the client does not say whether it was asked in the wrong way."""
    protocol = security_of(bootstrap_servers).protocol
    if protocol == "PLAINTEXT":
        return ""
    sasl = ", KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME or KAFKA_SASL_PASSWORD" if protocol.startswith("SASL_") else ""
    return f", KAFKA_SECURITY_PROTOCOL{', KAFKA_SSL_CAFILE' if protocol.endswith('SSL') else ''}{sasl}"
