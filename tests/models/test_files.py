"""A file is there whole or not at all."""

from __future__ import annotations

import pytest

from posewire_models.files import beside, folder_beside, put_in_place, write_whole


def test_a_written_file_takes_the_place_of_the_old_one_and_leaves_nothing_beside(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_was_never_finished_has_no_name(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"old")
    beside(path).write_bytes(b"half")
    assert path.read_bytes() == b"old"
    assert beside(path).suffix == ".mp4"
    put_in_place(path)
    assert path.read_bytes() == b"half"


def test_without_the_file_beside_nothing_happens(tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(b"old")
    with pytest.raises(FileNotFoundError):
        put_in_place(path)
    assert path.read_bytes() == b"old"


def test_a_folder_beside_is_new_and_goes_away(tmp_path):
    target = tmp_path / "project"
    beside(target).mkdir()
    (beside(target) / "of a killed program").touch()
    with folder_beside(target) as part:
        assert list(part.iterdir()) == []
        (part / "whole").touch()
        (part / "whole").rename(tmp_path / "whole")
        (part / "rest").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["whole"]
    with pytest.raises(RuntimeError), folder_beside(target) as part:
        raise RuntimeError
    assert not part.exists()
