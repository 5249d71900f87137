"""The contact sheet: every thumbnail whole in its place, every caption within its cell."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from posewire_training.frames.sheet import contact_sheet, fitting, thumbnail, thumbnail_width


@pytest.mark.parametrize(("count", "width"), [(1, 240), (7, 240), (201, 120)])
def test_every_thumbnail_stands_whole_on_the_sheet(count: int, width: int) -> None:
    assert thumbnail_width(count) == width
    rng = np.random.default_rng(count)
    tiles = [thumbnail(np.full((60 + n % 2 * 40, 80, 3), n % 200 + 30, np.uint8), width) for n in range(count)]
    sheet = contact_sheet(tiles, ["clip.mp4"] * count, rng.integers(0, 10**6, count).tolist())
    shown = np.bincount(sheet[..., 0].ravel(), minlength=256)
    wanted = np.zeros(256, int)
    for n, tile in enumerate(tiles):
        wanted[n % 200 + 30] += tile.shape[0] * tile.shape[1]
    assert (shown[30:230] >= wanted[30:230]).all()
    assert max(sheet.shape[:2]) < 65_500  # what a JPEG can hold


def test_long_names_are_cut_in_the_middle_and_keep_their_end() -> None:
    text = fitting("2024-05-11_mouse17_openfield_camera-left_trial-003.mp4", 240)
    assert text.startswith("2024")
    assert text.endswith("003.mp4")
    assert cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.42, 1)[0][0] <= 240
    assert fitting("a.mp4", 240) == "a.mp4"
    assert fitting("Mäuse.mp4", 240) == "M?use.mp4"
