"""A step of the installation tells what happened in one line, whatever the program said."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from install.__main__ import _require_writable
from install.step import InstallError, run


def program(text: str, status: int) -> list[str]:
    return [sys.executable, "-c", f"import sys; print({text!r}); sys.exit({status})"]


def test_progress_is_shown_and_everything_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("Working", program("step 1\nnoise\nstep 2", 0), tmp_path / "log", lambda line: line.upper() if line.startswith("step") else None)
    assert capsys.readouterr().out == "Working ...\n  STEP 1\n  STEP 2\n"
    assert (tmp_path / "log").read_text() == "step 1\nnoise\nstep 2\n"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("NewConnectionError(...)\nERROR: No matching distribution", "no connection to where it is downloaded from"),
        ("java.net.UnknownHostException: host", "no connection to where it is downloaded from"),
        ("mkdir: cannot create x: Permission denied\nbye", "mkdir: cannot create x: Permission denied"),
        ("ERROR: the lock file is old\nhint", "ERROR: the lock file is old"),
        ("", "it said nothing"),
    ],
)
def test_a_failure_is_one_line_with_its_reason(tmp_path: Path, said: str, reason: str) -> None:
    with pytest.raises(InstallError) as failure:
        run("Working", program(said, 3), tmp_path / "log", lambda _: None)
    assert f"Working failed: {reason}" in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match=r"Working failed: .*no-such-program: No such file"):
        run("Working", [str(tmp_path / "no-such-program")], tmp_path / "log", lambda _: None)


def test_a_password_in_an_address_is_not_kept(tmp_path: Path) -> None:
    with pytest.raises(InstallError) as failure:
        run("Working", program("ERROR: 404 for https://user:secret@host/simple", 1), tmp_path / "log", lambda _: None)
    assert "secret" not in str(failure.value)
    assert "secret" not in (tmp_path / "log").read_text()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InstallError, match=r"cannot write in .*file \(Not a directory\)"):
        _require_writable(tmp_path / "file")
