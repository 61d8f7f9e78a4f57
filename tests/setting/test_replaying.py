"""A replay into windows that are closed is refused before it begins; one that goes on is not."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from src.collect.options import CollectOptions, SourceChoice
from src.collect.plan import ReplayPlan, plan
from src.collect.replay_run import ReplayRun, run_path, save_run
from src.config.settings import Settings
from src.errors import ConfigurationError
from src.setting.checkpoint import Checkpoint
from src.setting.replaying import check_windows_are_open
from tests.system.recorded import START_AT, START_MS, record


def _replay(folder: Path) -> ReplayPlan:
    files = record(folder / "frames", seconds=1)
    options = CollectOptions(source=SourceChoice.REPLAY, files=tuple(files), start_at=datetime.fromisoformat(START_AT))
    replay = plan(options, Settings(home=folder)).replay
    assert replay is not None
    return replay


def _checkpoint(folder: Path, watermark_ms: int) -> Checkpoint:
    (folder / "kept" / "offsets").mkdir(parents=True)
    (folder / "kept" / "offsets" / "0").write_text(f'v1\n{{"batchWatermarkMs":{watermark_ms}}}\n{{}}')
    return Checkpoint("ticker", folder / "kept")


def test_closed_windows_are_said_before_anything_is_sent(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"begins at 2026-09-21 14:13 UTC, but windows before 2026-09-21 14:14 UTC are closed"):
        check_windows_are_open(_replay(tmp_path), _checkpoint(tmp_path, START_MS + 60_000), tmp_path)


def test_open_windows_are_fine(tmp_path: Path) -> None:
    check_windows_are_open(_replay(tmp_path), _checkpoint(tmp_path, START_MS - 60_000), tmp_path)


def test_a_replay_that_goes_on_is_not_refused(tmp_path: Path) -> None:
    replay = _replay(tmp_path)
    run = ReplayRun(identity=replay.identity, run=1, cluster_id="cluster", first_time=START_MS, start_offsets={})
    save_run(run_path(tmp_path, replay.identity), run)
    check_windows_are_open(replay, _checkpoint(tmp_path, START_MS + 60_000), tmp_path)
