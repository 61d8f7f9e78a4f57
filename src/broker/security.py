"""The settings of a Kafka with TLS or SASL: whether they go together, and what they mean for its connections."""

from __future__ import annotations

from src.broker.connection import KafkaSecurity, secure_connection
from src.config.settings import Settings
from src.errors import ConfigurationError


def kafka_security(settings: Settings) -> KafkaSecurity:
    """What the settings say of the user's own cluster. Raises `ConfigurationError`, which names the setting, for what does not go together."""
    protocol = settings.kafka_security_protocol
    given = {
        "KAFKA_SASL_USERNAME": settings.kafka_sasl_username is not None,
        "KAFKA_SASL_PASSWORD": settings.kafka_sasl_password is not None,
    }
    has_sasl = protocol.startswith("SASL_")
    if wrong := [name for name, is_given in given.items() if is_given != has_sasl]:
        how = "needs it, or the file of it" if has_sasl else "does not use it: SASL_SSL or SASL_PLAINTEXT do"
        raise ConfigurationError(f"{' and '.join(wrong)}: KAFKA_SECURITY_PROTOCOL={protocol} {how}")
    cafile = settings.kafka_ssl_cafile
    if cafile is not None and not protocol.endswith("SSL"):
        raise ConfigurationError(f"KAFKA_SSL_CAFILE: KAFKA_SECURITY_PROTOCOL={protocol} does not use it: SSL or SASL_SSL do")
    if cafile is not None and not cafile.is_file():
        raise ConfigurationError(f"KAFKA_SSL_CAFILE: there is no file {cafile}")
    return KafkaSecurity(
        protocol,
        settings.kafka_sasl_mechanism if has_sasl else None,
        settings.kafka_sasl_username,
        None if settings.kafka_sasl_password is None else settings.kafka_sasl_password.get_secret_value(),
        None if cafile is None else str(cafile.absolute()),
    )


def secure_connections(settings: Settings) -> None:
    """From now on connections of this process to the user's own cluster are made as the settings say. Raises what `kafka_security` raises."""
    if settings.kafka_bootstrap_servers:
        secure_connection(settings.kafka_bootstrap_servers, kafka_security(settings))
