"""Frames that are labelled already: by number of a video's frame, by a picture's name, by what lies in the folder."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from drawn import write_project
from posewire_models.errors import InputError
from posewire_training.images import ImageRef
from posewire_training.refine.known import labelled_pictures, looks_of_pictures, taken_frames


def test_frames_of_the_video_count_however_they_are_named(tmp_path: Path) -> None:
    video = tmp_path / "videos" / "clip.avi"
    place = tmp_path / "out" / "labeled-data" / "clip"
    place.mkdir(parents=True)
    (place / "img000007.png").touch()
    (place / "CollectedData_5.csv").touch()
    (place / "unnumbered.png").touch()
    pictures = [
        ImageRef(video, 120),
        ImageRef(tmp_path / "videos" / "other.avi", 121),
        ImageRef(tmp_path / "elsewhere" / "clip" / "img0042.png"),
        ImageRef(tmp_path / "elsewhere" / "other" / "img0043.png"),
        ImageRef(tmp_path / "videos" / ".." / "videos" / "clip.avi", 3),
    ]
    assert taken_frames(video, pictures, tmp_path / "out") == {3, 7, 42, 120}
    assert taken_frames(video, [], tmp_path / "absent") == set()


def test_a_projects_pictures_and_how_they_look(tmp_path: Path) -> None:
    project = write_project(tmp_path, images=4, data={"labels": ["labeled-data/*/CollectedData_*.csv"]})
    settings, pictures = labelled_pictures(project)
    assert settings.name == "dots"
    assert [image.name for image, _ in pictures] == [f"clip/img{n}.png" for n in range(4)]
    looks = looks_of_pictures(pictures, seed=0)
    assert looks.shape == (4, 1536)
    order = np.random.default_rng(0).permutation(4)
    again = looks_of_pictures([pictures[n] for n in order], seed=0)
    np.testing.assert_array_equal(sorted(map(tuple, looks)), sorted(map(tuple, again)))
    assert len(looks_of_pictures([], seed=0)) == 0


def test_a_project_of_drawn_animals_is_refused(tmp_path: Path) -> None:
    project = tmp_path / "drawn.toml"
    project.write_text('name = "drawn"\n[phantom]\n')
    with pytest.raises(InputError, match=r"has no \[data\]"):
        labelled_pictures(project)


def test_a_labelled_frame_of_a_video_is_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (64, 48))
    for share in (8, 32):  # so much of the picture is white
        picture = np.zeros((48, 64, 3), np.uint8)
        picture[:, :share] = 255
        writer.write(picture)
    writer.release()
    nothing = np.full((1, 2, 2), np.nan, np.float32)
    looks = looks_of_pictures([(ImageRef(path, 0), nothing), (ImageRef(path, 1), nothing)], seed=0)
    # 255 * sqrt(share * (1 - share)) of an eighth and of a half
    assert sorted(look.std() for look in looks) == pytest.approx([84.3, 127.5], abs=3)
