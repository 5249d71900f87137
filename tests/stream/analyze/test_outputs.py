"""Every format is read by the packages of the field, holds what was found, and is the same bytes each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
import sleap_io as sio
from pynwb import NWBHDF5IO

from posewire.analyze import results
from posewire.analyze.outputs import WRITERS, endings, write_outputs
from posewire.analyze.results import Result, Subject
from posewire.analyze.targets import Target
from posewire_models.errors import WorkError

KEYPOINTS = ("nose", "left ear", "tail")
FRAMES = 50


def make(animals: int, frames: int = FRAMES, keypoints=KEYPOINTS, folder: Path = Path("videos")) -> Result:
    """``animals`` of 0: a model of one."""
    rng = np.random.default_rng(3)
    count = max(1, animals)
    poses = rng.uniform(0, 1, (frames, count, len(keypoints), 3)).astype(np.float32)
    poses[..., :2] *= 640
    id_scores = None
    if animals:
        gone = rng.random((frames, count)) < 0.2
        poses[gone] = np.nan
        gone[3:6] = True  # nobody at all
        poses[3:6] = np.nan
        id_scores = np.where(gone, np.nan, rng.random((frames, count))).astype(np.float32)
    subject = Subject(
        video=folder / "clip.mp4",
        size=(640, 480),
        fps=30.0,
        keypoints=keypoints,
        skeleton=((0, 1), (1, 2)),
        symmetric=((0, 2),),
        animals=tuple(f"animal{n + 1}" for n in range(animals)),
        scorer="posewire_m_01234567",
        min_score=0.3,
        identifier="some hash",
        recorded_s=1.6e9,
    )
    return Result(subject, np.arange(frames) / 30.0, poses, id_scores)


@pytest.fixture(autouse=True)
def short_parts(monkeypatch):
    """So that every table is written in several parts."""
    monkeypatch.setattr(results, "_STEP_BYTES", 500)


@pytest.fixture(params=[0, 2], ids=["one", "several"])
def result(request):
    return make(request.param)


def flat(result: Result) -> np.ndarray:
    return result.poses.reshape(len(result), -1)


def test_deeplabcuts_tables(result, tmp_path):
    WRITERS["h5"](result, tmp_path / "a.h5")
    WRITERS["csv"](result, tmp_path / "a.csv")
    table = pd.read_hdf(tmp_path / "a.h5", "df_with_missing")
    levels = ["scorer", "individuals", "bodyparts", "coords"]
    several = bool(result.subject.animals)
    assert list(table.columns.names) == (levels if several else levels[:1] + levels[2:])
    assert table.index.tolist() == list(range(FRAMES))
    np.testing.assert_array_equal(table.to_numpy(), flat(result).astype(float))
    assert table.dtypes.unique().tolist() == [np.float64]
    last = ("posewire_m_01234567", *(["animal2"] if several else []), "tail", "likelihood")
    assert table.columns[-1] == last
    text = pd.read_csv(tmp_path / "a.csv", header=[0, 1, 2, 3] if several else [0, 1, 2], index_col=0)
    assert list(text.columns) == list(table.columns)
    assert text.index.tolist() == table.index.tolist()
    np.testing.assert_array_equal(text.to_numpy().astype(np.float32), flat(result))


def test_parquet_has_plain_names_and_times(result, tmp_path):
    WRITERS["parquet"](result, tmp_path / "a.parquet")
    table = pd.read_parquet(tmp_path / "a.parquet")
    assert table.columns[:2].tolist() == ["frame", "time_s"]
    start = "animal1_" if result.subject.animals else ""
    assert table.columns[2:5].tolist() == [f"{start}nose_x", f"{start}nose_y", f"{start}nose_likelihood"]
    np.testing.assert_array_equal(table["time_s"], result.times)
    np.testing.assert_array_equal(table.iloc[:, 2 : 2 + flat(result).shape[1]].to_numpy(), flat(result))
    if result.id_scores is not None:
        np.testing.assert_array_equal(table["animal2_id_score"], result.id_scores[:, 1])
    nulls = pyarrow.parquet.read_table(tmp_path / "a.parquet").column(2).null_count
    assert nulls == np.isnan(flat(result)[:, 0]).sum()


def test_sleap_shows_what_reaches_the_least_score(result, tmp_path):
    WRITERS["slp"](result, tmp_path / "a.slp")
    labels = sio.load_slp(str(tmp_path / "a.slp"), open_videos=False)
    assert [node.name for node in labels.skeleton.nodes] == list(KEYPOINTS)
    assert labels.skeleton.symmetry_inds == [(0, 2)]
    assert labels.videos[0].shape == [FRAMES, 480, 640, 3]
    assert str(labels.videos[0].filename).endswith("videos/clip.mp4")
    assert [track.name for track in labels.tracks] == list(result.subject.animals)
    poses = result.poses.copy()
    poses[poses[..., 2] < 0.3] = np.nan
    there = np.isfinite(poses[..., 0])
    frames = [n for n in range(FRAMES) if there[n].any()]
    assert [frame.frame_idx for frame in labels] == frames
    for frame in labels:
        places = np.flatnonzero(there[frame.frame_idx].any(axis=1))
        assert len(frame.instances) == len(places)
        for instance, place in zip(frame.instances, places, strict=True):
            expected = poses[frame.frame_idx, place]
            np.testing.assert_array_equal(instance.numpy(), expected[:, :2])
            seen = there[frame.frame_idx, place]
            np.testing.assert_array_equal(instance.points["score"][seen], expected[seen, 2])
            assert instance.score == pytest.approx(expected[seen, 2].mean())
            if result.id_scores is not None:
                assert instance.track.name == result.subject.animals[place]
                assert instance.tracking_score == pytest.approx(result.id_scores[frame.frame_idx, place])


def test_nwb_holds_a_series_a_keypoint(result, tmp_path):
    WRITERS["nwb"](result, tmp_path / "a.nwb")
    with NWBHDF5IO(str(tmp_path / "a.nwb"), "r") as file:
        read = file.read()
        module = read.processing["behavior"]
        assert read.acquisition["video"].external_file[0].endswith("videos/clip.mp4")
        for place, name in enumerate(result.subject.animals or ["PoseEstimation"]):
            found = module[name]
            assert list(found.skeleton.nodes[:]) == list(KEYPOINTS)
            assert found.scorer == "posewire_m_01234567"
            for number, keypoint in enumerate(KEYPOINTS):
                series = found.pose_estimation_series[keypoint]
                np.testing.assert_array_equal(series.data[:], result.poses[:, place, number, :2])
                np.testing.assert_array_equal(series.confidence[:], result.poses[:, place, number, 2])
                np.testing.assert_array_equal(series.timestamps[:], result.times)


def test_times_have_a_file_where_a_format_has_no_place(result, tmp_path):
    assert endings(("parquet", "nwb")) == ["parquet", "nwb"]
    assert endings(("csv", "nwb")) == ["csv", "nwb", "times.csv"]
    WRITERS["times.csv"](result, tmp_path / "t.csv")
    table = pd.read_csv(tmp_path / "t.csv")
    assert table.columns.tolist() == ["frame", "time_s"]
    np.testing.assert_allclose(table["time_s"], result.times, atol=1e-6)


@pytest.mark.parametrize("ending", list(WRITERS))
def test_the_same_poses_are_the_same_bytes(result, ending, tmp_path):
    first, second = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
    WRITERS[ending](result, first)
    WRITERS[ending](result, second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("ending", list(WRITERS))
@pytest.mark.parametrize("animals", [0, 1])
def test_a_single_frame_and_nothing_found_can_be_written(ending, animals, tmp_path):
    result = make(animals, frames=1)
    result.poses[:] = np.nan
    WRITERS[ending](result, tmp_path / f"a.{ending}")
    assert (tmp_path / f"a.{ending}").stat().st_size


def test_what_cannot_be_written_is_one_line_and_leaves_nothing(tmp_path):
    target = Target(tmp_path / "clip.mp4", tmp_path)
    with pytest.raises(WorkError, match=r"clip\.posewire\.h5: .* 6000 columns, of 80 animals"):
        write_outputs(make(80, 1, tuple(f"k{n}" for n in range(25))), target, ("h5",))
    with pytest.raises(WorkError, match=r"clip\.posewire\.nwb: .*'nose/left'"):
        write_outputs(make(0, 1, ("nose/left",)), target, ("nwb",))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(WorkError, match="cannot be written"):
        write_outputs(make(0, 1), Target(tmp_path / "clip.mp4", tmp_path / "nowhere"), ("csv",))
