"""Every setting, with its unit, its default and what it is for. `.env.example` lists the same ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from src.config.problems import PREFIX, problems_told, refuse_misspelt
from src.config.secret_files import SUFFIX, SecretFiles, with_password
from src.config.setting_types import Names, Notionals, Percent, Port, SaslMechanism, SecurityProtocol
from src.logs import LogFormat, LogLevel

EMBEDDED = "embedded"
"""What COINSPARK_CLICKHOUSE_URL says instead of an address for the one on this machine."""


class Settings(BaseSettings):
    """Settings of one run. Each is read from `COINSPARK_<NAME>`, except the well-known names of Kafka and the database, which have no prefix.

    A secret can also come by a file, which the variable with `_FILE` behind its name says.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", extra="ignore", frozen=True, hide_input_in_errors=True)

    home: Path = Field(Path(".coinspark"), description="Folder of all data and state; safe to delete when nothing runs.")
    jars: Path = Field(Path(".jars"), description="Folder that `make install` puts the jars of ivy.xml into.")
    log_level: LogLevel = Field("info", description="Least that the log says: debug (Spark's own warnings too), info, warning or error.")
    log_format: LogFormat = Field("auto", description="How the log looks: text, json, or auto, which is text on a terminal and JSON lines elsewhere.")

    database_password: SecretStr | None = Field(
        None, validation_alias="DATABASE_PASSWORD", description="Password that is put into DATABASE_URL, as it is: nothing is to be escaped."
    )
    database_url: SecretStr | None = Field(
        None, validation_alias="DATABASE_URL", description="SQLAlchemy URL of the metric tables; without it the file <home>/coin.db."
    )
    kafka_bootstrap_servers: str | None = Field(
        None, validation_alias="KAFKA_BOOTSTRAP_SERVERS", description="host:port,... of a Kafka to use instead of the embedded broker."
    )
    kafka_security_protocol: SecurityProtocol = Field(
        "PLAINTEXT",
        validation_alias="KAFKA_SECURITY_PROTOCOL",
        description="How that Kafka is spoken to: PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL. The embedded broker is on this machine alone.",
    )
    kafka_sasl_mechanism: SaslMechanism = Field(
        "SCRAM-SHA-512", validation_alias="KAFKA_SASL_MECHANISM", description="With SASL: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512."
    )
    kafka_sasl_username: str | None = Field(None, validation_alias="KAFKA_SASL_USERNAME", description="With SASL: the user's name.")
    kafka_sasl_password: SecretStr | None = Field(None, validation_alias="KAFKA_SASL_PASSWORD", description="With SASL: the user's password.")
    kafka_ssl_cafile: Path | None = Field(
        None, validation_alias="KAFKA_SSL_CAFILE", description="With SSL: PEM file of who vouches for the brokers; unset: whom the system trusts."
    )
    clickhouse_password: SecretStr | None = Field(
        None, description="Password that is put into COINSPARK_CLICKHOUSE_URL, as it is: nothing is to be escaped."
    )
    clickhouse_url: SecretStr | None = Field(
        None,
        description="http://user:password@host:8123/database of a ClickHouse that gets the metric tables too (https: TLS), or the word embedded: "
        "one on this machine, which the first job starts (it needs the extra `clickhouse`); unset: none.",
    )
    clickhouse_port: int = Field(28123, ge=1, le=65535, description="Port of the embedded ClickHouse on 127.0.0.1.")
    clickhouse_ttl_days: int = Field(
        7, ge=0, description="Days that rows stay in ClickHouse after their window, or after they were written if later; 0 keeps them for ever."
    )
    clickhouse_cluster: str | None = Field(None, description="ClickHouse cluster over whose shards the tables are spread; unset: one server.")
    clickhouse_replicated: bool = Field(default=False, description="Tables of the cluster's shards are replicated, through Keeper.")
    raw: bool = Field(default=False, description="The trade and the order-book job keep every record in ClickHouse too, as --raw does.")

    broker_port: int = Field(29092, ge=1, le=65535, description="Port of the embedded broker on 127.0.0.1.")
    controller_port: int = Field(29093, ge=1, le=65535, description="Port of the embedded broker's controller on 127.0.0.1.")
    broker_heap_megabytes: int = Field(384, ge=128, description="Heap of the embedded broker, MiB.")
    topic_partitions: int = Field(2, ge=1, description="Partitions of a new topic.")
    topic_replication: int = Field(1, ge=1, description="Replicas of a new topic.")
    retention_hours: int = Field(168, ge=1, description="Hours that a topic keeps its records.")

    markets: Names = Field(
        ("upbit", "bithumb", "korbit", "coinone", "okx", "bybit", "gateio", "binance", "kraken"), description="Exchanges to use, by name, or all."
    )
    symbols: Names = Field(("BTC", "ETH", "XRP", "SOL"), description="Base coins to collect, or all (what most markets list).")
    quotes: dict[str, str] = Field(
        default_factory=dict, description='Quote currency by market where it is not the market\'s first, as JSON: {"kraken":"USDT"}.'
    )
    exchange_urls: dict[str, str] = Field(default_factory=dict, description="Websocket address by market, in place of the built-in ones, as JSON.")
    rest_urls: dict[str, str] = Field(
        default_factory=dict, description="REST base address by market, in place of the built-in ones, as JSON; an empty one asks nothing by REST."
    )
    proxy: SecretStr | None = Field(
        None, description="Proxy for exchanges and bank rates: http://host:port or socks5://host:port, with user:password@ where it asks for one."
    )
    stale_seconds: float = Field(60.0, gt=0, description="A ticker or book subscription without data for so long is renewed.")
    stale_trade_seconds: float = Field(300.0, gt=0, description="The same for trades, which quiet coins seldom have.")
    book_depth: int = Field(10, ge=1, le=50, description="Levels of each side of an order-book record.")
    book_interval_ms: int = Field(100, ge=0, description="At most one order-book record per market and symbol in so long; 0 for every change.")
    spool_megabytes: int = Field(1024, ge=1, description="Disk for records that wait for Kafka; then the oldest books and tickers go, trades last.")
    symbol_limit: int = Field(50, ge=1, description="How many coins COINSPARK_SYMBOLS=all stands for at most.")
    bank_rate_urls: Names = Field(
        ("https://open.er-api.com/v6/latest/USD", "https://api.frankfurter.dev/v1/latest?base=USD&symbols=KRW"),
        description="Keyless sources of the bank's KRW per USD, the first that answers; empty asks none.",
    )
    bank_rate_seconds: float = Field(900.0, ge=10, description="How often the bank rate is asked for.")
    bank_rate_max_age_hours: float = Field(96.0, gt=0, description="How long a bank rate is used after it was last read.")
    metrics_port: Port = Field(None, description="Port of the Prometheus metrics of a collector that stands alone; unset: none.")
    ticker_metrics_port: Port = Field(None, description="Port of the Prometheus metrics of the ticker job and its collector; unset: none.")
    orderbook_metrics_port: Port = Field(None, description="The same of the order-book job.")
    trade_metrics_port: Port = Field(None, description="The same of the trade job.")
    metrics_address: str = Field("127.0.0.1", min_length=1, description="Address that metrics are served at. Whoever reaches it may read them.")
    consumer_group: str = Field("coinspark", description="Kafka hears of the jobs' offsets under groups that begin so: coinspark-ticker; empty: not.")
    reach_seconds: float = Field(10.0, gt=0, description="How long the live source tries before it says that no exchange can be reached.")
    rate_max_age_seconds: float = Field(60.0, gt=0, description="Age at which a price stops giving a USD rate.")
    clock_ahead_seconds: float = Field(10.0, gt=0, description="An event further ahead of its reception than this is a dead letter.")

    simulate_seed: int = Field(7, description="Seed of the market simulator.")
    simulate_rate: float = Field(4.0, gt=0, description="Frames per second, market and symbol, that the simulator emits on average.")

    allowed_lateness_seconds: float = Field(60.0, ge=0, description="A record received later than this after its event is late: counted, not used.")
    outage_hours: float = Field(6.0, gt=0, description="How long windows stay open for records that arrive after an outage.")
    ticker_max_age_seconds: float = Field(60.0, gt=0, description="A leg older than this leaves the columns that compare markets or regions.")
    book_max_age_seconds: float = Field(10.0, gt=0, description="The same for a leg of order books.")
    book_size_levels: int = Field(10, ge=1, le=50, description="Levels of each side of a book whose sizes the order-book metrics add up.")
    executable_notionals_usd: Notionals = Field((1_000, 10_000, 100_000), description="Whole USD for which books are walked, several by commas.")
    taker_fee_percents: dict[str, Percent] = Field(
        default_factory=dict, description='Your taker fee in percent by market, in place of those of src/config/fees.py, as JSON: {"kraken":0.26}.'
    )
    price_alert_percent: float = Field(2.0, gt=0, description="Price change within 5 minutes, either way, that is a PRICE_ALERT.")
    volume_surge_percent: float = Field(2.8, gt=0, description="Change of the 24 h volume within 5 minutes that is a VOLUME_SURGE.")
    whale_notional_usd: float = Field(100_000.0, gt=0, description="A trade, or a run of trades, above so much is a whale's, USD.")
    whale_run_trade_usd: float = Field(0.0, ge=0, description="Trades below this do not count to a run, USD; a higher one saves memory.")
    whale_percentile: float = Field(99.9, gt=0, lt=100, description="Percentile of its price's last hour above which a trade or a run is a whale's.")
    whale_floor_usd: float = Field(10_000.0, gt=0, description="A trade or a run not above this is no whale's, whatever the percentile, USD.")
    pressure_buy_ratio: float = Field(1.5, gt=0, description="Buys above so many times the sells of a minute are buying pressure.")
    pressure_volume_ratio: float = Field(2.0, gt=0, description="Volume above so many times the mean of the 20 minutes before is a surge.")
    pressure_range_percent: float = Field(0.1, gt=0, description="High above the low of a minute by more than this is a wide range.")

    master: str = Field("local[2]", description="Spark master.")
    driver_memory: str = Field("1g", description="Heap of the Spark driver.")
    trigger: str = Field("1s", description="Micro-batch interval (a number and a unit), or available-now.")
    sink_retry_seconds: float = Field(60.0, ge=0, description="How long a failing sink is retried before the job stops, or parks the batch.")
    on_sink_failure: Literal["stop", "park"] = Field(
        "stop", description="What follows then: stop the job, or park the sink's batches under <home>/parked and write them in order later."
    )
    database_retention_days: float = Field(7.0, ge=0, description="Days that rows stay in the database after their window; 0 keeps them for ever.")
    database_retention_minutes: float = Field(10.0, gt=0, description="How often a running job deletes rows older than that.")
    parquet_folder: Path | None = Field(None, description="Folder for Parquet files of every batch besides the other sinks; unset: none.")

    @field_validator("markets", "symbols", "bank_rate_urls", "executable_notionals_usd", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("symbols")
    @classmethod
    def _upper(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(symbol.upper() for symbol in value)

    @field_validator("executable_notionals_usd")
    @classmethod
    def _ascending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(set(value)))

    @field_validator("*", mode="before")
    @classmethod
    def _blank_is_unset(cls, value: Any, info: ValidationInfo) -> Any:
        return None if value == "" and cls.model_fields[str(info.field_name)].default is None else value

    @field_validator("database_url", "clickhouse_url")
    @classmethod
    def _with_password(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        password = info.data.get(str(info.field_name).replace("url", "password"))
        return value if value is None or password is None else SecretStr(with_password(value.get_secret_value(), password.get_secret_value()))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given in the program counts most, then the environment, then `.env`; secrets come by files as well."""
        del file_secret_settings
        places = [source.env_vars for source in (env_settings, dotenv_settings) if isinstance(source, EnvSettingsSource | DotEnvSettingsSource)]
        secrets = secret_names()
        refuse_misspelt(places, [*map(environment_name, Settings.model_fields), *(name + SUFFIX for name in secrets.values())])
        return init_settings, SecretFiles(settings_cls, secrets, places), env_settings, dotenv_settings

    @property
    def database_address(self) -> str:
        """SQLAlchemy URL of the database: the user's, or the SQLite file in the home folder. It may hold a password."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        return f"sqlite:///{quote(str(self.home.absolute() / 'coin.db'))}"

    @property
    def has_own_clickhouse(self) -> bool:
        """Whether rows go to a ClickHouse of the user's; not when to none, or to the embedded one."""
        return self.clickhouse_url is not None and self.clickhouse_url.get_secret_value().strip().lower() != EMBEDDED

    @property
    def is_bare(self) -> bool:
        """No database, no ClickHouse and no Kafka of the user's: only then may simulated data start by itself."""
        return self.database_url is None and self.kafka_bootstrap_servers is None and not self.has_own_clickhouse


def secret_names() -> dict[str, str]:
    """The environment variable of every secret, by the setting's name."""
    fields = Settings.model_fields.items()
    return {name: environment_name(name) for name, field in fields if field.annotation == SecretStr | None}


def environment_name(field: str) -> str:
    """The environment variable of a setting."""
    return str(Settings.model_fields[field].validation_alias or f"{PREFIX}{field.upper()}")


def load_settings(**overrides: Any) -> Settings:
    """Read the settings from the environment and `.env`, with `overrides` (None is left out) on top.

    Raises `ConfigurationError` that names the setting, or the file, and what is wrong with it; values are left out, as one may be a secret.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    with problems_told(_environment_name, Settings.model_config.get("env_file")):
        return Settings(**_by_alias(given))


def _environment_name(location: tuple[int | str, ...]) -> str:
    name = str(location[0])
    return name if name not in Settings.model_fields else f"{PREFIX}{name.upper()}"


def _by_alias(values: dict[str, Any]) -> dict[str, Any]:
    return {str(Settings.model_fields[name].validation_alias or name): value for name, value in values.items()}
