"""SLEAP files: what is labelled, videos, packages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sleap_io as sio

from label_files import refused, video_entry
from paths import shared
from posewire_models.errors import InputError
from posewire_training.images import ImageRef, read_images
from posewire_training.labels import Labels, load_labels, save_labels
from posewire_training.labels.record import labelled

NAN = float("nan")


def slp(path: Path, frames: list[sio.LabeledFrame], **parts: Any) -> Path:
    sio.save_slp(sio.Labels(labeled_frames=frames, **parts), str(path), embed=False, verbose=False)
    return path


def test_slp_hidden_keypoints_count_only_if_a_person_placed_them(tmp_path: Path) -> None:
    skeleton = sio.Skeleton(["seen", "placed", "template", "none"])
    table = np.array([[1, 2, 1, 0], [3, 4, 0, 1], [5, 6, 0, 0], [NAN, NAN, 0, 0]])
    frame = sio.LabeledFrame(video=video_entry(), frame_idx=4, instances=[sio.Instance.from_numpy(table, skeleton)])
    labels = load_labels(slp(tmp_path / "a.slp", [frame]), strict=False)
    assert labelled(labels.points)[0, 0].tolist() == [True, True, False, False]
    assert labels.visible[0, 0].tolist() == [True, False, False, False]
    assert labels.images[0].frame == 4


def test_slp_predictions_that_a_person_replaced_are_left_out(tmp_path: Path) -> None:
    skeleton, track, other = sio.Skeleton(["a", "b"]), sio.Track("x"), sio.Track("y")

    def predicted(at: float, track: sio.Track | None) -> sio.PredictedInstance:
        table = np.array([[at, at, 0.5, 1, 0], [at + 1, at, 0.75, 1, 0]])
        return sio.PredictedInstance.from_numpy(table, skeleton=skeleton, track=track, score=0.5)

    same_track, source, kept = predicted(10, track), predicted(20, None), predicted(30, other)
    by_hand = sio.Instance.from_numpy(np.array([[11.0, 11], [12, 11]]), skeleton, track=track)
    corrected = sio.Instance.from_numpy(np.array([[21.0, 21], [22, 21]]), skeleton, from_predicted=source)
    frame = sio.LabeledFrame(video=video_entry(), frame_idx=0, instances=[same_track, source, kept, by_hand, corrected])
    labels = load_labels(slp(tmp_path / "a.slp", [frame]), strict=False)
    assert labels.individuals == ("x", "y", "")
    assert labels.points[0, :, 0, 0].tolist() == [11, 30, 21]
    assert labels.scores is not None
    np.testing.assert_array_equal(labels.scores[0], [[NAN, NAN], [0.5, 0.75], [NAN, NAN]])


def test_slp_a_track_that_stands_twice_in_a_frame_keeps_both(tmp_path: Path) -> None:
    skeleton, track = sio.Skeleton(["a"]), sio.Track("x")
    twice = [sio.Instance.from_numpy(np.array([[v, v]]), skeleton, track=track) for v in (1.0, 5.0)]
    labels = load_labels(slp(tmp_path / "a.slp", [sio.LabeledFrame(video_entry(), 0, twice)]), strict=False)
    assert labels.individuals == ("x", "x")
    assert labels.points[0, :, 0, 0].tolist() == [1, 5]
    save_labels(labels, tmp_path / "b.slp")
    assert load_labels(tmp_path / "b.slp", strict=False).individuals == ("x", "x")
    for name in ("b.csv", "b.nwb"):
        with pytest.raises(InputError, match="'x' twice"):
            save_labels(Labels((ImageRef(tmp_path / "i.png"),), *labels_parts(labels)), tmp_path / name)
        assert not (tmp_path / name).exists()


def labels_parts(labels: Labels) -> tuple[Any, ...]:
    return labels.keypoints, labels.points, labels.visible, labels.individuals


def test_slp_finds_its_video_by_name_and_video_names_it(tmp_path: Path) -> None:
    skeleton = sio.Skeleton(["a", "b"])
    frame = sio.LabeledFrame(
        video_entry("C:\\Users\\me\\clip.mp4"), 2, [sio.Instance.from_numpy(np.ones((2, 2)), skeleton)]
    )
    (tmp_path / "labels").mkdir()
    path = slp(tmp_path / "labels" / "a.slp", [frame])
    assert "clip.mp4 not found" in refused(path)
    (tmp_path / "clip.mp4").write_bytes(b"x")
    assert load_labels(path).images[0].path == tmp_path / "clip.mp4"
    (tmp_path / "other.mp4").write_bytes(b"x")
    assert load_labels(path, video=tmp_path / "other.mp4").images == (ImageRef(tmp_path / "other.mp4", 2),)
    assert "no file" in refused(path, video=tmp_path / "absent.mp4")


def test_slp_of_several_videos_takes_the_one_of_that_name(tmp_path: Path) -> None:
    skeleton = sio.Skeleton(["a", "b"])
    frames = [
        sio.LabeledFrame(video_entry(f"/far/{name}.mp4"), 1, [sio.Instance.from_numpy(np.ones((2, 2)), skeleton)])
        for name in ("one", "two")
    ]
    path = slp(tmp_path / "a.slp", frames)
    near = tmp_path / "near"
    near.mkdir()
    for name in ("two.mp4", "three.mp4"):
        (near / name).write_bytes(b"x")
    images = load_labels(path, video=near / "two.mp4", strict=False).images
    assert [image.path.is_file() for image in images] == [False, True]
    assert "labels 2 videos" in refused(path, video=near / "three.mp4")


def test_slp_with_animals_of_two_skeletons_is_refused(tmp_path: Path) -> None:
    animals = [
        sio.Instance.from_numpy(np.ones((2, 2)), sio.Skeleton(["a", "b"], name="mouse")),
        sio.Instance.from_numpy(np.ones((1, 2)), sio.Skeleton(["c"], name="fly")),
    ]
    path = slp(tmp_path / "a.slp", [sio.LabeledFrame(video_entry(), 0, animals)])
    assert "several skeletons (mouse, fly)" in refused(path)


def test_pictures_inside_a_sleap_package_are_read(tmp_path: Path) -> None:
    folder = shared("sleap-models") / "robot-fixture"
    source = sio.load_slp(str(folder / "small_robot_minimal.slp"))
    package = tmp_path / "robot.pkg.slp"
    source.save(str(package), embed="user", verbose=False)
    labels = load_labels(package)
    assert [(image.path, image.frame, image.part) for image in labels.images] == [
        (package, 0, "video0/video"),
        (package, 79, "video0/video"),
    ]
    plain = load_labels(folder / "small_robot_minimal.slp")
    for (_, inside), (_, outside) in zip(read_images(labels.images), read_images(plain.images), strict=True):
        np.testing.assert_array_equal(inside, outside)
    save_labels(labels, tmp_path / "again.slp")
    assert load_labels(tmp_path / "again.slp").images == labels.images
    missing = ImageRef(package, 5, "video0/video")
    with pytest.raises(InputError, match="frame 5"):
        list(read_images([missing]))
