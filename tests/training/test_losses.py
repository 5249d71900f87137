"""Losses: zero when right, masked where nobody knows, rising when wrong."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("tensorflow")
from posewire_training.losses import heatmap_loss, offset_loss
from posewire_training.targets import make_targets

POINTS = np.array([[[[20, 30], [50, 10]]]], np.float32)
MADE = make_targets(POINTS, 8, 8, 8, 1.0, 2.0)
KNOWN = np.ones((1, 2), np.float32)


def logits_of(heatmaps: np.ndarray) -> np.ndarray:
    share = np.clip(heatmaps.astype(np.float64), 1e-7, 1 - 1e-7)
    return np.log(share / (1 - share)).astype(np.float32)


def test_the_right_heatmap_has_no_loss_and_any_other_has() -> None:
    right = logits_of(MADE.heatmaps)
    assert float(heatmap_loss(right, MADE.heatmaps, KNOWN, 20.0, 6.3)) == pytest.approx(0, abs=1e-3)
    for wrong in (right + 1, right - 1, np.roll(right, 1, axis=2)):
        assert float(heatmap_loss(wrong, MADE.heatmaps, KNOWN, 20.0, 6.3)) > 0.05


def test_unknown_keypoints_do_not_count() -> None:
    wrong = logits_of(MADE.heatmaps).copy()
    wrong[..., 1] = 3.0
    known = np.array([[1, 0]], np.float32)
    assert float(heatmap_loss(wrong, MADE.heatmaps, known, 20.0, 6.3)) == pytest.approx(0, abs=1e-3)
    assert float(heatmap_loss(wrong, MADE.heatmaps, np.zeros((1, 2), np.float32), 20.0, 6.3)) == 0


def test_offsets_count_in_strides_and_only_under_the_mask() -> None:
    off = MADE.offsets + np.array([2.0, -6.0], np.float32)
    assert float(offset_loss(off, MADE.offsets, MADE.mask, 8)) == pytest.approx(1.0)
    elsewhere = MADE.offsets + 100 * (1 - MADE.mask[..., None])
    assert float(offset_loss(elsewhere, MADE.offsets, MADE.mask, 8)) == 0
    assert float(offset_loss(off, MADE.offsets, np.zeros_like(MADE.mask), 8)) == 0
