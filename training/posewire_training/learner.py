"""The network while it learns: one step, the running mean of the weights, and where they start.

AdamW on a cosine schedule with warm-up; the running mean of the weights is what is measured and exported. Several GPUs
share each batch (`tf.distribute`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from posewire_models.errors import InputError
from posewire_training.batches import Batch
from posewire_training.config import Project
from posewire_training.losses import field_loss, heatmap_loss, offset_loss
from posewire_training.network import HEAD_LAYERS, build_network, to_network

import tensorflow as tf  # isort: skip  (after network.py, which quiets its start-up notices)

LOSSES = ("loss", "heatmap_loss", "offset_loss", "paf_loss")


class Learner:
    """The network, its running mean, the optimizer, and one step of learning.

    ``keypoints`` and ``edges``: how many; ``edges`` is 0 for one animal. ``devices``: names of the devices that share
    each batch; default: all GPUs. ``start`` fills the new network's weights, and is not called for a run that is taken
    up.
    Raises InputError if a batch cannot be shared evenly.
    """

    def __init__(
        self,
        project: Project,
        keypoints: int,
        edges: int = 0,
        start: Callable[[keras.Model], None] | None = None,
        devices: Sequence[str] | None = None,
    ) -> None:
        schedule = project.schedule
        keras.utils.set_random_seed(schedule.seed)
        self.project, self.edges = project, edges
        gpus = [gpu.name.replace("physical_device:", "") for gpu in tf.config.list_physical_devices("GPU")]
        names = list(devices or gpus)
        self.strategy = tf.distribute.MirroredStrategy(names) if len(names) > 1 else tf.distribute.get_strategy()
        self.replicas = self.strategy.num_replicas_in_sync
        if schedule.batch % self.replicas:
            raise InputError(f"schedule.batch: {schedule.batch}; expected a multiple of the {self.replicas} devices")
        mixed = schedule.precision == "mixed" or (schedule.precision == "auto" and bool(gpus))
        with self.strategy.scope():
            with _policy("mixed_float16" if mixed else "float32"):
                self.model = build_network(project.network, keypoints, edges)
            self.average = build_network(project.network, keypoints, edges)
            if start is not None:
                start(self.model)
            self.average.set_weights(self.model.get_weights())
            # The schedule is written out below rather than handed to Keras: one place tells the whole of it.
            adam = keras.optimizers.AdamW(0.0, weight_decay=schedule.weight_decay, clipnorm=10.0)
            adam.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
            # Steps are skipped until the scale suits half floats; Keras' own start of 32768 would skip many.
            self.optimizer = keras.optimizers.LossScaleOptimizer(adam, initial_scale=64.0) if mixed else adam
            self.optimizer.build(self.model.trainable_variables)
        self._backbone = [layer for layer in self.model.layers if not layer.name.startswith(HEAD_LAYERS)]
        self._whole_step = tf.function(self._shared_step)
        self._head_step = tf.function(self._shared_step)
        self.forward = tf.function(lambda images: self.average(to_network(images), training=False))

    def learn(self, batch: Batch, step: int) -> npt.NDArray[np.float32]:
        """One step on a batch; returns the losses in the order of LOSSES.

        In the first ``schedule.freeze`` steps the backbone stays as it is, its batch norms too.
        """
        frozen = step < self.project.schedule.freeze
        for layer in self._backbone:
            layer.trainable = not frozen  # matters when a step is traced, the first time it is called
        self.optimizer.learning_rate.assign(self.learning_rate(step))
        shared = self._shared_out(batch)
        losses = (self._head_step if frozen else self._whole_step)(shared, np.float32(self.memory(step)))
        return np.asarray(losses)

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

    def _shared_out(self, batch: Batch) -> Any:
        """A batch as it is, or cut into equal parts for the devices."""
        if self.replicas == 1:
            return tuple(batch)
        size = len(batch.images) // self.replicas

        def part(context: Any) -> Any:
            first = context.replica_id_in_sync_group * size
            return tuple(tf.constant(array[first : first + size]) for array in batch)

        return self.strategy.experimental_distribute_values_from_function(part)

    def _shared_step(self, batch: Any, memory: Any) -> Any:
        losses = self.strategy.run(self._step, args=(batch,))
        for mean, now in zip(self.average.variables, self.model.variables, strict=True):
            mean.assign(mean * memory + tf.cast(now, mean.dtype) * (1 - memory))
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, losses, axis=None)

    def _step(self, batch: Any) -> Any:
        batch = Batch(*batch)
        targets, stride = self.project.targets, self.project.network.stride
        with tf.GradientTape() as tape:
            found = self.model(
                to_network(batch.images), training=True
            )  # [B, h, w, K], [B, h, w, 2K], ([B, h', w', 2E])
            logits, moves, *fields = [tf.cast(tensor, tf.float32) for tensor in found]
            cells = 2 * math.pi * targets.sigma_cells**2
            where = heatmap_loss(logits, batch.heatmaps, batch.known, targets.peak_weight, cells)
            finer = offset_loss(tf.reshape(moves, tf.shape(batch.offsets)), batch.offsets, batch.mask, stride)
            limbs = tf.constant(0.0)
            if self.edges:
                limbs = field_loss(tf.reshape(fields[0], tf.shape(batch.fields)), batch.fields, batch.fields_known)
            # Gradients of the devices are added up.
            loss = (where + targets.offset_weight * finer + targets.paf_weight * limbs) / self.replicas
            scaled = self.optimizer.scale_loss(loss)
        variables = self.model.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(scaled, variables), variables, strict=True))
        return tf.stack([loss, where / self.replicas, finer / self.replicas, limbs / self.replicas])

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

    def average_state(self) -> dict[str, npt.NDArray[Any]]:
        """The running mean alone, to be kept as the best so far."""
        return {f"{i:03d}": np.asarray(weight) for i, weight in enumerate(self.average.weights)}

    def restore_average(self, state: dict[str, npt.NDArray[Any]]) -> None:
        """Take the running mean back from `average_state`."""
        for i, weight in enumerate(self.average.weights):
            weight.assign(state[f"{i:03d}"])

    def _groups(self) -> dict[str, list[Any]]:
        return {
            "weights": self.model.weights,
            "average": self.average.weights,
            "optimizer": self.optimizer.variables,
        }


class _policy:
    """Keras' number format for the layers built within."""

    def __init__(self, name: str) -> None:
        self._name, self._before = name, keras.config.dtype_policy()

    def __enter__(self) -> None:
        keras.config.set_dtype_policy(self._name)

    def __exit__(self, *_: object) -> None:
        keras.config.set_dtype_policy(self._before)
