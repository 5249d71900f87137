"""NWB files with ndx-pose, of sleap-io too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import sleap_io as sio

from label_files import video_entry
from paths import shared
from posewire_training.labels import load_labels


def test_nwb_files_of_sleap_io_are_read(tmp_path: Path) -> None:
    folder = shared("sleap-models") / "robot-fixture"
    file = sio.load_slp(str(folder / "small_robot_minimal.slp"))
    sio.save_nwb(file, str(tmp_path / "robot.nwb"))
    labels, plain = load_labels(tmp_path / "robot.nwb"), load_labels(folder / "small_robot_minimal.slp")
    np.testing.assert_array_equal(labels.points, plain.points)
    assert labels.skeleton == plain.skeleton
    assert [image.frame for image in labels.images] == [0, 79]
    assert labels.images[0].path.samefile(folder / "small_robot.mp4")


def test_nwb_names_from_a_table_of_subjects(tmp_path: Path) -> None:
    from sleap_io.io.nwb_annotations import save_labels as save_nwb

    folder = shared("sleap-models") / "robot-fixture"
    file = sio.load_slp(str(folder / "small_robot_minimal.slp"))
    for frame in file:
        frame.instances[0].track = sio.Track("robo") if not file.tracks else file.tracks[0]
        file.update()
    save_nwb(file, str(tmp_path / "robot.nwb"), use_multisubjects=True)
    assert load_labels(tmp_path / "robot.nwb").individuals == ("robo",)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nwb_predictions_of_sleap_io_keep_frames_names_and_scores(tmp_path: Path) -> None:
    skeleton = sio.Skeleton(["a", "b"], name="fly")
    tracks, video = [sio.Track("x"), sio.Track("y")], video_entry("clip.mp4")
    frames = []
    for number in range(4):
        animals = []
        for place, track in enumerate(tracks):
            table = np.array([[number, place, 0.5, 1, 0], [number + 1, place, 0.25, 1, 0]], float)
            animals.append(sio.PredictedInstance.from_numpy(table, skeleton=skeleton, track=track, score=0.5))
        frames.append(sio.LabeledFrame(video, number, animals))
    file = sio.Labels(frames)
    sio.save_nwb(file, str(tmp_path / "p.nwb"))
    labels = load_labels(tmp_path / "p.nwb", strict=False)
    assert labels.individuals == ("x", "y")
    assert [image.frame for image in labels.images] == [0, 1, 2, 3]
    assert labels.points[2, 1].tolist() == [[2, 1], [3, 1]]
    assert labels.scores is not None
    assert labels.scores[2, 1].tolist() == [0.5, 0.25]
