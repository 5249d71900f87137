"""Slow, obvious twins of the kernels that draw the test animals (whole frames in NumPy, part by part)."""

from __future__ import annotations

from itertools import pairwise

import numpy as np


def capsule_distance(part: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, ...]:
    """Signed distance of points to a capsule's edge, place along its axis (0..1), and the offset from the axis."""
    x0, y0, r0, x1, y1, r1 = part[:6]
    square = (x1 - x0) ** 2 + (y1 - y0) ** 2
    h = np.zeros_like(x)
    if square > 0:
        h = np.clip(((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / square, 0.0, 1.0)
    ex, ey = x - x0 - h * (x1 - x0), y - y0 - h * (y1 - y0)
    return np.sqrt(ex * ex + ey * ey) - (r0 + h * (r1 - r0)), h, ex, ey


def paint(image, parts, starts, atlas, light, edge, gains, noise, offsets) -> np.ndarray:
    """The image with an animal drawn over it; every pixel asks every part of every layer."""
    height, width, _ = image.shape
    y, x = np.mgrid[0:height, 0:width].astype(float)
    image = image.astype(float)
    speckle = np.stack([noise[offset : offset + 3 * width].reshape(width, 3) for offset in offsets]).astype(float)
    for first, last in pairwise(starts):
        found = [capsule_distance(part, x, y) for part in parts[first:last]]
        distance = np.stack([item[0] for item in found]).astype(np.float32)
        nearest = distance.argmin(axis=0)
        for number in range(last - first):
            part = parts[first + number]
            d, h, ex, ey = found[number]
            d = d.astype(np.float32).astype(float)
            radius = part[2] + h * (part[5] - part[2])
            nx, ny = ex / radius, ey / radius
            nz = np.sqrt(np.maximum(0.0, 1.0 - nx * nx - ny * ny))
            length = np.hypot(part[3] - part[0], part[4] - part[1])
            side = ((part[3] - part[0]) * ny - (part[4] - part[1]) * nx) / length if length > 0 else nx
            tone = 0.44 + 0.48 * np.maximum(0.0, nx * light[0] + ny * light[1] + nz * light[2]) + 0.13 * nz
            tone = (0.96 + (tone - 0.96) * part[8]) * gains[:, None]
            row = np.clip((part[6] + h * (part[7] - part[6]) + 0.5).astype(int), 0, atlas.shape[0] - 1)
            column = np.clip(((side + 1.0) / 2.0 * atlas.shape[1]).astype(int), 0, atlas.shape[1] - 1)
            cover = np.clip((edge / 2.0 - d) / edge, 0.0, 1.0)
            cover[nearest != number] = 0.0
            color = atlas[row, column] * tone[..., None] + speckle
            blended = np.floor(np.clip(image + (color - image) * cover[..., None] + 0.5, 0.0, 255.0))
            image = np.where(cover[..., None] > 0.0, blended, image)
    return image.astype(np.uint8)


def shade(image, parts, shift_x, shift_y, soft, depth) -> np.ndarray:
    """The image with the soft shadow of the shifted parts."""
    height, width, _ = image.shape
    y, x = np.mgrid[0:height, 0:width].astype(float)
    distance = np.min([capsule_distance(part, x - shift_x, y - shift_y)[0] for part in parts], axis=0)
    c = np.clip((soft - distance) / (2.0 * soft), 0.0, 1.0)
    keep = np.floor(256.0 * (1.0 - depth * c * c * (3.0 - 2.0 * c)))
    return np.floor(image * keep[..., None] / 256.0).astype(np.uint8)


def expose(arena, gains, noise, offsets) -> np.ndarray:
    """Arena times gain plus noise: all uint8 [H, W * 3]."""
    rows = []
    for values, gain, offset in zip(arena, gains, offsets, strict=True):
        bright = values.astype(float) * float(gain) + noise[offset : offset + len(values)]
        rows.append(np.floor(np.clip(bright + 0.5, 0.0, 255.0)).astype(np.uint8))
    return np.stack(rows)


def visible(points, parts, order, layer_ends, end, width, height) -> np.ndarray:
    """Which keypoints nothing lies over: bool [A, K]."""
    seen = np.zeros(points.shape[:2], bool)
    order = list(order)
    for animal in range(len(points)):
        for k, (x, y) in enumerate(points[animal]):
            above = list(parts[animal][layer_ends[k] : end])
            for other in order[order.index(animal) + 1 :]:
                above += list(parts[other][:end])
            place = np.array([x]), np.array([y])
            covered = any(capsule_distance(part, *place)[0][0] < 0.0 for part in above)
            inside = -0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5
            seen[animal, k] = inside and not covered
    return seen
