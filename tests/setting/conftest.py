"""One Spark session for all tests of this folder."""

from collections.abc import Iterator

import pytest
from pyspark.sql import SparkSession

from src.config.settings import Settings
from src.setting.session import create_spark_session


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    session = create_spark_session(Settings(home=tmp_path_factory.mktemp("spark")), "tests")
    yield session
    session.stop()
