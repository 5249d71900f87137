"""Who may write to a run folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from posewire_models.errors import InputError
from posewire_training.run_claim import CLAIM, claimed, is_new

HOLDS = """
import sys
from pathlib import Path
from posewire_training.run_claim import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_writer_is_refused_until_the_first_is_gone(tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-c", HOLDS, str(run)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(InputError, match=r"another training is writing there; wait") as refused, claimed(run):
            pass
        assert str(run) in str(refused.value)
        holder.kill()
    with claimed(run):  # killed without a chance to clear up
        assert is_new(run)
        (run / "run.json").write_text("{}")
    assert [path.name for path in run.iterdir()] == ["run.json"]
    assert not is_new(run)


def test_a_folder_that_stays_empty_is_taken_away_if_it_was_made_here(tmp_path: Path) -> None:
    with claimed(tmp_path / "runs" / "run"):
        assert (tmp_path / "runs" / "run" / CLAIM).is_file()
    assert not (tmp_path / "runs" / "run").exists()
    with claimed(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_a_place_that_cannot_be_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"--run .*file: cannot be made"), claimed(tmp_path / "file"):
        pass
