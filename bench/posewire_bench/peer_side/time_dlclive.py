"""Times DeepLabCut-Live in the Python that has it; started by `posewire_bench.peer`, imports nothing of Posewire.

    python time_dlclive.py FRAMES.npy MODEL_FOLDER THREADS [KEYPOINTS]

If MODEL_FOLDER does not exist, a network is built there first (see `mobilenet`). Then one JSON object a line: the first
says what runs; for every line ``N`` on stdin, N calls of ``DLCLive.get_pose`` are timed, one after the other, on the
frames in turn, and their durations in ns are printed as a list. Ends with its stdin.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import sys
import time
import types
from pathlib import Path
from typing import Any


def main() -> None:
    """Command line."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what TensorFlow prints is no answer
    frames_file, folder, threads = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    _without_torch()
    import dlclive
    import numpy as np
    import tensorflow as tf

    if not folder.exists():
        from mobilenet import write_model

        write_model(folder, int(sys.argv[4]))
    frames = np.load(frames_file)
    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
    live = dlclive.DLCLive(str(folder), model_type="base", tf_config=config)
    pose = live.init_inference(frames[0])
    devices = [device.name for device in tf.config.list_physical_devices("GPU")]
    hello = {
        "dlclive": str(dlclive.VERSION),
        "tensorflow": str(tf.__version__),
        "numpy": str(np.__version__),
        "python": sys.version.split()[0],
        "devices": devices or ["CPU"],
        "keypoints": len(pose),
    }
    answers.write(json.dumps(hello) + "\n")
    position = 0
    for line in sys.stdin:
        taken: list[int] = []
        for _ in range(int(line)):
            frame = frames[position % len(frames)]
            begun = time.perf_counter_ns()
            live.get_pose(frame)
            taken.append(time.perf_counter_ns() - begun)
            position += 1
        answers.write(json.dumps(taken) + "\n")


def _without_torch() -> None:
    """The package imports torch wherever it is used; an empty module serves a network of TensorFlow."""
    if importlib.util.find_spec("torch") is None:
        stand_in: Any = types.ModuleType("torch")
        stand_in.__spec__ = importlib.machinery.ModuleSpec("torch", None)
        sys.modules["torch"] = stand_in


if __name__ == "__main__":
    main()
