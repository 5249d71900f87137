"""Keypoints follow the image through every change; mirrored views swap partners."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire_training.augment import Augment, move_points
from posewire_training.settings import AugmentSettings

# Geometry only: light and noise would move the centre of mass that the tests look for.
PLAIN = {
    "light": 0,
    "contrast": (1, 1),
    "gamma": (1, 1),
    "shading": 0,
    "tint": 0,
    "blur": 0,
    "noise": 0,
    "compression": 0,
    "occlusion": 0,
}


def blob_image(width: int, height: int, x: float, y: float, sigma: float = 4.0) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    spot = 250 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return np.repeat(spot[..., None], 3, axis=2).astype(np.uint8)


def centre_of(image: np.ndarray) -> np.ndarray:
    grey = image[..., 0].astype(float)
    grey[grey < 12] = 0
    rows, columns = np.mgrid[: grey.shape[0], : grey.shape[1]]
    return np.array([(columns * grey).sum(), (rows * grey).sum()]) / grey.sum()


@given(
    seed=st.integers(0, 2**31),
    x=st.floats(10, 90),
    y=st.floats(10, 70),
    close=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_the_keypoint_stays_on_a_drawn_blob(seed: int, x: float, y: float, close: bool) -> None:
    augment = Augment(AugmentSettings(**PLAIN, rotation_degrees=180, shear=0.2, scale=(0.6, 1.6)), [0])
    # Black border: a replicated one would smear the blob.
    augment._border = lambda rng: (0, 0)  # type: ignore[method-assign]
    image = blob_image(100, 80, x, y)
    points = np.array([[[x, y]]], np.float32)
    view, moved, _ = augment.view(image, points, (128, 96), np.random.default_rng(seed), close)
    assert view.shape == (96, 128, 3)
    extent = (128, 96) if close else (100, 80)
    assert np.all((moved >= -0.5) & (moved < np.array(extent)))
    if np.all((moved[0, 0] > 22) & (moved[0, 0] < np.array(extent) - 23)):  # the whole blob is in view
        assert np.linalg.norm(centre_of(view) - moved[0, 0]) < 0.6


@given(seed=st.integers(0, 2**31))
@settings(max_examples=50, deadline=None)
def test_mirrored_views_swap_partners(seed: int) -> None:
    image = blob_image(96, 96, 30, 48, sigma=3) // 2 + blob_image(96, 96, 62, 48, sigma=3)
    points = np.array([[[30, 48], [62, 48]]], np.float32)  # left is dim, right is bright
    fixed = AugmentSettings(**PLAIN, rotation_degrees=0, shear=0, scale=(1, 1), calm_share=1.0, flip=1.0)
    view, moved, _ = Augment(fixed, [1, 0]).view(image, points, (96, 96), np.random.default_rng(seed))
    for k in range(2):
        if np.isnan(moved[0, k]).any():
            continue
        x, y = np.clip(moved[0, k].round().astype(int), 0, 95)
        bright = view[y, x, 0] > 190
        # In a mirrored image the animal's right ear looks like a left one: the dim blob carries the other name.
        assert bright == (k == 0)


def test_unmirrored_views_keep_their_names() -> None:
    image = blob_image(96, 96, 30, 48)
    points = np.array([[[30, 48], [60, 48]]], np.float32)
    still = AugmentSettings(**PLAIN, rotation_degrees=0, shear=0, scale=(1, 1), calm_share=1.0, flip=0.0)
    view, moved, _ = Augment(still, [1, 0]).view(image, points, (96, 96), np.random.default_rng(3))
    assert np.linalg.norm(centre_of(view) - moved[0, 0]) < 0.6


@given(
    matrix=st.lists(st.floats(-2, 2), min_size=6, max_size=6),
    points=st.lists(st.tuples(st.floats(-99, 999), st.floats(-99, 999)), min_size=1, max_size=5),
)
def test_points_move_by_the_plain_formula(matrix: list[float], points: list[tuple[float, float]]) -> None:
    a, b, c, d, e, f = matrix
    plain = [(a * x + b * y + c, d * x + e * y + f) for x, y in points]
    moved = move_points(np.array([[a, b, c], [d, e, f]]), np.array(points, np.float32))
    np.testing.assert_allclose(moved, plain, rtol=1e-4, atol=1e-2)


@pytest.mark.parametrize("channels", [1, 3])
def test_all_changes_together_keep_shape_and_type(channels: int) -> None:
    everything = AugmentSettings(shading=1, tint=1, blur=1, noise=20, compression=1, occlusion=1)
    augment = Augment(everything, [0])
    image = np.random.default_rng(0).integers(0, 256, (61, 75, channels), np.uint8)
    for seed in range(30):
        rng = np.random.default_rng(seed)
        view, _, _ = augment.view(image, np.array([[[20, 20]]], np.float32), (96, 64), rng, close=bool(seed % 2))
        assert view.shape == (64, 96, channels)
        assert view.dtype == np.uint8


def test_whole_views_are_padded_with_zeros_as_at_run_time() -> None:
    image = np.full((50, 70, 3), 200, np.uint8)
    for seed in range(10):
        view, _, _ = Augment(AugmentSettings(), [0]).view(
            image, np.array([[[20, 20]]], np.float32), (96, 64), np.random.default_rng(seed)
        )
        assert not view[50:].any()
        assert not view[:, 70:].any()


def test_absent_keypoints_stay_absent_and_lost_ones_become_so() -> None:
    augment = Augment(AugmentSettings(**PLAIN, flip=1.0, scale=(3, 3), calm_share=0), [1, 0, 2])
    points = np.array([[[np.nan, np.nan], [30, 30], [95, 75]]], np.float32)
    image = np.zeros((80, 100, 3), np.uint8)
    lost = 0
    for seed in range(20):
        _, moved, labelled = augment.view(image, points, (96, 96), np.random.default_rng(seed), close=True)
        assert labelled.tolist() == [[True, False, True]]  # partners swapped
        assert np.isnan(moved[0, 1]).all()
        inside = moved[~np.isnan(moved).any(axis=-1)]
        assert np.all((inside >= -0.5) & (inside < 95.5))
        lost += int(np.isnan(moved[0, 2]).any())
    assert lost > 0


def test_the_same_generator_gives_the_same_view() -> None:
    image = blob_image(80, 60, 30, 30)
    points = np.array([[[30, 30]]], np.float32)
    first, second = (
        Augment(AugmentSettings(), [0]).view(image, points, (96, 64), np.random.default_rng(7)) for _ in range(2)
    )
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])
