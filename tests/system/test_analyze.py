"""`posewire analyze` as its user meets it: a call, a kill in mid-run, broken videos among others."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import filmed
import several_model
import tiny_model
from posewire.analyze.targets import Target
from posewire.pipeline import Pipeline, StepStamps
from posewire.session import load_model
from posewire.sources.video import VideoFile
from program import end, posewire, start

ALL = "h5,csv,parquet,slp,nwb"
MANY = 1500


@pytest.fixture
def video(tmp_path):
    return filmed.film(tmp_path / "clip.avi", filmed.dots(60))


def outputs(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if ".posewire" in path.name}


def live(model: str, video: Path, **options) -> list[tuple[np.ndarray, np.ndarray, np.ndarray | None]]:
    """What `posewire run --pace max` finds: peaks, poses, ids."""
    pipeline = Pipeline(load_model(model), provider="cpu", threads=1, **options)
    source = VideoFile(video)
    info = source.open()
    pipeline.fit(info.width, info.height)
    found = []
    while (frame := source.read()) is not None:
        pipeline.step(frame.image, StepStamps(), None, round(frame.number * 1e9 / info.fps))
        found.append(
            tuple(None if part is None else part.copy() for part in (pipeline.peaks, pipeline.poses, pipeline.ids))
        )
    source.close()
    return found


def test_one_animal_is_found_as_live_and_told_of(dots, video):
    ended = posewire("analyze", video, "--model", dots, "--format", ALL, "--json")
    assert ended.status == 0, ended.stderr
    (told,) = ended.report["videos"]
    assert (told["state"], told["frames"], told["mismatch"]) == ("done", {"promised": 60, "decoded": 60}, None)
    assert ended.report["model"] == "dots"
    assert ended.report["provider"] == "cpu"
    assert 0 < ended.report["cores_busy"] <= 1.1
    endings = ["h5", "csv", "parquet", "slp", "nwb", "times.csv", "json"]
    assert told["outputs"] == [str(video.with_name(f"clip.posewire.{ending}")) for ending in endings]
    assert sorted(path.name for path in video.parent.iterdir()) == sorted(
        ["clip.avi", "dots.onnx", *(Path(path).name for path in told["outputs"])]
    )
    table = pd.read_hdf(video.with_name("clip.posewire.h5"))
    expected = np.array([peaks[0] for peaks, _, _ in live(str(dots), video)])
    np.testing.assert_allclose(table.to_numpy().reshape(60, 3, 3), expected, atol=1e-3)
    np.testing.assert_allclose(
        pd.read_csv(video.with_name("clip.posewire.times.csv"))["time_s"], np.arange(60) / 30, atol=1e-4
    )
    said = json.loads(video.with_name("clip.posewire.json").read_text())
    assert said["model"]["sha256"] == load_model(str(dots)).sha256
    assert said["times"] == {"from": "the container", "guessed": 0, "last_s": pytest.approx(59 / 30, abs=1e-4)}
    # What is finished is left alone, by options or files that it was not made with too.
    before = outputs(video.parent)
    again = posewire("analyze", video, "--model", dots, "--json")
    assert (again.status, again.report["videos"][0]["state"]) == (0, "skipped")
    other = posewire("analyze", video, "--model", dots, "--crop", "0,0,120,120", "--json")
    assert other.status == 1
    assert "analysed before with crop full (now 0,0,120,120); give --again" in other.stderr
    assert outputs(video.parent) == before
    anew = posewire(
        "analyze", video, "--model", dots, "--format", "h5", "--again", "--batch", 4, "--workers", 1, "--json"
    )
    assert anew.report["videos"][0]["state"] == "done", anew.stderr
    np.testing.assert_allclose(pd.read_hdf(video.with_name("clip.posewire.h5")), table, atol=1e-3)


@pytest.mark.parametrize("refine", [True, False])
def test_several_animals_are_found_and_named_as_live(tmp_path, refine):
    herd = several_model.write(tmp_path / "herd.onnx")
    video = filmed.film(tmp_path / "clip.avi", filmed.herd(60))
    ended = posewire(
        *("analyze", video, "--model", herd, "--animals", 2, "--format", "csv,parquet", "--out", tmp_path / "out"),
        *("--refine" if refine else "--no-refine", "--json"),
    )
    assert ended.status == 0, ended.stderr
    told = ended.report["videos"][0]
    assert told["animals"] == 2
    table = pd.read_csv(tmp_path / "out" / "clip.posewire.csv", header=[0, 1, 2, 3], index_col=0)
    assert table.columns.get_level_values("individuals").unique().tolist() == ["animal1", "animal2"]
    # pandas takes a first row without any number for the name of the index: nobody has an id yet in frame 0.
    assert table.index.tolist() == list(range(0 if refine else 1, 60))
    plain = pd.read_parquet(tmp_path / "out" / "clip.posewire.parquet")
    assert plain.columns[-2:].tolist() == ["animal1_id_score", "animal2_id_score"]
    poses = plain.to_numpy()[:, 2:-2].reshape(60, 2, 3, 3)
    np.testing.assert_array_equal(
        table.to_numpy().astype(np.float32), poses[table.index].reshape(-1, 18).astype(np.float32)
    )
    nobody = 0
    for n, (_, expected, ids) in enumerate(live(str(herd), video, animals=2)):
        if refine:
            # From the first frame on, and one animal a column.
            ids = np.argsort(expected[:, 0, 1])
            first = np.argsort(poses[0, :, 0, 1])
            ids = first[np.argsort(ids)]
        nobody += int((ids < 0).sum())
        for pose, who in zip(expected, ids.tolist(), strict=True):
            if who >= 0:
                np.testing.assert_allclose(poses[n, who], pose, atol=1e-3)
        assert np.isfinite(poses[n, :, 0, 0]).sum() == (ids >= 0).sum()
    assert told["nobody"] == nobody
    assert (nobody == 0) == refine


@pytest.fixture(scope="module", params=["one", "several"])
def long_video(request, tmp_path_factory):
    """A video, its model, and the outputs of an analysis that nothing disturbed."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "one":
        model = tiny_model.write(folder / "dots.onnx")
        video = filmed.film(folder / "clip.avi", filmed.dots(40), MANY)
    else:
        model = several_model.write(folder / "herd.onnx")
        video = filmed.film(folder / "clip.avi", filmed.herd(40), MANY)
    arguments = ("analyze", video, "--model", model, "--batch", 3, "--json")
    ended = posewire(*arguments, "--format", ALL)
    assert ended.status == 0, ended.stderr
    return video, arguments, outputs(folder)


def wait_for_a_block(process, journal: Path, beyond: int) -> None:
    """Until the journal has a block more than ``beyond`` bytes, or the program has ended."""
    while process.poll() is None:
        if journal.exists() and journal.stat().st_size > beyond + 2000:
            return
        time.sleep(0.002)


def test_after_kills_the_outputs_are_the_same_bytes(long_video):
    video, arguments, expected = long_video
    folder = video.parent
    for name in expected:
        (folder / name).unlink()
    journal = Target(video, folder).journal
    reached = []
    for _ in range(2):
        size = journal.stat().st_size if journal.exists() else 0
        process = start(*arguments, "--format", "csv")
        wait_for_a_block(process, journal, size)
        process.kill()
        end(process)
        assert outputs(folder).keys() == {journal.name, f".{video.stem}.posewire.lock"}
        reached.append(journal.stat().st_size)
    assert reached[0] < reached[1]
    with journal.open("ab") as file:
        file.write(b"PWj1f half a block")  # what a kill in mid-write leaves
    other = posewire(*arguments, "--format", "csv", "--min-score", 0.7)
    assert other.status == 1
    assert "analysis with min_score 0.3 (now 0.7) was left at frame" in other.stderr
    ended = posewire(*arguments, "--format", ALL)
    assert ended.status == 0, ended.stderr
    assert 0 < ended.report["videos"][0]["resumed_from"] < MANY
    assert "goes on from frame" in ended.stderr
    assert outputs(folder) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for another process")
def test_a_signal_keeps_what_is_done(tmp_path, dots):
    video = filmed.film(tmp_path / "clip.avi", filmed.dots(40), 2500)
    process = start("analyze", video, video.parent, "--model", dots, "--format", "csv", "--json")
    wait_for_a_block(process, Target(video, tmp_path).journal, 0)
    process.send_signal(signal.SIGINT)
    ended = end(process, 30)
    assert (ended.status, "Traceback" in ended.stderr) == (0, False), ended.stderr
    (told,) = ended.report["videos"]
    assert (told["state"], ended.report["stopped"]) == ("stopped", True)
    assert 0 < told["frames"]["decoded"] < 2500
    rest = posewire("analyze", video, "--model", dots, "--format", "csv", "--json")
    assert rest.report["videos"][0]["resumed_from"] == told["frames"]["decoded"]
    assert len(pd.read_csv(tmp_path / "clip.posewire.csv", header=[0, 1, 2])) == 2500


def test_broken_videos_do_not_keep_others_from_being_done(tmp_path, dots):
    whole = filmed.film(tmp_path / "c.avi", filmed.dots(20))
    cut = filmed.film(tmp_path / "b.avi", filmed.dots(20))
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    (tmp_path / "a.mp4").write_bytes(b"this is no video\n" * 50)
    ended = posewire("analyze", tmp_path, "--model", dots, "--format", "csv", "--json")
    assert ended.status == 1
    broken, short, good = ended.report["videos"]
    assert (broken["state"], short["state"], good["state"]) == ("failed", "done", "done")
    assert "a.mp4 cannot be read as a video" in broken["error"]
    assert good["mismatch"] is None
    assert good["video"] == str(whole)
    decoded = short["frames"]["decoded"]
    assert 0 < decoded < 20
    assert short["mismatch"].startswith(f"{decoded} of the 20 frames that the file promises")
    lines = [line for line in ended.stderr.splitlines() if ".avi" in line or ".mp4" in line]
    assert len(lines) == 2
    assert "b.avi" in lines[1]
    assert json.loads((tmp_path / "b.posewire.json").read_text())["mismatch"] == short["mismatch"]
    assert len(pd.read_csv(tmp_path / "b.posewire.csv", header=[0, 1, 2])) == decoded


def test_what_could_not_be_written_is_not_lost(tmp_path):
    """NWB has no place for this name; the next call need not look at the video again."""
    model = tiny_model.write(tmp_path / "dots.onnx", keypoints=["blue/left", "green", "red"])
    video = filmed.film(tmp_path / "clip.avi", filmed.dots(20))
    first = posewire("analyze", video, "--model", model, "--format", "nwb", "--json")
    assert first.status == 1
    assert "what was found is kept" in first.report["videos"][0]["error"]
    assert not (tmp_path / "clip.posewire.nwb").exists()
    assert not (tmp_path / "clip.posewire.json").exists()
    (told,) = posewire("analyze", video, "--model", model, "--format", "csv", "--json").report["videos"]
    assert (told["state"], told["resumed_from"], told["seconds"]) == ("done", 20, 0.0)
    assert len(pd.read_csv(tmp_path / "clip.posewire.csv", header=[0, 1, 2])) == 20


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.avi"], "no video file or folder 'none.avi'"),
        (["clip.avi", "--format", "xlsx"], "--format xlsx: expected h5"),
        (["clip.avi", "--crop", "1,2,3"], "--crop 1,2,3: expected full"),
        (["clip.avi", "--crop", "auto"], "--crop auto: is for live streams"),
        (["clip.avi", "--animals", 2], "is a model of one animal"),
        (["clip.avi", "--provider", "cuda"], "--provider cuda cannot run dots"),
        (["clip.avi", "--model", "mouse-topveiw"], "did you mean 'mouse-topview'"),
    ],
)
def test_a_wrong_call_is_one_line_and_status_2(dots, video, arguments, message):
    ended = posewire("analyze", "--model", dots, *arguments, cwd=video.parent)
    assert ended.status == 2
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert not outputs(video.parent)
