"""Behaviour classifiers of a rule: an ONNX network over a window of poses.

The file has one input, float32 [1, window, K, 3]: of each of the last ``window`` frames, oldest first, of each
keypoint in the order of the pose model, x and y in px relative to the centre of the animal in that frame (mean of the
finite keypoints) and the score; all three 0 where a keypoint is missing. Dimensions of the file that have a name
instead of a number fit anything. Its first output is float32 of any shape; a rule's ``out`` counts along it, flattened.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime

from posewire.frame import Floats
from posewire.triggers.program import Look
from posewire_models.errors import InputError

Classify = Callable[[Floats], npt.NDArray[np.float32]]
"""float32 [1, window, K, 3] -> the flattened output; for any ``window`` that it is made for."""


def load_classifier(path: str | Path, window: int, keypoints: int) -> Classify:
    """A session on one thread of the CPU, tried once. Raises InputError if the file does not fit."""
    path = Path(path)
    wanted = (1, window, keypoints, 3)
    try:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(path.read_bytes(), options, providers=["CPUExecutionProvider"])
    except OSError as error:
        raise InputError(f"classifier {path}: {error.strerror or error}; give the path of an ONNX file") from error
    except Exception as error:  # ONNX Runtime's own have no common base
        raise InputError(f"classifier {path}: ONNX Runtime cannot read it ({_line(error)}); export it again") from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or inputs[0].type != "tensor(float)":
        found = ", ".join(f"{item.name} {item.type}" for item in inputs)
        raise InputError(f"classifier {path}: its inputs are {found}; expected one of float32 {list(wanted)}")
    shape = inputs[0].shape
    if len(shape) != 4 or any(isinstance(a, int) and a != b for a, b in zip(shape, wanted, strict=True)):
        raise InputError(
            f"classifier {path}: its input is {shape}; expected {list(wanted)}: 1, window, keypoints, (x, y, score)"
        )
    if outputs[0].type != "tensor(float)":
        raise InputError(f"classifier {path}: its output {outputs[0].name} is {outputs[0].type}; expected float32")
    entry, names = inputs[0].name, [outputs[0].name]

    def classify(poses: Floats) -> npt.NDArray[np.float32]:
        result: npt.NDArray[np.float32] = session.run(names, {entry: poses})[0].ravel()
        return result

    try:
        classify(np.zeros(wanted, np.float32))
    except Exception as error:
        raise InputError(f"classifier {path}: fails on a window of zeros {list(wanted)} ({_line(error)})") from error
    return classify


class Classifiers:
    """All that rules want of classifiers: ``wanted`` are the (look, output) that stand in the columns of an array.

    ``given``: what to call for a file instead of loading it. ``rows``: most of a frame; ``animals`` are remembered.
    Raises InputError.
    """

    def __init__(
        self,
        wanted: Sequence[tuple[Look, int]],
        given: Mapping[str, Classify],
        keypoints: int,
        rows: int,
        animals: int,
    ) -> None:
        self._looks: list[tuple[Look, Windows, npt.NDArray[np.float64], list[tuple[int, int]]]] = []
        for look in dict.fromkeys(look for look, _ in wanted):
            if look.window < 1:
                raise ValueError(f"classifier {look.file}: window is {look.window}: expected 1 or more")
            classify = given.get(look.file) or load_classifier(look.file, look.window, keypoints)
            windows = Windows(classify, look.window, keypoints, animals, look.gap_ns)
            columns = [(column, out) for column, (other, out) in enumerate(wanted) if other == look]
            for _, out in columns:
                if not 0 <= out < windows.size:
                    raise InputError(f"classifier {look.file}: out is {out}; expected 0 to {windows.size - 1}")
            self._looks.append((look, windows, np.full((rows, windows.size), np.nan), columns))

    def clear(self) -> None:
        """Forget all animals."""
        for _, windows, _, _ in self._looks:
            windows.clear()

    def step(self, poses: Floats, ids: npt.NDArray[np.int64], now_ns: int, outputs: npt.NDArray[np.float64]) -> None:
        """Poses [2, R, K, 3], measured and predicted, of a frame and who they are -> ``outputs`` [R, columns]."""
        for look, windows, room, columns in self._looks:
            windows.step(poses[int(look.predicted)], ids, now_ns, room[: len(ids)])
            for column, out in columns:
                outputs[:, column] = room[: len(ids), out]


class Windows:
    """The last ``window`` poses of each of ``animals`` ids; of one more, the one seen longest ago is forgotten."""

    def __init__(self, classify: Classify, window: int, keypoints: int, animals: int, gap_ns: int) -> None:
        self._classify = classify
        self._window, self._gap_ns, self._most = window, gap_ns, animals
        self._input: Floats = np.zeros((1, window, keypoints, 3), np.float32)
        # Of each id: its poses, how many have come without a gap, and when the last came.
        self._pasts: OrderedDict[int, tuple[Floats, int, int]] = OrderedDict()
        self._spare: list[Floats] = []
        self.size = len(classify(self._input))

    def clear(self) -> None:
        """Forget all animals."""
        self._spare += [past[0] for past in self._pasts.values()]
        self._pasts.clear()

    def step(self, poses: Floats, ids: npt.NDArray[np.int64], now_ns: int, outputs: npt.NDArray[np.float64]) -> None:
        """Poses [R, K, 3] of a frame and who they are (-1: unknown) -> ``outputs`` [R, size], NaN while unknown."""
        outputs[:] = np.nan
        here = ids.tolist()
        for who in here:
            if who in self._pasts:
                self._pasts.move_to_end(who)
        seen: set[int] = set()
        for row, who in enumerate(here):
            if who < 0 or who in seen:
                past, count, last_ns = self._input[0].copy(), 0, now_ns
            elif who in self._pasts:
                past, count, last_ns = self._pasts[who]
            else:
                if len(self._pasts) == self._most:
                    self._spare.append(self._pasts.popitem(last=False)[1][0])
                past, count, last_ns = self._spare.pop() if self._spare else self._input[0].copy(), 0, now_ns
            count = count + 1 if now_ns - last_ns <= self._gap_ns else 1
            _centred(poses[row], past[(count - 1) % self._window])
            if who >= 0 and who not in seen:
                self._pasts[who] = past, count, now_ns
            seen.add(who)
            if count >= self._window:
                oldest = count % self._window
                self._input[0, : self._window - oldest] = past[oldest:]
                self._input[0, self._window - oldest :] = past[:oldest]
                outputs[row] = self._classify(self._input)


def _centred(pose: Floats, into: Floats) -> None:
    there = np.isfinite(pose).all(axis=1)
    into[:] = 0.0
    if there.any():
        into[there] = pose[there]
        into[there, :2] -= pose[there, :2].mean(axis=0, dtype=np.float64)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
