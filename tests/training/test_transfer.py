"""Networks that start from ImageNet's, a run's or a model file's weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from posewire_models.errors import InputError
from posewire_models.skeleton import Skeleton

pytest.importorskip("tensorflow")
from posewire_training.config import Project, parse_project
from posewire_training.export import export
from posewire_training.network import build_network, to_network
from posewire_training.run_folder import read_arrays, read_json, read_settings
from posewire_training.transfer import network_of, recoloured, start_of

pytestmark = pytest.mark.trains


def project(weights: str, **network: object) -> Project:
    fields = {"channels": 16, "weights": weights, **network}
    return parse_project({"name": "new", "data": {"labels": ["x"]}, "network": fields}, "test")


def started(settings: Project, folder: Path, body: Skeleton, images: list[np.ndarray]) -> object:
    model = build_network(settings.network, len(body.keypoints))
    start = start_of(settings, folder, body, images)
    assert start is not None
    start(model)
    return model


def maps(model: object, images: np.ndarray, training: bool = False) -> tuple[np.ndarray, np.ndarray]:
    logits, offsets = model(to_network(images), training=training)  # type: ignore[operator]
    return np.asarray(logits), np.asarray(offsets)


SWAPPED = Skeleton(("dark", "other", "bright"))


def test_a_run_lends_its_keypoints_by_name(trained: Path) -> None:
    frames = read_arrays(trained / "frames.npz")["frames"]
    theirs = maps(network_of(trained, read_settings(trained), read_json(trained / "run.json")), frames)
    ours = maps(started(project("run"), trained.parent, SWAPPED, list(frames)), frames)
    np.testing.assert_allclose(ours[0][..., [2, 0]], theirs[0], atol=1e-4)
    np.testing.assert_allclose(ours[1][..., [4, 5, 0, 1]], theirs[1], atol=1e-3)
    assert np.abs(ours[0][..., 1] - theirs[0][..., 0]).max() > 0.1  # a keypoint of its own


def test_a_model_file_is_the_same_network_even_to_training(trained: Path, tmp_path: Path) -> None:
    """Its batch norms are folded away; those measured anew leave the function what it was."""
    written = export(trained, output=tmp_path / "mine.onnx")
    frames = read_arrays(trained / "frames.npz")["frames"]
    theirs = maps(network_of(trained, read_settings(trained), read_json(trained / "run.json")), frames)
    model = started(project(str(written)), tmp_path, SWAPPED, list(frames))
    ours = maps(model, frames)
    np.testing.assert_allclose(ours[0][..., [2, 0]], theirs[0], atol=0.02)
    np.testing.assert_allclose(ours[1][..., [4, 5, 0, 1]], theirs[1], atol=0.05)
    # In training, batch norms go by the batch itself: the measured ones make that the same too.
    learning = maps(model, frames, training=True)
    np.testing.assert_allclose(learning[0][..., [2, 0]], theirs[0], atol=0.5)


def test_a_zoo_model_is_named(trained: Path) -> None:
    frames = read_arrays(trained / "frames.npz")["frames"]
    model = started(project("mouse-topview", channels=64), trained.parent, SWAPPED, list(frames))
    kernel = model.get_layer("Conv1").get_weights()[0]  # type: ignore[attr-defined]
    assert np.abs(kernel).max() > 0.1


@pytest.mark.parametrize("network", [{"alpha": 0.5}, {"alpha": 0.75}])
def test_another_width_is_refused(trained: Path, network: dict[str, float]) -> None:
    with pytest.raises(InputError, match=r"of its layers fit this network.*network\.alpha"):
        started(project("mouse-topview", **network), trained.parent, SWAPPED, [])


@pytest.mark.parametrize(
    ("have", "want"), [("rgb", "bgr"), ("rgb", "gray"), ("gray", "rgb"), ("bgr", "gray"), ("gray", "gray")]
)
def test_a_first_kernel_answers_gray_pictures_alike_in_every_order(have: str, want: str) -> None:
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(3, 3, 1 if have == "gray" else 3, 5)).astype(np.float32)
    patch = rng.normal(size=(3, 3, 1)).astype(np.float32)
    answers = [
        (np.repeat(patch, k.shape[2], axis=2)[..., None] * k).sum(axis=(0, 1, 2))
        for k in (kernel, recoloured(kernel, have, want))
    ]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-5)


def test_random_weights_need_no_start() -> None:
    assert start_of(project("none"), Path(), SWAPPED, []) is None
