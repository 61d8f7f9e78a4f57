"""The Spark that a session's JVM is told of, and what its Python processes import then."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyspark
import pytest
from pyspark.sql import SparkSession

from src.config.paths import PROJECT
from src.setting.spark_home import spark_home

PACKAGE = Path(pyspark.__file__).parent


@pytest.fixture(autouse=True)
def _nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPARK_HOME", raising=False)
    monkeypatch.setenv("PYSPARK_DRIVER_PYTHON", "the user's")


def test_it_is_made_of_links_and_said_for_as_long_as_a_jvm_is_started(tmp_path: Path) -> None:
    folder = tmp_path / "spark" / "home"
    for _ in range(2):
        with spark_home(folder):
            assert os.environ["SPARK_HOME"] == str(folder)
            assert os.environ["PYSPARK_DRIVER_PYTHON"] != "the user's"
        assert "SPARK_HOME" not in os.environ
        assert os.environ["PYSPARK_DRIVER_PYTHON"] == "the user's"
    assert {each.name: each.readlink() for each in folder.iterdir()} == {"bin": PACKAGE / "bin", "jars": PACKAGE / "jars"}


def test_links_of_another_installation_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "jars").symlink_to("/elsewhere/jars")
    with spark_home(tmp_path):
        assert (tmp_path / "jars").readlink() == PACKAGE / "jars"


def test_where_no_links_can_be_made_the_packages_own_spark_stays(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with spark_home(tmp_path / "file" / "home"):
        assert "SPARK_HOME" not in os.environ
        assert os.environ["PYSPARK_DRIVER_PYTHON"] == "the user's"


def test_a_spark_of_the_users_own_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_HOME", "/opt/spark")
    with spark_home(tmp_path / "home"):
        assert os.environ["SPARK_HOME"] == "/opt/spark"
        assert os.environ["PYSPARK_DRIVER_PYTHON"] == "the user's"
    assert not (tmp_path / "home").exists()


@pytest.mark.spark
def test_a_session_with_a_home_of_its_own_reads_sparks_classes_from_the_archive_that_was_installed(tmp_path: Path) -> None:
    log = tmp_path / "classes.log"
    program = "import sys; from src.config import load_settings; from src.setting.session import create_spark_session, stop_spark"
    program += "; stop_spark(create_spark_session(load_settings(home=sys.argv[1]), 'test'))"
    told = os.environ | {"JAVA_TOOL_OPTIONS": f"-Xlog:class+load:file={log}"}
    subprocess.run([sys.executable, "-c", program, tmp_path / "home"], env=told, cwd=PROJECT, check=True, timeout=120)
    of_spark = [line.rpartition("source: ")[2] for line in log.read_text().splitlines() if " org.apache.spark." in line]
    assert of_spark.count("shared objects file (top)") > 1_000
    assert sum(source.startswith("file:") for source in of_spark) < 100


@pytest.mark.spark
def test_workers_import_the_package_and_not_the_archive(spark: SparkSession) -> None:
    def imported(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for _ in batches:
            yield pa.RecordBatch.from_pylist([{"file": pyspark.__file__}])

    files = spark.range(1, numPartitions=1).mapInArrow(imported, "file string").collect()
    assert [row["file"] for row in files] == [str(PACKAGE / "__init__.py")]
