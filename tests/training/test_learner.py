"""One step at a time: frozen backbones, half floats, several devices, several animals."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from posewire_training.augment import Augment
from posewire_training.batches import Batch, Batches
from posewire_training.config import Project, parse_project
from posewire_training.dataset import Frames
from posewire_training.learner import LOSSES, Learner
from posewire_training.validation import calibration_of, error_of, measured

pytestmark = pytest.mark.trains


def project(animals: int = 1, **schedule: object) -> Project:
    fields = {"steps": 10, "batch": 2, "warmup": 1, "learning_rate": 0.01, **schedule}
    parts = {"network": {"channels": 8, "weights": "none", "mixes": 1}, "schedule": fields, "animals": animals}
    return parse_project({"name": "one", "data": {"labels": ["x"]}, **parts}, "test")


def some_frames(animals: int = 1) -> Frames:
    rng = np.random.default_rng(0)
    images = tuple(rng.integers(0, 256, (64, 64, 3), np.uint8) for _ in range(4))
    return Frames(tuple("abcd"), images, rng.uniform(8, 56, (4, animals, 2, 2)).astype(np.float32), 1.0)


def batch_of(settings: Project, edges: tuple[tuple[int, int], ...] = ()) -> Batch:
    frames = some_frames(settings.animals)
    return Batches(settings, frames, Augment(settings.augment, [0, 1]), 0, edges).draw(0)


def test_a_frozen_backbone_stays_while_the_heads_learn() -> None:
    settings = project(freeze=2)
    learner, batch = Learner(settings, 2), batch_of(settings)
    layers = {
        name: learner.model.get_layer(name) for name in ("Conv1", "bn_Conv1", "block_13_expand", "heatmap_logits")
    }

    def values() -> dict[str, np.ndarray]:
        return {name: np.concatenate([w.ravel() for w in layer.get_weights()]) for name, layer in layers.items()}

    before = values()
    learner.learn(batch, 0)
    learner.learn(batch, 1)
    frozen = values()
    assert {name for name in layers if not np.array_equal(before[name], frozen[name])} == {"heatmap_logits"}
    learner.learn(batch, 2)
    assert all(not np.array_equal(frozen[name], now) for name, now in values().items())


def test_half_floats_learn_and_are_measured_in_whole_ones(untraced: None) -> None:
    settings = project(precision="mixed")
    learner, batch = Learner(settings, 2), batch_of(settings)
    assert learner.model.get_layer("block_1_expand").compute_dtype == "float16"
    assert learner.average.get_layer("block_1_expand").compute_dtype == "float32"
    losses = [learner.learn(batch, step)[0] for step in range(4)]
    assert np.isfinite(losses).all()
    assert losses[-1] < losses[0]
    assert np.isfinite(error_of(learner, some_frames()).mean)


def test_several_animals_learn_their_fields(untraced: None) -> None:
    settings, edges = project(animals=2), ((0, 1),)
    learner, batch = Learner(settings, 2, len(edges)), batch_of(settings, edges)
    losses = np.array([learner.learn(batch, step) for step in range(8)])
    fields = LOSSES.index("paf_loss")
    assert 0 < losses[-1, fields] < losses[0, fields]
    error = error_of(learner, some_frames(2), edges)
    assert 0 <= error.found <= 1


def test_errors_of_animals_that_were_not_found_are_counted() -> None:
    frames = some_frames(2)
    right = [np.dstack([points, np.ones(points.shape[:2])]).astype(np.float32) for points in frames.points]
    error = measured(right, frames)
    assert (error.mean, error.found, error.score) == (0, 1, 0)
    error = measured([animals[:1] for animals in right], frames)
    assert (error.mean, error.found) == (0, 0.5)
    assert error.score == 7.5
    nothing = measured([np.zeros((0, 2, 3), np.float32)] * 4, frames)
    assert nothing.found == 0
    assert np.isnan(nothing.mean)
    assert nothing.card(frames.names) is None
    shifted = measured([animals + np.float32([3, 4, 0]) for animals in right], frames)
    assert shifted.mean == pytest.approx(5, abs=1e-4)
    card = shifted.card(frames.names)
    assert card is not None
    assert card["frames"]["a"] == [5.0] * 4


TWO_DEVICES = """
import sys
sys.path.insert(0, sys.argv[1])
import numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from test_learner import batch_of, project
from posewire_training.learner import Learner
settings = project(batch=4, average=0.5)
one, two = Learner(settings, 2), Learner(settings, 2, devices=["CPU:0", "CPU:1"])
assert (one.replicas, two.replicas) == (1, 2)
for model in (two.model, two.average):
    model.set_weights(one.model.get_weights())
batch = batch_of(settings)
# Equal halves: then two devices must do what one does with the half alone, also to the batch norms.
batch = type(batch)(*(np.concatenate([part[:2], part[:2]]) for part in batch))
b = two.learn(batch, 0)
tf.config.run_functions_eagerly(True)  # quicker than a second graph
a = one.learn(batch, 0)
np.testing.assert_allclose(a, b, rtol=1e-4)
a, b = (np.concatenate([w.ravel() for w in learner.average.get_weights()]) for learner in (one, two))
# Adam's first step goes by the sign of the gradient alone, which rounding may turn where it is next to nothing.
assert np.isclose(a, b, rtol=1e-2, atol=1e-3).mean() > 0.98
try:
    Learner(project(batch=3), 2, devices=["CPU:0", "CPU:1"])
except Exception as error:
    assert "expected a multiple of the 2 devices" in str(error), error
else:
    raise SystemExit("a batch of 3 for two devices was taken")
print("alike")
"""


def test_two_devices_share_a_batch_and_learn_what_one_does() -> None:
    """In a process of its own: devices are set up before TensorFlow starts."""
    ended = subprocess.run(
        [sys.executable, "-c", TWO_DEVICES, str(__file__).rsplit("/", 1)[0]],
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ended.stdout.endswith("alike\n"), ended.stderr[-2000:]


def test_the_temperature_makes_overconfident_scores_modest() -> None:
    """Scores that say 0.98, of which a quarter are wrong."""
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 100, (100, 1, 3, 2)).astype(np.float32)
    frames = Frames(("",) * 100, (np.zeros((100, 100, 3), np.uint8),) * 100, points, 1.0)
    wrong = rng.random((100, 1, 3)) < 0.25
    found = points + 90 * wrong[..., None].astype(np.float32)
    poses = np.concatenate([found, np.full((100, 1, 3, 1), 0.98, np.float32)], axis=-1)
    calibration = calibration_of(measured(list(poses), frames), frames, absent=True)
    assert calibration is not None
    score = 1 / (1 + (0.02 / 0.98) ** (1 / calibration["temperature"]))
    assert score == pytest.approx(1 - wrong.mean(), abs=0.02)
    unlabelled = Frames(frames.names, frames.images, np.full_like(points, np.nan), 1.0)
    assert calibration_of(measured(list(poses), unlabelled), unlabelled, absent=True) is None
