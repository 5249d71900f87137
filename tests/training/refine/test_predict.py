"""Predictions by a model file: pixels of the frame, whatever its size; the mirror image says the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tiny_model
from posewire_models.errors import InputError
from posewire_training.refine.predict import Predictor, joined

PLACES = [
    {"blue": (40.0, 50.0), "green": (100.0, 60.0), "red": (150.0, 90.0)},
    {"blue": (30.5, 100.25), "green": (77.0, 40.0), "red": (120.75, 20.0)},
]


@pytest.mark.parametrize(("width", "height"), [(200, 128), (203, 131)])
def test_dots_are_found_in_frames_and_their_mirror_images(tmp_path: Path, width: int, height: int) -> None:
    # Mirrored, the blue dot stays blue; a model whose blue and red are mirror partners sees them swapped.
    predictor = Predictor(str(tiny_model.write(tmp_path / "dots.onnx", symmetric=[])))
    images = [tiny_model.draw(places, width, height) for places in PLACES]
    plain, mirrored = predictor.predict(images)
    truth = np.array([[places[name] for name in tiny_model.KEYPOINTS] for places in PLACES])
    assert plain.points.shape == (2, 1, 3, 2)
    assert plain.points.dtype == np.float32
    np.testing.assert_allclose(plain.points[:, 0], truth, atol=0.05)
    np.testing.assert_allclose(mirrored.points[:, 0], truth, atol=0.05)
    assert plain.scores.min() > 0.9


def test_mirror_partners_are_swapped_back(tmp_path: Path) -> None:
    predictor = Predictor(str(tiny_model.write(tmp_path / "dots.onnx")))
    plain, mirrored = predictor.predict([tiny_model.draw(PLACES[0])])
    # The tiny model knows colours, not sides: what it calls blue in the mirror image comes back as red.
    np.testing.assert_allclose(mirrored.points[0, 0, 0], plain.points[0, 0, 2], atol=0.05)
    np.testing.assert_allclose(mirrored.points[0, 0, 1], plain.points[0, 0, 1], atol=0.05)


def test_frames_are_resized_as_the_model_says(tmp_path: Path) -> None:
    predictor = Predictor(str(tiny_model.write(tmp_path / "dots.onnx", scale=0.5)))
    large = tiny_model.draw({name: (2 * x, 2 * y) for name, (x, y) in PLACES[0].items()}, 401, 260, radius=8.0)
    plain, _ = predictor.predict([large])
    truth = 2 * np.array([PLACES[0][name] for name in tiny_model.KEYPOINTS])
    np.testing.assert_allclose(plain.points[0, 0], truth, atol=1.0)


def test_predictions_join_in_order(tmp_path: Path) -> None:
    predictor = Predictor(str(tiny_model.write(tmp_path / "dots.onnx")))
    images = [tiny_model.draw(places) for places in PLACES]
    together = predictor.predict(images)[0]
    apart = joined([predictor.predict([image])[0] for image in images])
    assert len(apart) == 2
    np.testing.assert_allclose(apart.points, together.points, atol=1e-4)


def test_a_missing_model_is_refused() -> None:
    with pytest.raises(InputError, match="no such file"):
        Predictor("nowhere/dots.onnx")
