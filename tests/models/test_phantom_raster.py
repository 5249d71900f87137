"""The drawing kernels against their slow twins."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire_models.phantom import Scene, raster
from posewire_models.phantom.anatomy import KEYPOINT_LAYERS, LAYER_STARTS
from posewire_models.phantom.parts import parts_of
from reference_phantom import expose, paint, shade, visible

SEEDS = st.integers(0, 10_000)
STARTS = np.asarray(LAYER_STARTS, np.int64)


def setting(seed: int, width: int = 120, height: int = 90) -> dict:
    random = np.random.default_rng(seed)
    scene = Scene(width, height, animals=1 + seed % 3, seed=seed)
    number = int(random.integers(0, 3000))
    postures = [mover.posture(number / 100.0) for mover in scene._movers]
    bodies = [parts_of(p, b) for p, b in zip(postures, scene.look.builds, strict=True)]
    return {
        "scene": scene,
        "bodies": bodies,
        "image": random.integers(0, 256, (height, width, 3), np.uint8),
        "gains": (random.integers(200, 300, height) / 256.0).astype(np.float32),
        "noise": random.integers(-20, 21, 4000).astype(np.int8),
        "offsets": random.integers(0, 3000, height) // 3 * 3,
        "scratch": (np.full((height, width), raster.FAR, np.float32), np.zeros((height, width), np.uint8)),
    }


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_an_animal_is_painted_as_its_twin_paints_it(seed: int) -> None:
    """At most one grey level apart (rounding), at a few pixels (ties between two parts) more."""
    s = setting(seed)
    body, atlas = s["bodies"][0], s["scene"]._atlases[0]
    shared = (body.parts, STARTS, atlas, np.asarray(s["scene"].look.light), s["scene"].look.edge)
    camera = (s["gains"], s["noise"], s["offsets"])
    expected = paint(s["image"], *shared, *camera)
    got = s["image"].copy()
    raster.paint(got, *shared, *camera, *s["scratch"])
    apart = np.abs(got.astype(int) - expected.astype(int)).max(axis=2)
    assert np.count_nonzero(apart > 1) <= 12
    assert np.count_nonzero((got != s["image"]).any(axis=2)) > 50
    assert (s["scratch"][0] == raster.FAR).all()


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.floats(-9, 9), st.floats(-9, 9), st.floats(0.6, 9), st.floats(0, 1))
def test_a_shadow_falls_as_its_twin_lets_it_fall(seed: int, x: float, y: float, soft: float, depth: float) -> None:
    s = setting(seed)
    parts = s["bodies"][0].shadow
    got = s["image"].copy()
    raster.shade(got, parts, x, y, soft, depth, *s["scratch"])
    expected = shade(s["image"], parts, x, y, soft, depth)
    assert np.abs(got.astype(int) - expected.astype(int)).max() <= 1
    assert (s["scratch"][0] == raster.FAR).all()


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_the_arena_is_exposed_to_the_bit_as_by_its_twin(seed: int) -> None:
    s = setting(seed, 60, 40)
    arena = s["image"].reshape(40, 180)
    got = np.empty_like(arena)
    raster.expose(arena, s["gains"], s["noise"], s["offsets"], got)
    np.testing.assert_array_equal(got, expose(arena, s["gains"], s["noise"], s["offsets"]))


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_keypoints_are_hidden_where_the_twin_finds_something_above_them(seed: int) -> None:
    s = setting(seed)
    points = np.stack([body.points for body in s["bodies"]])
    # Pile the animals up, so that they hide each other's keypoints.
    shifts = points[0, 4] - points[:, 4]
    points += shifts[:, None]
    parts = np.stack([body.parts for body in s["bodies"]])
    parts[:, :, [0, 3]] += shifts[:, 0, None, None]
    parts[:, :, [1, 4]] += shifts[:, 1, None, None]
    ends = np.asarray([LAYER_STARTS[layer + 1] for layer in KEYPOINT_LAYERS], np.int64)
    order = s["scene"].order
    got = np.empty(points.shape[:2], np.bool_)
    raster.look_through(points, parts, order, ends, LAYER_STARTS[4], 120, 90, got)
    np.testing.assert_array_equal(got, visible(points, parts, order, ends, LAYER_STARTS[4], 120, 90))
    if len(order) > 1:
        assert not got[order[0], 4]
