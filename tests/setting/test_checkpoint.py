"""What a checkpoint tells before the query starts: whose it is, how far it got, and which windows are closed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from src.errors import ConfigurationError
from src.setting.checkpoint import Checkpoint, Lineage, Origin, checkpoint


def _batch(folder: Path, number: int, watermark_ms: int, offset: int, *, committed: bool) -> None:
    """One entry as Spark writes it: version, metadata, the offsets of the one source."""
    for name in ("offsets", "commits"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    metadata = f'{{"batchWatermarkMs":{watermark_ms},"batchTimestampMs":1,"conf":{{}}}}'
    (folder / "offsets" / str(number)).write_text(f'v1\n{metadata}\n{{"raw":{{"0":{offset},"1":7}}}}')
    if committed:
        (folder / "commits" / str(number)).write_text('v1\n{"nextBatchWatermarkMs":0}')


def test_how_far_it_got_is_the_last_batch_that_is_done(tmp_path: Path) -> None:
    with checkpoint(tmp_path, "ticker", "cluster", "metrics") as kept:
        assert (kept.offsets(), kept.watermark_ms()) == ({}, 0)
        for number in range(9, 12):
            _batch(kept.folder, number, watermark_ms=number * 1000, offset=number, committed=number < 11)
        assert kept.offsets() == {("raw", 0): 10, ("raw", 1): 7}
        assert kept.watermark_ms() == 11_000


def test_one_process_runs_a_query_whatever_its_metrics(tmp_path: Path) -> None:
    with (
        checkpoint(tmp_path, "ticker", "cluster", "metrics"),
        pytest.raises(ConfigurationError, match=f"already runs here as pid {os.getpid()}"),
        checkpoint(tmp_path, "ticker", "cluster", "other metrics"),
    ):
        pass


def test_another_identity_is_another_folder_and_knows_what_it_replaces(tmp_path: Path) -> None:
    with checkpoint(tmp_path, "ticker", "one") as first:
        first.begin(Origin(whole_from=5))
        assert first.is_new
        (first.folder / "metadata").touch()
        assert not first.is_new
        assert first.replaces is None
    with checkpoint(tmp_path, "ticker", "two") as second:
        assert second.folder != first.folder
        assert second.replaces == first.folder
        assert second.origin() is None
    with checkpoint(tmp_path, "ticker", "one") as again:
        assert again.origin() == Origin(whole_from=5)
        aside = again.set_aside()
        assert again.is_new
        assert aside.exists()


def test_the_ids_of_a_checkpoint_that_begins_anew_are_others(tmp_path: Path) -> None:
    with checkpoint(tmp_path, "ticker", "one") as first:
        first.begin(Origin(generation=first.next_generation()))
        before = first.lineage()
        assert before == Lineage(f"{first.folder.name}.{before.generation}", before.generation)
        assert Checkpoint("ticker", first.folder).lineage() == before
        # The same folder once more, set aside or deleted; the clock may stand still or go back.
        first.begin(Origin(generation=4_000_000_000_000))
        first.set_aside()
        first.begin(Origin(generation=first.next_generation()))
        assert first.lineage().generation == 4_000_000_000_001
    with checkpoint(tmp_path, "ticker", "two") as second:
        second.begin(Origin(generation=second.next_generation()))
        assert second.lineage().generation == 4_000_000_000_002
    with checkpoint(tmp_path, "trade") as other:
        assert other.next_generation() < 4_000_000_000_000


def test_a_checkpoint_of_an_earlier_version_goes_on_and_one_after_it_is_another(tmp_path: Path) -> None:
    with checkpoint(tmp_path, "ticker", "one") as kept:
        kept.folder.mkdir()
        (kept.folder / "origin.json").write_text('{"whole_from":5}')
        assert kept.lineage() == Lineage(f"{kept.folder.name}.0", 0)
        kept.set_aside()
        kept.begin(Origin(generation=kept.next_generation()))
        assert kept.lineage().generation > 0


def test_a_folder_that_cannot_be_written_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").write_text("a file in the way")
    with pytest.raises(ConfigurationError, match="choose another COINSPARK_HOME"), checkpoint(tmp_path, "ticker"):
        pass
