"""What is wrong in labels: single cases, and errors planted into real sets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paths import shared
from planted import SETS, checks, plant, score, scores
from posewire_training.images import ImageRef
from posewire_training.labels import Labels, load_labels
from posewire_training.labels.check import find_empty, find_lengths, find_outside, find_same_place, find_twice
from posewire_training.labels.inspect import check_labels
from posewire_training.labels.record import labelled
from posewire_training.labels.sides import find_swapped, symmetric_by_name

NAN = np.float32(np.nan)
BODY = np.array([[0, 0], [10, -4], [10, 4], [40, 0], [60, 0]], np.float32)  # snout, ears, tail base, tail
NAMES = ("snout", "ear_L", "ear_R", "tailbase", "tail")


def herd(frames: int = 40, animals: int = 1, seed: int = 0) -> Labels:
    """Good labels: animals of several sizes anywhere, turned any way, a little bent, placed by a steady hand."""
    rng = np.random.default_rng(seed)
    turn = rng.uniform(0, 2 * np.pi, (frames, animals, 1))
    size = rng.uniform(0.7, 1.4, (frames, animals, 1))
    shape = BODY + rng.normal(0, 0.5, (frames, animals, *BODY.shape))
    x = size * (np.cos(turn) * shape[..., 0] - np.sin(turn) * shape[..., 1])
    y = size * (np.sin(turn) * shape[..., 0] + np.cos(turn) * shape[..., 1])
    middle = rng.uniform(100, 400, (frames, 1, 1, 2)) + 120 * np.arange(animals)[:, None, None]
    points = (np.stack([x, y], axis=-1) + middle).astype(np.float32)
    images = tuple(ImageRef(Path(f"v/img{i}.png")) for i in range(frames))
    return Labels(images, NAMES, points, labelled(points))


def places(found: list) -> list[tuple[int | None, int | None, int | None]]:
    return [(f.frame, f.animal, f.keypoint) for f in found]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3))
def test_good_labels_give_no_finding(seed: int, animals: int) -> None:
    labels = herd(animals=animals, seed=seed)
    assert check_labels(labels, np.full((len(labels), 2), 2000.0)) == []


@pytest.mark.parametrize("kind", ["outside", "swapped", "length", "same place", "twice", "number", "empty"])
def test_every_planted_error_in_drawn_labels_is_found(kind: str) -> None:
    for seed in range(3):
        result = score(kind, herd(frames=200, seed=seed), (2000, 2000), 25, seed)
        assert (result.planted, result.false) == (25, 0)
        assert result.found >= (22 if kind == "length" else 25)


SIDES = {"openfield", "fly", "trimouse", "flies", "pair", "mice"}
# Share of keypoints moved by about an animal's size that limb lengths give away; less where limbs vary much.
LENGTHS = {
    "openfield": 0.7,
    "reaching": 0.25,
    "mirror": 0.5,
    "fly": 0.6,
    "trimouse": 0.6,
    "flies": 0.85,
    "pair": 0.85,
    "mice": 0.55,
}


@pytest.mark.parametrize("name", SETS)
def test_errors_planted_into_real_sets_are_found(name: str) -> None:
    folder, file, video, size = SETS[name]
    root = shared(folder)
    labels = load_labels(root / file, video=root / video if video else None, strict=False)
    if len(labels) > 400:
        labels = labels.pick(range(0, len(labels), 4))  # keeps the test fast
    for kind in checks(labels, size):
        if kind == "swapped" and name not in SIDES:
            continue
        results = scores(kind, labels, size, 25)
        planted, found = sum(r.planted for r in results), sum(r.found for r in results)
        assert planted >= 20
        assert sum(r.false for r in results) <= (2 if kind in ("length", "swapped") else 0)
        assert found >= {"length": LENGTHS[name], "swapped": 0.9}.get(kind, 1.0) * planted, kind


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("openfield", 1),
        ("reaching", 0),
        ("mirror", 1),
        ("fly", 0),
        ("trimouse", 6),
        ("flies", 6),
        ("pair", 40),
        ("mice", 20),
    ],
)
def test_good_real_sets_give_few_findings(name: str, most: int) -> None:
    """What is told of them was looked at: see docs/labels.md. ``pair`` and ``mice`` are a network's predictions."""
    folder, file, video, size = SETS[name]
    root = shared(folder)
    labels = load_labels(root / file, video=root / video if video else None, strict=False)
    assert len(check_labels(labels, np.tile(np.array(size, float), (len(labels), 1)))) <= most


def test_the_upstream_slip_in_openfield_is_found() -> None:
    path = shared("dlc-openfield") / "labeled-data" / "m4s1" / "CollectedData_Pranav.csv"
    labels = load_labels(path)
    found = check_labels(labels, np.tile([640.0, 480.0], (len(labels), 1)))
    assert [(labels.images[f.frame or 0].path.name, f.kind) for f in found] == [("img0102.png", "swapped")]


def test_outside_tells_sides_and_unknown_sizes_tell_nothing() -> None:
    points = np.array([[[[-0.5, 0], [10, 20], [-0.6, 3], [3, 20.1], [np.inf, 3], [NAN, NAN]]]], np.float32)
    found = find_outside(points, np.array([[10.0, 20.0]]))
    assert [f.keypoint for f in found] == [2, 3]
    assert "10x20" in found[0].why
    assert [f.keypoint for f in find_outside(points, np.array([[np.nan, np.nan]]))] == [2]


def test_keypoints_that_are_often_close_may_coincide() -> None:
    labels = herd()
    labels.points[3, 0, 4] = labels.points[3, 0, 0]
    assert places(find_same_place(labels.points, NAMES)) == [(3, 0, 4)]
    labels.points[:, 0, 2] = labels.points[:, 0, 1] + 1
    labels.points[5, 0, 2] = labels.points[5, 0, 1]
    assert places(find_same_place(labels.points, NAMES)) == [(3, 0, 4)]


def test_an_animal_named_twice_in_a_frame_is_found() -> None:
    labels = replace(herd(frames=3, animals=2), individuals=("ann", "ann"))
    assert places(find_twice(labels)) == [(0, 1, None), (1, 1, None), (2, 1, None)]
    assert find_twice(replace(labels, individuals=("ann", "bob"))) == []


def test_frames_without_a_label_are_found() -> None:
    points = herd(frames=4).points
    points[2] = NAN
    assert places(find_empty(points)) == [(2, None, None)]


def test_a_moved_keypoint_is_named_not_its_neighbours() -> None:
    labels = herd()
    labels.points[7, 0, 3] += 60
    edges = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)]
    assert places(find_lengths(labels.points, NAMES, edges)) == [(7, 0, 3)]
    assert places(find_lengths(labels.points, NAMES, [])) == [(7, 0, 3)]


def test_a_small_animal_is_not_a_wrong_one() -> None:
    labels = herd()
    labels.points[7] *= 0.4
    assert find_lengths(labels.points, NAMES, []) == []


def test_swapped_needs_a_majority_and_a_body() -> None:
    labels = herd()
    labels.points[4, 0, [1, 2]] = labels.points[4, 0, [2, 1]]
    assert places(find_swapped(labels.points, NAMES, [(1, 2)])) == [(4, 0, 1)]
    assert find_swapped(labels.points[:, :, 1:3], NAMES[1:3], [(0, 1)]) == []
    assert find_swapped(labels.points[:6], NAMES, [(1, 2)]) == []
    half, _ = plant("swapped", herd(), (0, 0), 19)
    assert find_swapped(half.points, NAMES, [(1, 2)]) == []


def test_limbs_that_swing_to_both_sides_tell_nothing() -> None:
    labels = herd(frames=200)
    rng = np.random.default_rng(1)
    labels.points[:, :, 1:3] = labels.points[:, :, :1] + rng.normal(0, 20, (200, 1, 2, 2)).astype(np.float32)
    assert find_swapped(labels.points, NAMES, [(1, 2)]) == []


@pytest.mark.parametrize(
    ("names", "pairs"),
    [
        (("leftear", "nose", "rightear"), [(0, 2)]),
        (("Ear_R", "Ear_L", "Shoulder_left", "Shoulder_right"), [(1, 0), (2, 3)]),
        (("eyeL", "eyeR", "forelegL4", "forelegR4", "forelegL3"), [(0, 1), (2, 3)]),
        (("l_paw", "r_paw", "paw_l", "paw_r", "lPaw", "rPaw"), [(0, 1), (2, 3), (4, 5)]),
        (("tail", "tair", "Loin", "nose", "left"), []),
        (("LEFT_HIP", "RIGHT_HIP"), [(0, 1)]),
    ],
)
def test_pairs_by_name(names: tuple[str, ...], pairs: list[tuple[int, int]]) -> None:
    assert symmetric_by_name(names) == pairs
