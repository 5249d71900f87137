"""The synthetic source: its SPEC, its frames and their truth."""

from __future__ import annotations

import numpy as np
import pytest

from posewire.frame import Source
from posewire.sources import open_source as open_any
from posewire.sources.synthetic import SyntheticSource, open_source
from posewire_models.errors import InputError
from posewire_models.phantom import KEYPOINTS, Scene


def test_an_empty_argument_is_one_animal_without_end() -> None:
    source = open_source("")
    info = source.open()
    assert (info.name, info.width, info.height, info.fps) == ("synthetic", 640, 480, 100.0)
    assert (info.live, info.frames) == (False, None)
    frame = source.read()
    assert frame is not None
    assert frame.truth is not None
    assert frame.truth.points.shape == (1, 12, 2)


def test_every_option_reaches_the_scene() -> None:
    source = open_any("synthetic:animals=2, size=128x96,fps=50,seed=3,look=4,frames=3")
    assert isinstance(source, SyntheticSource)
    assert isinstance(source, Source)
    info = source.open()
    assert (info.width, info.height, info.fps, info.frames) == (128, 96, 50.0, 3)
    scene = Scene(128, 96, animals=2, fps=50.0, seed=3, look=4)
    for number in range(3):
        frame, drawn = source.read(), scene.draw(number)
        assert frame is not None
        assert frame.truth is not None
        assert frame.number == number
        assert frame.truth.keypoints == KEYPOINTS
        np.testing.assert_array_equal(frame.image, drawn.image)
        np.testing.assert_array_equal(frame.truth.points, drawn.points)
        np.testing.assert_array_equal(frame.truth.visible, drawn.visible)
    assert source.read() is None
    assert source.read() is None


def test_frames_drawn_ahead_come_over_and_over_with_numbers_of_their_own() -> None:
    looped = open_source("size=64x48,loop=3,frames=7")
    looped.open()
    scene = Scene(64, 48)
    for number in range(7):
        frame, drawn = looped.read(np.empty((48, 64, 3), np.uint8)), scene.draw(number % 3)
        assert frame is not None
        assert frame.truth is not None
        assert frame.number == number
        np.testing.assert_array_equal(frame.image, drawn.image)
        np.testing.assert_array_equal(frame.truth.points, drawn.points)
    assert looped.read() is None


def test_a_loop_that_would_fill_the_memory_is_refused() -> None:
    with pytest.raises(InputError, match="more than 1 GB of memory; at most loop=1085"):
        open_source("loop=2000")


def test_animals_leave_and_come_back_as_who_they_were() -> None:
    source = open_source("animals=3,size=320x240,fps=10,seed=2,away=0.3,frames=600")
    source.open()
    seen = []
    while (frame := source.read()) is not None:
        assert frame.truth is not None
        assert frame.truth.points.shape == (3, 12, 2)
        seen.append(frame.truth.visible.any(axis=1))
    for animal in np.array(seen).T:
        assert animal[0]
        assert 0.1 < 1 - animal.mean() < 0.6
        assert np.count_nonzero(np.diff(animal.astype(int)) == 1) >= 2, "it comes back"


def test_frames_go_into_a_buffer_that_fits_and_beside_one_that_does_not() -> None:
    source = open_source("size=64x48")
    source.open()
    fits, small = np.zeros((48, 64, 3), np.uint8), np.zeros((24, 64, 3), np.uint8)
    first, second = source.read(fits), source.read(small)
    assert first is not None
    assert first.image is fits
    assert fits.any()
    assert second is not None
    assert second.image.shape == (48, 64, 3)
    assert not small.any()


def test_frames_without_a_buffer_are_their_own() -> None:
    """Nobody's frame changes when the next one is read."""
    source = open_source("size=64x48")
    source.open()
    first = source.read()
    assert first is not None
    kept = first.image.copy()
    source.read()
    np.testing.assert_array_equal(first.image, kept)


def test_opening_again_starts_again_and_closing_ends() -> None:
    source = open_source("size=64x48")
    source.close()
    assert source.read() is None
    source.open()
    first = source.read()
    source.read()
    source.open()
    again = source.read()
    assert first is not None
    assert again is not None
    assert again.number == 0
    np.testing.assert_array_equal(first.image, again.image)
    source.close()
    assert source.read() is None
    assert source.remarks() == []


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("animal=2", "did you mean 'animals'?"),
        ("xyz=2", "known are animals, size, fps, seed, look, frames, away"),
        ("animals=none", "animals=none is no whole number from 1 on"),
        ("animals=0", "animals=0 is no whole number from 1 on"),
        ("animals=99", "1 to 8 animals, not 99"),
        ("size=640", "write it as 640x480"),
        ("size=8x8", "at least 32x32 pixels, not 8x8"),
        ("fps=0", "fps=0 is no frame rate"),
        ("seed=-1", "seed=-1 is no whole number from 0 on"),
        ("look=1.5", "look=1.5 is no whole number"),
        ("frames=0", "frames=0 is no whole number from 1 on"),
        ("seed=1,seed=2", "given twice"),
        ("seed", "needs a value"),
        ("away=often", "away=often is no number, such as away=0.2"),
        ("away=0.9", "away is a share of the time from 0 to 0.6, not 0.9"),
        ("away=nan", "away is a share of the time from 0 to 0.6, not nan"),
    ],
)
def test_a_wrong_option_is_one_plain_line(argument: str, message: str) -> None:
    with pytest.raises(InputError, match="source synthetic: ") as caught:
        open_source(argument)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
