"""Suggested settings: right for every set we have, and for what we draw."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paths import shared
from posewire_training.images import read_image, video_frames
from posewire_training.labels import load_labels
from posewire_training.labels.sides import symmetric_by_name
from posewire_training.settings import PAD_MULTIPLE
from posewire_training.suggest import LEAST_BODY_PX, SCALES, body_extents, spacing, suggest, suggest_skeleton

SETS = {
    # folder: label file, video; scale, stride, crop, size; rotation, flip
    "dlc-openfield": ("labeled-data/m4s1/CollectedData_Pranav.csv", None, (0.5, 8, 192, None), (180, 0.5)),
    "deepposekit-fly": ("labeled-data/fly/CollectedData_annotator.csv", None, (1.0, 4, None, None), (180, 0.5)),
    "mirror-mouse": ("CollectedData.csv", None, (1.0, 8, 256, None), (15, 0)),
    "dlc-reaching": ("labeled-data/reachingvideo1/CollectedData_Mackenzie.csv", None, (0.5, 8, 256, None), (15, 0)),
    "sleap-flies-clip": ("labels/clip_13node.npz", "videos/clip.mp4", (0.75, 4, 256, (512, 512)), (180, 0.5)),
    "sleap-flies-pair": ("labels/pair_clean.npz", "videos/centered_pair_small.mp4", (1.0, 4, 256, None), (180, 0.5)),
    "sleap-mice-clip": ("labels/mice_proofread.npz", "videos/cohort2.mp4", (0.5, 4, 224, None), (180, 0.5)),
}


@pytest.mark.parametrize("name", SETS)
def test_real_sets_get_what_suits_them(name: str) -> None:
    folder = shared(name)
    file, video, seen, turns = SETS[name]
    labels = load_labels(folder / file, video=folder / video if video else None)
    if video:
        images = [next(video_frames(folder / video, [0]))[1]]
    else:
        images = [read_image(image.path) for image in labels.images[::8]]
    sizes = np.array([image.shape[1::-1] for image in images])
    found = suggest(labels.points, sizes, True, symmetric_by_name(labels.keypoints))
    assert (found.scale, found.stride, found.crop, found.size) == seen
    assert (found.rotation_degrees, found.flip, found.color) == (*turns, "gray")


BODY = np.array([[0, -60], [-15, -40], [15, -40], [0, 60], [0, 20]], float)  # nose, left, right, tail, middle


def herd(angles: np.ndarray, mirrored: np.ndarray | None = None) -> np.ndarray:
    """Bodies turned by angles (degrees), float32 ``[n, 1, 5, 2]``, somewhere in the frame."""
    rng = np.random.default_rng(len(angles))
    bodies = np.repeat(BODY[None], len(angles), axis=0) + rng.normal(0, 2, (len(angles), *BODY.shape))
    turn = np.radians(angles)
    matrix = np.moveaxis(np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]), 2, 0)
    turned = np.einsum("nij,nkj->nki", matrix, bodies)
    if mirrored is not None:
        turned[mirrored, :, 0] *= -1
    return np.float32(turned + rng.uniform(100, 380, (len(angles), 1, 2)))[:, None]


SIZE = np.array([[640, 480]])


def test_the_camera_is_told_from_how_animals_turn() -> None:
    rng = np.random.default_rng(0)
    above = suggest(herd(rng.uniform(0, 360, 40)), SIZE, False)
    assert (above.rotation_degrees, above.flip, above.color) == (180, 0.5, "bgr")
    side = suggest(herd(90 + rng.uniform(-15, 15, 40)), SIZE, False)
    assert (side.rotation_degrees, side.flip) == (15, 0)
    both = suggest(herd(90 + rng.uniform(-15, 15, 40), np.arange(40) % 2 == 0), SIZE, False)
    assert (both.rotation_degrees, both.flip) == (15, 0.5)
    # Left stays left of the body: seen from above, though the animal turned but little.
    pairs = [(1, 2)]
    calm = herd(rng.uniform(-45, 45, 40))
    assert suggest(calm, SIZE, False, pairs).rotation_degrees == 180
    few = suggest(herd(np.full(3, 90.0)), SIZE, False)
    assert few.rotation_degrees == 180


@settings(max_examples=60)
@given(st.integers(40, 4000), st.integers(40, 4000), st.floats(5, 3000))
def test_scales_are_the_largest_that_fit_unless_the_animal_is_small(width: int, height: int, body: float) -> None:
    points = np.float32([[[[0, 0], [body, 0]]]] * 3)
    found = suggest(points, np.array([[width, height]]), True)
    assert found.scale in SCALES
    smaller = [scale for scale in SCALES if scale < found.scale]
    larger = [scale for scale in SCALES if scale > found.scale]
    fits = [scale for scale in SCALES if width * height * scale * scale <= 170_000]
    assert found.scale in fits or body * max(smaller, default=0) < LEAST_BODY_PX or not fits
    assert not any(scale in fits for scale in larger)


@given(st.integers(40, 4000), st.integers(40, 4000), st.floats(5, 3000))
def test_views_fit_the_frame_and_the_network(width: int, height: int, body: float) -> None:
    points = np.float32([[[[0, 0], [body, 0]]]] * 3)
    found = suggest(points, np.array([[width, height]]), True)
    pixels = width * height * found.scale**2
    if found.crop is not None:
        assert found.crop % PAD_MULTIPLE == 0
        assert 128 <= found.crop <= 256
        assert found.crop**2 <= 0.6 * pixels
    if found.size is None:
        assert pixels <= 400_000
    else:
        for side, whole in zip(found.size, (width, height), strict=True):
            assert side % PAD_MULTIPLE == 0
            assert side <= 512
            assert side == 512 or 0 <= side - whole * found.scale < PAD_MULTIPLE


def test_crowded_keypoints_and_several_small_animals_get_a_finer_stride() -> None:
    def stride(keypoints: int, apart: float, animals: int = 1) -> int:
        one = np.stack([np.arange(keypoints) * apart, np.zeros(keypoints)], axis=-1)
        points = np.float32([[one + 90 * animal for animal in range(animals)]] * 3)
        return suggest(points, np.array([[300, 300]]), True).stride

    assert stride(keypoints=8, apart=11) == 4
    assert stride(keypoints=8, apart=13) == 8
    assert stride(keypoints=4, apart=11) == 8  # few keypoints do not crowd, though two may be near
    assert stride(keypoints=4, apart=24, animals=2) == 4
    assert stride(keypoints=4, apart=30, animals=2) == 8


@settings(max_examples=40)
@given(st.integers(1, 4), st.integers(0, 5), st.integers(0, 2**16))
def test_spacing_is_the_median_distance_to_the_nearest(frames: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = np.float32(rng.uniform(0, 100, (frames, 2, count, 2)))
    points[rng.random(points.shape[:3]) < 0.3] = np.nan
    nearest = []
    for pose in points.reshape(frames * 2, count, 2):
        known = [point for point in pose if not np.isnan(point[0])]
        for k, point in enumerate(known):
            others = known[:k] + known[k + 1 :]
            if others:
                nearest.append(min(float(np.hypot(*(point - other))) for other in others))
    assert spacing(points) == pytest.approx(np.median(nearest) if nearest else np.inf, rel=1e-5)


def test_without_labels_the_frame_alone_decides() -> None:
    found = suggest(np.empty((0, 1, 0, 2), np.float32), SIZE, False)
    assert (found.scale, found.crop, found.rotation_degrees) == (0.5, None, 180)


def test_extents_are_of_animals_with_two_points() -> None:
    points = np.full((2, 2, 3, 2), np.nan, np.float32)
    points[0, 0, :2] = [[0, 0], [3, 4]]
    points[1, 1, 0] = [7, 7]
    assert body_extents(points).tolist() == [5.0]


@settings(max_examples=30)
@given(st.integers(1, 7), st.integers(0, 2**16), st.booleans())
def test_suggested_edges_join_all_keypoints_at_least_cost(count: int, seed: int, told: bool) -> None:
    rng = np.random.default_rng(seed)
    points = np.float32(rng.uniform(0, 100, (1, 1, count, 2)))  # one frame: an edge weighs its length
    known = [(0, count - 1)] if told and count > 1 else []
    edges = suggest_skeleton(count, points, known)
    assert edges[: len(known)] == tuple(known)
    assert len(edges) == count - 1

    def cost(tree) -> float:
        return sum(float(np.linalg.norm(points[0, 0, a] - points[0, 0, b])) for a, b in tree)

    def joins(tree) -> bool:
        reached = {0}
        for _ in range(count):
            reached |= {i for edge in tree for i in edge if set(edge) & reached}
        return len(reached) == count

    assert joins(edges)
    if count <= 5:
        trees = itertools.combinations(itertools.combinations(range(count), 2), count - 1)
        best = min((cost(tree) for tree in trees if joins(tree) and set(known) <= set(tree)), default=0)
        assert cost(edges) == pytest.approx(best, rel=1e-5)


def test_of_few_frames_fewer_are_held_out() -> None:
    few, many = (np.zeros((count, 1, 2, 2), np.float32) for count in (20, 60))
    sizes = np.array([[640, 480]])
    assert suggest(few, sizes, True).validation == 0.1
    assert suggest(many, sizes, True).validation == 0.2
