"""Sub-pixel honesty: what is done to a scene shows in its coordinates, and nothing else does."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

import tiny_model
from posewire_models.phantom import Scene
from program import end, free_endpoint, read_poses, start

FRAMES = 30


def dotted():
    """Images with three dots at places between the pixels."""
    for n in range(FRAMES):
        yield tiny_model.draw({"blue": (90.3 + 3.1 * n, 60.7), "green": (150.2, 78.6 + 2.3 * n), "red": (203.9, 171.4)})


def animals():
    """Images of one drawn animal, each with another look and pose: a network's scatter in them is independent."""
    for n in range(FRAMES):
        yield Scene(640, 480, seed=n, fps=1.0).draw(n).image


def published(folder, images, model, *options):
    """Poses [frames, K, 3] that the real command publishes for these images."""
    folder.mkdir()
    for n, image in enumerate(images):
        cv2.imwrite(str(folder / f"{n:03}.png"), image)
    endpoint = free_endpoint()
    process = start(
        *("run", "--source", folder, "--model", model, "--pace", "max", "--min-score", 0),
        *("--publish", endpoint, "--wait-subscribers", 1, *options),
    )
    messages = read_poses(endpoint, process)
    ended = end(process)
    assert ended.status == 0, ended.stderr
    assert [message["frame"] for message in messages] == list(range(FRAMES))
    return np.array([np.frombuffer(m["poses"], "<f4").reshape(m["shape"])[0] for m in messages])


def embedded(image, left, top, right, bottom):
    return cv2.copyMakeBorder(image, top, bottom, left, right, cv2.BORDER_REPLICATE)


def doubled(image):
    return cv2.resize(image, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)


def halved(image):
    return cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


# What is done to the images, the options of the run, and where a point (x, y) of the scene then lies.
CHANGES = {
    "shifted": (lambda image: embedded(image, 13, 7, 0, 0)[:-7, :-13], (), lambda p: p + np.array([13, 7])),
    "padded to an odd size": (lambda image: embedded(image, 5, 3, 18, 20), (), lambda p: p + np.array([5, 3])),
    "looked at in a crop": (
        lambda image: embedded(image, 31, 17, 9, 40),
        ("--crop", "31,17,{w},{h}"),
        lambda p: p + np.array([31, 17]),
    ),
    "cropped before": (lambda image: image[11:-21, 19:-3], (), lambda p: p - np.array([19, 11])),
}
RESIZED = {
    "twice as large": (doubled, 0.5, lambda p: (p + 0.5) * 2 - 0.5),
    "half as large": (halved, 2.0, lambda p: (p + 0.5) / 2 - 0.5),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("kind", ["dots", "animal"])
def test_coordinates_follow_the_scene(tmp_path, change, kind):
    """The computed network follows to a tenth of a pixel; the trained one, which has its own scatter, on the whole."""
    draw = dotted if kind == "dots" else animals
    model = tiny_model.write(tmp_path / "dots.onnx") if kind == "dots" else "synthetic-animal"
    apply, options, expected = CHANGES[change]
    images = list(draw())
    height, width = images[0].shape[:2]
    before = published(tmp_path / "before", images, model)
    after = published(
        tmp_path / "after", map(apply, images), model, *(option.format(w=width, h=height) for option in options)
    )
    sure = before[..., 2] > 0.3
    assert sure.mean() > 0.5
    differences = (after[..., :2] - expected(before[..., :2]))[sure]
    if kind == "dots":
        assert np.linalg.norm(differences, axis=-1).mean() <= 0.1
    assert np.abs(differences.mean(axis=0)).max() <= 0.5


@pytest.mark.parametrize("change", RESIZED)
def test_coordinates_follow_a_resized_scene(tmp_path, change):
    """The same scene in another size, with a model that undoes it by its `scale`."""
    apply, scale, expected = RESIZED[change]
    plain = tiny_model.write(tmp_path / "dots.onnx")
    resizing = tiny_model.write(tmp_path / "resizing.onnx", scale=scale)
    before = published(tmp_path / "before", dotted(), plain)
    after = published(tmp_path / "after", map(apply, dotted()), resizing)
    distances = np.linalg.norm(after[..., :2] - expected(before[..., :2]), axis=-1)
    assert distances.mean() <= 0.15
