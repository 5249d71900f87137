"""The network while it learns: one step, the running mean of the weights, and how far that mean is off.

AdamW on a cosine schedule with warm-up; the running mean of the weights is what is measured and exported.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from posewire_models.errors import InputError
from posewire_training.batches import padded, whole_size
from posewire_training.config import Project
from posewire_training.dataset import Frames
from posewire_training.labels.record import Points
from posewire_training.losses import heatmap_loss, offset_loss
from posewire_training.network import build_network, to_network
from posewire_training.targets import best_peaks

import tensorflow as tf  # isort: skip  (after network.py, which quiets its start-up notices)

_NEAR_PX = 15.0


class Learner:
    """The network, its running mean, the optimizer, and one step of learning."""

    def __init__(self, project: Project, keypoints: int, weights: Path | str | None) -> None:
        schedule = project.schedule
        keras.utils.set_random_seed(schedule.seed)
        self.project = project
        self.model = build_network(project.network, keypoints, weights)
        self.average = build_network(project.network, keypoints, None)
        self.average.set_weights(self.model.get_weights())
        # The schedule is written out below rather than handed to Keras: one place tells the whole of it.
        self.optimizer = keras.optimizers.AdamW(0.0, weight_decay=schedule.weight_decay, clipnorm=10.0)
        self.optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
        self.optimizer.build(self.model.trainable_variables)
        self.step_of = tf.function(self._step)
        self.forward = tf.function(lambda images: self.average(to_network(images), training=False))

    def learning_rate(self, step: int) -> float:
        """Rises over the warm-up, then falls along half a cosine to zero."""
        schedule = self.project.schedule
        if step < schedule.warmup:
            return schedule.learning_rate * (step + 1) / schedule.warmup
        done = (step - schedule.warmup) / max(1, schedule.steps - schedule.warmup)
        return schedule.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))

    def memory(self, step: int) -> float:
        """Memory of the running mean: short at first, so that the start weights are soon forgotten."""
        return min(self.project.schedule.average, (1 + step) / (10 + step))

    def _step(self, images: Any, heatmaps: Any, offsets: Any, mask: Any, known: Any, memory: Any) -> Any:
        targets, stride = self.project.targets, self.project.network.stride
        with tf.GradientTape() as tape:
            logits, moves = self.model(to_network(images), training=True)  # [B, h, w, K], [B, h, w, 2K]
            where = heatmap_loss(logits, heatmaps, known, targets.peak_weight, 2 * math.pi * targets.sigma_cells**2)
            finer = offset_loss(tf.reshape(moves, tf.shape(offsets)), offsets, mask, stride)
            loss = where + targets.offset_weight * finer
        variables = self.model.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        for mean, now in zip(self.average.variables, self.model.variables, strict=True):
            mean.assign(mean * memory + tf.cast(now, mean.dtype) * (1 - memory))
        return tf.stack([loss, where, finer])

    def state(self) -> dict[str, npt.NDArray[Any]]:
        """All variables, to be kept."""
        return {
            f"{group}/{i:03d}": np.asarray(variable)
            for group, variables in self._groups().items()
            for i, variable in enumerate(variables)
        }

    def restore(self, state: dict[str, npt.NDArray[Any]], where: str) -> None:
        """Take up kept variables. Raises InputError if they are another network's."""
        for group, variables in self._groups().items():
            for i, variable in enumerate(variables):
                value = state.get(f"{group}/{i:03d}")
                if value is None or value.shape != tuple(variable.shape):
                    raise InputError(f"{where}: the checkpoint does not fit the settings; start a new run")
                variable.assign(value)

    def _groups(self) -> dict[str, list[Any]]:
        return {
            "weights": self.model.weights,
            "average": self.average.weights,
            "optimizer": self.optimizer.variables,
        }


def predict(learner: Learner, frames: Frames) -> Points:
    """Keypoints of whole frames by the running mean: float32 ``[frames, K, 2]`` in network pixels."""
    size = learner.project.schedule.size or whole_size(frames)
    found = []
    for image in frames.images:
        # An image larger than the training size keeps its own.
        fits = image.shape[1] <= size[0] and image.shape[0] <= size[1]
        own = size if fits else whole_size(Frames(("",), (image,), frames.points[:1], frames.scale))
        logits, moves = learner.forward(padded(image, own)[None])
        maps = np.asarray(logits)
        found.append(best_peaks(maps, np.asarray(moves).reshape(*maps.shape, 2), learner.project.network.stride)[0])
    return np.concatenate(found)


def error_of(learner: Learner, frames: Frames) -> tuple[float, float, float]:
    """Mean and median error in pixels of the full source frame, and the share within 15 px; NaN for no frames."""
    if not len(frames):
        return math.nan, math.nan, math.nan
    apart = np.linalg.norm(predict(learner, frames) - frames.points[:, 0], axis=2) / frames.scale
    apart = apart[~np.isnan(apart)]
    if not len(apart):
        return math.nan, math.nan, math.nan
    return float(apart.mean()), float(np.median(apart)), float((apart <= _NEAR_PX).mean())
