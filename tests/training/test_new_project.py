"""A new project's folder: whole or not there, self-contained, with settings that can be read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drawn import write_images
from filmed import walk, write_video
from posewire_models.errors import InputError
from posewire_training.config import read_project
from posewire_training.labels import load_labels
from posewire_training.new_project import new_project
from posewire_training.source import label_files


def test_labels_come_with_their_images_and_mean_the_same(tmp_path: Path) -> None:
    source = write_images(tmp_path / "old", 9)
    film = write_video(tmp_path / "film.avi", walk(5))
    made = new_project(tmp_path / "dots", labels=[source], videos=[film], quiet=True)
    project = read_project(tmp_path / "dots")
    assert made.file == tmp_path / "dots" / "project.toml"
    assert (project.name, project.keypoints, project.animals) == ("dots", ("bright", "dark"), 1)
    assert project.skeleton == (("bright", "dark"),)
    assert project.data is not None
    assert project.data.videos == ("videos/film.avi",)
    copy = load_labels(tmp_path / "dots" / "labeled-data" / "clip" / "CollectedData_me.csv")
    original = load_labels(source)
    np.testing.assert_array_equal(copy.points, original.points)
    for ours, theirs in zip(copy.images, original.images, strict=True):
        assert ours.path.is_relative_to(tmp_path / "dots" / "labeled-data" / "clip")
        assert ours.path.read_bytes() == theirs.path.read_bytes()
    assert made.settings is not None
    assert project.network.scale == made.settings.scale == 1.0
    assert project.network.color == "gray"
    assert project.schedule.steps == made.settings.steps
    assert sorted(p.name for p in (tmp_path / "dots").iterdir()) == [
        "labeled-data",
        "models",
        "project.toml",
        "runs",
        "videos",
    ]


def test_two_label_files_of_one_name_stand_side_by_side(tmp_path: Path) -> None:
    first, second = write_images(tmp_path / "a", 3), write_images(tmp_path / "b", 4)
    new_project(tmp_path / "both", labels=[first, second], quiet=True)
    project = read_project(tmp_path / "both")
    assert project.data is not None
    counts = [len(load_labels(path)) for path, _ in label_files(project.data, tmp_path / "both")]
    assert counts == [3, 4]


def test_frames_of_a_video_become_images(tmp_path: Path) -> None:
    film = write_video(tmp_path / "film.avi", walk(12))
    points = np.full((3, 2, 2, 2), np.nan, np.float32)
    points[:, 0] = [[10, 10], [20, 20]]
    points[0, 1] = [[30, 30], [40, 40]]
    np.savez(tmp_path / "labels.npz", points=points, frame_index=[2, 5, 11], node_names=["eyeL", "eyeR"])
    made = new_project(tmp_path / "pair", labels=[tmp_path / "labels.npz"], videos=[film], scorer="ann", quiet=True)
    project = read_project(made.file)
    assert project.animals == 2
    assert project.symmetric == (("eyeL", "eyeR"),)
    assert project.data is not None
    copy = load_labels(tmp_path / "pair" / "labeled-data" / "film" / "CollectedData_ann.csv")
    assert [image.path.name for image in copy.images] == ["img000002.png", "img000005.png", "img000011.png"]
    np.testing.assert_array_equal(copy.points, points)


def test_a_project_may_start_with_nothing_or_with_videos_alone(tmp_path: Path) -> None:
    film = write_video(tmp_path / "film.avi", walk(5))
    new_project(tmp_path / "empty", quiet=True)
    assert read_project(tmp_path / "empty").keypoints == ()
    made = new_project(
        tmp_path / "named",
        videos=[film],
        link=True,
        keypoints=["nose", "left-ear", "right-ear"],
        skeleton=["nose-left-ear", "left-ear-right-ear"],
        quiet=True,
    )
    project = read_project(made.file)
    assert project.skeleton == (("nose", "left-ear"), ("left-ear", "right-ear"))
    assert project.symmetric == (("left-ear", "right-ear"),)
    assert project.data is not None
    assert project.data.videos == (film.resolve().as_posix(),)
    assert not any((tmp_path / "named" / "videos").iterdir())


def test_wrong_calls_leave_no_folder(tmp_path: Path) -> None:
    labels = write_images(tmp_path / "old", 3)
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").touch()
    before = sorted(tmp_path.iterdir())

    def refusal(folder: str = "new", **options: object) -> str:
        with pytest.raises(InputError) as caught:
            new_project(tmp_path / folder, quiet=True, **options)
        assert sorted(tmp_path.iterdir()) == before
        return str(caught.value)

    assert "empty or does not exist" in refusal("full")
    assert "text.mp4" in refusal(videos=[tmp_path / "text.mp4"])
    assert "did you mean 'bright'" in refusal(labels=[labels], skeleton=["brigt-dark"])
    assert "hyphen between" in refusal(labels=[labels], symmetric=["bright"])
    assert "no keypoint 'nose'" in refusal(labels=[labels], keypoints=["nose"])
    assert "--name my mouse" in refusal(name="my mouse")
    twin = labels.with_name("CollectedData_you.csv")
    twin.write_text(labels.read_text())
    assert "keep one of the two rows" in refusal(labels=[labels, twin])
    outside = labels.read_text().replace("labeled-data/clip/img1.png,", "labeled-data/clip/img1.png,9")
    labels.write_text(outside)
    assert "outside the image" in refusal(labels=[labels])


def test_a_stop_leaves_no_folder(tmp_path: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    labels = write_images(tmp_path / "old", 3)
    with pytest.raises(KeyboardInterrupt):
        new_project(tmp_path / "new", labels=[labels], quiet=True, running=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["old"]
