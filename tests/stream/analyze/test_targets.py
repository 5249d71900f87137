"""Which videos are meant, where their outputs lie, and who may write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from posewire.analyze.targets import Target, find_targets
from posewire_models.errors import InputError, WorkError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("clip10.mp4", "clip2.MP4", "notes.txt", ".clip2.posewire.part.mp4", "clip2.posewire.h5"):
        (tmp_path / name).write_text("x")
    (tmp_path / "inside.avi").mkdir()
    return tmp_path


def test_folders_stand_for_their_videos_and_each_is_taken_once(folder):
    targets = find_targets([folder / "clip10.mp4", folder], None)
    assert [target.video.name for target in targets] == ["clip10.mp4", "clip2.MP4"]
    assert targets[0].output("h5") == folder / "clip10.posewire.h5"
    assert targets[0].journal.name == ".clip10.posewire.journal"


def test_an_output_folder_is_made(folder):
    (target,) = find_targets([folder / "clip10.mp4"], folder / "a" / "b")
    assert target.output("json") == folder / "a" / "b" / "clip10.posewire.json"
    assert (folder / "a" / "b").is_dir()
    with pytest.raises(InputError, match=r"--out .*notes\.txt: cannot be made"):
        find_targets([folder / "clip10.mp4"], folder / "notes.txt")


def test_what_is_not_there_is_refused(folder):
    with pytest.raises(InputError, match=r"clip3\.mp4.*did you mean"):
        find_targets([folder / "clip3.mp4"], None)
    with pytest.raises(InputError, match="no video in this folder"):
        find_targets([folder / "inside.avi"], None)


def test_two_videos_of_one_name_are_refused(folder):
    (folder / "clip10.avi").write_text("x")
    with pytest.raises(InputError, match=r"clip10\.avi and .*clip10\.mp4 would both be written to"):
        find_targets([folder], None)


def test_outputs_have_one_writer(folder):
    target = Target(folder / "clip10.mp4", folder)
    with target.claimed():
        other = Target(folder / "clip10.mp4", folder)
        with pytest.raises(WorkError, match="another analysis is writing"), other.claimed():
            pass
    with target.claimed():
        pass
    assert not list(folder.glob("*.lock"))
    gone = Target(folder / "clip10.mp4", folder / "nowhere")
    with pytest.raises(WorkError, match="cannot be written"), gone.claimed():
        pass
