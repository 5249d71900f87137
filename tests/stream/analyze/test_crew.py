"""The threads: frames in order, poses as live, errors that reach the reader, a stop between batches."""

from __future__ import annotations

import threading
from contextlib import closing

import cv2
import numpy as np
import pytest

import filmed
import peaked_model
import several_model
import tiny_model
from posewire.analyze.batches import BatchLook
from posewire.analyze.crew import Crew
from posewire.compute import Compute
from posewire.looks import Settings
from posewire.pipeline import Pipeline
from posewire.preprocess import parse_crop
from posewire.session import load_model
from posewire.sources.video import VideoFile
from posewire_models.errors import WorkError

FRAMES = 23


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """A video of one animal, and a model for it."""
    folder = tmp_path_factory.mktemp("one")
    return filmed.film(folder / "a.avi", filmed.dots(FRAMES)), load_model(str(tiny_model.write(folder / "dots.onnx")))


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    model = load_model(str(several_model.write(folder / "herd.onnx")))
    return filmed.film(folder / "a.avi", filmed.herd(FRAMES)), model


class Work:
    """A crew on a video, and what it found: numbers, times and poses of the frames."""

    def __init__(self, video, model, crop="full", workers=2, batch=1, skip=0, look=None, stop_after=None):
        contract = model.contract
        settings = Settings(model, "cpu", 1, contract.min_score, contract.rules)
        self.numbers, self.times, self.poses, self.counts = [], [], [], []
        self.stop = threading.Event()
        with closing(VideoFile(video)) as source:
            info = source.open()

            def make(number):
                return BatchLook(settings, info.width, info.height, parse_crop(crop), batch)

            self.crew = Crew(
                source, info, look or make, len(contract.keypoints),
                workers=workers, batch=batch, skip=skip, stop=self.stop,
            )  # fmt: skip
            with closing(self.crew):
                for given in self.crew.batches(lambda: None):
                    self.numbers.append(given.number)
                    self.counts.append(given.count)
                    self.times += given.times[: given.count].tolist()
                    several = [seen.poses for seen in given.seen]
                    self.poses += several or [peaks[None].copy() for peaks in given.peaks[: given.count]]
                    self.crew.recycle(given)
                    if stop_after is not None and len(self.times) >= stop_after:
                        self.stop.set()
            self.alive = [thread for thread in self.crew._threads if thread.is_alive()]


def live(video, model, crop):
    """Each frame's peaks by the live pipeline; of several animals, its poses before a tracker shares them out."""
    pipeline = Pipeline(model, crop=parse_crop(crop), provider="cpu", threads=1)
    found = []
    with closing(VideoFile(video)) as source:
        source.open()
        while (frame := source.read()) is not None:
            pipeline(frame.image)
            found.append(pipeline.peaks.copy())
    return found


@pytest.mark.parametrize("crop", ["full", "30,20,180,120"])
@pytest.mark.parametrize(("workers", "batch"), [(1, 1), (3, 1), (2, 4)])
def test_the_poses_are_those_of_the_live_pipeline(one, workers, batch, crop):
    work = Work(*one, crop, workers, batch)
    assert work.numbers == list(range(-(-FRAMES // batch)))
    assert work.crew.complete
    np.testing.assert_allclose(work.poses, live(*one, crop), atol=1e-3)
    np.testing.assert_allclose(work.times, np.arange(FRAMES) / 30, atol=1e-3)


@pytest.mark.parametrize("batch", [1, 4])
def test_several_animals_too(many, batch):
    work = Work(*many, batch=batch)
    expected = live(*many, "full")
    assert {len(poses) for poses in expected} == {2}
    np.testing.assert_allclose(work.poses, expected, atol=1e-3)


def test_peaks_from_the_graph_are_read_too(one, tmp_path):
    """As on a GPU; here the CPU is told to compute them."""
    video, maps = one
    model = load_model(str(peaked_model.write(tmp_path / "dots.onnx")))
    rules, least = model.contract.rules, model.contract.min_score
    settings = Settings(model, "cpu", 1, least, rules, Compute("cpu", 1, peaks="graph"))
    looks = [BatchLook(settings, 240, 160, parse_crop("30,20,180,120"), 4) for _ in range(2)]
    assert looks[0].network.peaks is not None
    work = Work(video, model, batch=4, look=looks.__getitem__)
    np.testing.assert_allclose(work.poses, live(video, maps, "30,20,180,120"), atol=1e-3)


def test_frames_that_were_done_are_passed_over(one):
    whole, rest = Work(*one, batch=4), Work(*one, batch=4, skip=8)
    assert rest.crew.skipped == 8
    np.testing.assert_array_equal(rest.poses, whole.poses[8:])
    assert rest.times == whole.times[8:]
    with pytest.raises(WorkError, match="ends at frame 23"):
        Work(*one, skip=40)


def test_a_stop_comes_between_batches(one):
    work = Work(*one, batch=4, workers=1, stop_after=4)
    assert not work.crew.complete
    assert 4 <= len(work.times) < FRAMES
    assert set(work.counts) == {4}
    assert not work.alive


def test_an_error_of_a_worker_ends_all(one):
    class Broken:
        def __init__(self):
            self.left = 5

        def work(self, batch):
            self.left -= 1
            if self.left < 0:
                raise WorkError("the network broke")

    with pytest.raises(WorkError, match="the network broke"):
        Work(*one, look=lambda number: Broken())

    def refused(number):
        raise WorkError("no network")

    with pytest.raises(WorkError, match="no network"):
        Work(*one, look=refused)


def test_a_frame_of_another_size_is_named(one, monkeypatch):
    read = VideoFile.read

    def changing(self, into=None):
        frame = read(self, into)
        if frame is not None and frame.number == 7:
            frame.image = cv2.resize(frame.image, (120, 80))
        return frame

    monkeypatch.setattr(VideoFile, "read", changing)
    with pytest.raises(WorkError, match="frame 7 is 120x80, those before are 240x160"):
        Work(*one)


def test_buffers_do_not_grow_with_the_video(one):
    crew = Work(*one, workers=2).crew
    assert crew._empty.qsize() <= 2 * 2 + 2 + 1  # and what tells the decoder to end
