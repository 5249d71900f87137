"""Colours for keypoints, all told apart: one round the colour circle."""

from __future__ import annotations

import cv2
import numpy as np


def shades(count: int, saturation: int = 220, brightness: int = 255) -> list[list[int]]:
    """``count`` colours as blue, green, red (0..255)."""
    hues = np.linspace(0, 180, count, endpoint=False).astype(np.uint8)
    hsv = np.stack([hues, np.full_like(hues, saturation), np.full_like(hues, brightness)], axis=-1)
    colours: list[list[int]] = cv2.cvtColor(hsv[None], cv2.COLOR_HSV2BGR)[0].tolist()
    return colours
