"""What a frame costs in Python objects, counted in front of the interpreter's allocator."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest

import tiny_model
from allocations import counted_objects
from filmed import walk, write_video
from posewire.config import run_settings
from posewire.service import Service

FRAMES = 400
MOST = 60


def test_the_counter_counts():
    with counted_objects() as counter:
        before = int(counter[0])
        kept = [object() for _ in range(100)]
        after = int(counter[0])
    assert 100 <= after - before <= 110
    assert len(kept) == 100


@pytest.mark.parametrize(("crop", "lead_ms"), [("full", None), ("follow", None), ("full", 20.0)])
def test_a_frame_makes_few_objects_and_keeps_none(tmp_path, crop, lead_ms):
    """All threads together: reading, the slot, all stages, the message, the latencies."""
    video = write_video(tmp_path / "walk.avi", walk(FRAMES))
    model = tiny_model.write(tmp_path / "dots.onnx")
    counts = np.zeros((FRAMES, 2), np.int64)
    options = {"source": str(video), "model": str(model), "publish": "tcp://127.0.0.1:*", "pace": "max", "crop": crop}
    options["lead_ms"] = lead_ms

    class Counted(Service):
        def _step(self, frame, stamps):
            counts[frame.number] = counter[0], sys.getallocatedblocks()
            super()._step(frame, stamps)

    service = Counted(run_settings(None, options), lambda line: None, threading.Event())
    with counted_objects() as counter:
        service.run(lambda: None)
    assert service.ledger.processed == FRAMES
    made = np.diff(counts[100:, 0])
    assert np.median(made) < MOST, f"{np.median(made)} objects a frame"
    # What lives grows by nothing: a hundred and fifty frames later there are as many blocks, give or take what is in
    # flight, where one object that a frame leaves behind would make it a hundred and fifty more.
    held = counts[:, 1]
    assert abs(int(np.median(held[-50:])) - int(np.median(held[200:250]))) < 50
