"""How the test animals move: smoothly, inside the arena, on feet that stand, with pauses, turns and rearing."""

from __future__ import annotations

import math

import numpy as np
import pytest

from posewire_models.phantom.anatomy import NECK_STATION
from posewire_models.phantom.arena import ground_of
from posewire_models.phantom.keyed import key_of
from posewire_models.phantom.look import look_of
from posewire_models.phantom.motion import Mover, Posture

FPS = 100
SECONDS = 60


def mover(seed: int) -> Mover:
    look = look_of(seed, 1, 1.0)
    build = look.builds[0]
    return Mover(key_of(seed, 0, 0x3A7), build, ground_of(look, 640, 480, 1.0, build.length))


@pytest.fixture(scope="module", params=range(6))
def walk(request: pytest.FixtureRequest) -> tuple[list[Posture], float]:
    animal = mover(request.param)
    return [animal.posture(i / FPS) for i in range(SECONDS * FPS)], animal._build.length


def necks(postures: list[Posture]) -> np.ndarray:
    return np.array([posture.back[NECK_STATION] for posture in postures])


def speeds(places: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.diff(places, axis=0), axis=-1) * FPS


def test_it_walks_as_fast_as_a_mouse_and_pauses(walk: tuple[list[Posture], float]) -> None:
    v = speeds(necks(walk[0]))
    assert v.max() < 700.0
    assert np.percentile(v, 90) > 80.0
    assert np.mean(v < 5.0) > 0.08


def test_every_part_moves_smoothly(walk: tuple[list[Posture], float]) -> None:
    parts = np.array([[*p.back, *p.tail, *p.paws] for p in walk[0]])
    assert np.linalg.norm(np.diff(parts, axis=0), axis=-1).max() < 22.0


def test_it_turns_both_ways_all_around(walk: tuple[list[Posture], float]) -> None:
    directions = np.array([posture.directions[10] for posture in walk[0]])
    headings = np.unwrap(np.arctan2(directions[:, 1], directions[:, 0]))
    assert np.ptp(headings) > math.pi
    assert np.diff(headings).min() < -0.01
    assert np.diff(headings).max() > 0.01


def test_a_hind_paw_stands_still_while_the_body_moves_on(walk: tuple[list[Posture], float]) -> None:
    """In a trot with a duty factor of 0.6 one of the two hind paws always stands."""
    v = speeds(necks(walk[0]))
    paws = speeds(np.array([posture.paws for posture in walk[0]]))
    sliding = paws[:, 2:].min(axis=1)[v > 60.0]
    assert np.percentile(sliding, 85) < 1.0


def test_paws_stay_within_reach(walk: tuple[list[Posture], float]) -> None:
    postures, length = walk
    for posture in postures[::10]:
        for paw, station in zip(posture.paws, (15, 15, 4, 4), strict=True):
            x, y = posture.back[station]
            assert math.hypot(paw[0] - x, paw[1] - y) < 0.62 * length


def test_a_body_keeps_its_length_but_for_rearing(walk: tuple[list[Posture], float]) -> None:
    postures, length = walk
    for posture in postures[::5]:
        along = np.linalg.norm(np.diff(np.array(posture.back), axis=0), axis=1).sum()
        expected = length * (1.0 - posture.rear * (0.50 * 17 + 0.28 * 7) / 24)
        assert along == pytest.approx(expected, rel=1e-6)


def test_animals_rear_now_and_then() -> None:
    share = np.mean([mover(seed).posture(t).rear > 0.5 for seed in range(12) for t in range(240)])
    assert 0.01 < share < 0.2


def test_a_posture_does_not_depend_on_what_was_asked_before() -> None:
    asked = mover(3)
    for time in (90.0, 0.0, 5000.0, 31.4, 31.5, 7.0):
        asked.posture(time)
    assert asked.posture(31.45) == mover(3).posture(31.45)


def test_time_may_run_for_weeks() -> None:
    posture = mover(1).posture(2e6)
    assert np.isfinite(np.array(posture.back)).all()
