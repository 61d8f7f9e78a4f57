"""What several files of this folder look at."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.system.captured import Captured, captured_run


@pytest.fixture(scope="package")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Captured]:
    """The ticker job over captured frames."""
    with captured_run(tmp_path_factory.mktemp("captured")) as run:
        yield run
