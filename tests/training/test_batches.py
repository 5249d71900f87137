"""Batches depend on seed and step alone."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from posewire_training.augment import Augment
from posewire_training.batches import Batches, padded, whole_size
from posewire_training.config import Project, parse_project
from posewire_training.dataset import Frames


def project(**parts: dict[str, object]) -> Project:
    return parse_project({"name": "test", "data": {"labels": ["x"]}, **parts}, "test")


def some_frames(count: int = 5) -> Frames:
    rng = np.random.default_rng(0)
    images = tuple(rng.integers(0, 256, (40 + 7 * (i % 2), 60, 3), np.uint8) for i in range(count))
    points = rng.uniform(5, 35, (count, 1, 2, 2)).astype(np.float32)
    points[0, 0, 1] = np.nan
    return Frames(tuple(f"{i}.png" for i in range(count)), images, points, 1.0)


def batches(settings: Project, first: int = 0) -> Batches:
    return Batches(settings, some_frames(), Augment(settings.augment, [1, 0]), first)


def test_a_later_start_continues_the_same_sequence() -> None:
    settings = project(schedule={"batch": 3, "crop": [32, 32]})
    with batches(settings) as whole:
        six = list(itertools.islice(whole, 6))
    with batches(settings, first=4) as rest:
        two = list(itertools.islice(rest, 2))
    for a, b in zip(six[4:], two, strict=True):
        for one, other in zip(a, b, strict=True):
            np.testing.assert_array_equal(one, other)


def test_shapes_of_whole_and_close_views() -> None:
    settings = project(schedule={"batch": 3, "crop": [32, 32], "crop_share": 0.5})
    shapes = {batches(settings).draw(step).images.shape for step in range(20)}
    assert shapes == {(3, 64, 64, 3), (3, 32, 32, 3)}
    batch = batches(settings).draw(0)
    cells = (batch.images.shape[1] // 8, batch.images.shape[2] // 8)
    assert batch.heatmaps.shape == batch.mask.shape == (3, *cells, 2)
    assert batch.offsets.shape == (3, *cells, 2, 2)
    assert batch.known.shape == (3, 2)


def test_every_frame_is_drawn_once_before_any_is_drawn_again() -> None:
    drawn = [batches(project())._number(i) for i in range(20)]
    for turn in range(4):
        assert sorted(drawn[5 * turn : 5 * turn + 5]) == list(range(5))


@pytest.mark.parametrize(("empty", "least"), [("absent", 1.0), ("unknown", 0.0)])
def test_empty_labels_are_absent_or_unknown(empty: str, least: float) -> None:
    settings = project(targets={"empty": empty}, schedule={"batch": 5})
    known = np.concatenate([batches(settings).draw(step).known for step in range(4)])
    assert known.min() == least


def test_an_error_in_the_thread_reaches_the_trainer() -> None:
    settings = project()
    broken = Frames(("a",), (np.zeros((40, 60, 3), np.uint8),), np.zeros((1, 3, 2), np.float32), 1.0)
    augment = Augment(settings.augment, [5, 5, 5])  # points to keypoints that are not there
    with pytest.raises(IndexError), Batches(settings, broken, augment) as never:
        list(itertools.islice(never, 50))


def test_padding_is_right_and_below() -> None:
    frames = some_frames()
    assert whole_size(frames) == (64, 64)
    image = padded(frames.images[0], (64, 64))
    np.testing.assert_array_equal(image[:40, :60], frames.images[0])
    assert not image[40:].any()
    assert not image[:, 60:].any()
