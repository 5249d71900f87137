"""What a frame's quantities are, but those that remember (`posewire.triggers.kernel_series`)."""

from __future__ import annotations

import math

import numpy as np

from posewire.triggers import layout as k
from posewire.triggers.compilation import part
from posewire.triggers.kernel_places import locate, row_of
from posewire.triggers.kernel_series import phase, rate, speed, zscore

_DEGREES = 180.0 / math.pi
_SHORTEST_PX = 1e-6


@part
def quantity(number, row, slot, now_ns, reading, program, memory, frame):  # type: ignore[no-untyped-def]
    """The value of a node for the animal of ``row``, NaN if unknown."""
    node = program.nodes[number]
    value = np.nan
    if node.kind <= k.BEARING:
        value = _of_places(node, row, reading, program, frame)
    elif node.kind >= k.ADD:
        results = frame.results[row]
        a = results[program.inner[node.first]]
        value = (
            _of_one(node.kind, a) if node.count == 1 else _of_two(node.kind, a, results[program.inner[node.first + 1]])
        )
    elif node.kind == k.SPEED:
        x, y = locate(program.points[node.point], row, reading, frame)
        value = speed(node, x, y, _partner(node, row, frame), slot, now_ns, reading.gap_ns, memory)
    elif node.kind == k.RATE:
        inner = frame.results[row, program.inner[node.first]]
        value = rate(node, inner, _partner(node, row, frame), slot, now_ns, reading.gap_ns, memory)
    elif node.kind == k.POSTURE:
        value = _posture(node, row, reading, program, frame)
    elif node.kind == k.GRAY:
        value = frame.grays[node.column]
    elif node.kind == k.ZSCORE:
        value = zscore(node, frame.results[row, program.inner[node.first]], slot, now_ns, reading.gap_ns, memory)
    elif node.kind == k.PHASE:
        value = phase(node, frame.results[row, program.inner[node.first]], slot, now_ns, reading.gap_ns, memory)
    elif node.kind == k.CLASSIFIER:
        value = frame.outputs[row, node.column]
    elif node.kind == k.NUMBER:
        value = program.numbers[node.number]
    return value if math.isfinite(value) else np.nan


@part
def _partner(node, row, frame):  # type: ignore[no-untyped-def]
    """The id of the other animal that a node's memory is of; 0 where it is of none."""
    if not node.partner:
        return 0
    return frame.ids[frame.others[row]] if frame.others[row] >= 0 else -1


@part
def _of_places(node, row, reading, program, frame):  # type: ignore[no-untyped-def]
    first = program.points[node.point]
    if node.kind == k.SCORE_OF:
        of = row_of(first, row, frame)
        return (
            np.float64(frame.poses[reading.predicted, of, first.keypoint, 2]) if of >= 0 <= first.keypoint else np.nan
        )
    ax, ay = locate(first, row, reading, frame)
    if node.kind == k.X:
        return ax if not math.isnan(ay) else np.nan
    if node.kind == k.Y:
        return ay
    bx, by = locate(program.points[node.point + 1], row, reading, frame)
    to_x, to_y = bx - ax, by - ay
    length = math.sqrt(to_x * to_x + to_y * to_y)
    if node.kind == k.DISTANCE:
        return length
    if not length >= _SHORTEST_PX:
        return np.nan
    if node.kind == k.HEADING:
        return math.atan2(to_y, to_x) * _DEGREES
    cx, cy = locate(program.points[node.point + 2], row, reading, frame)
    on_x, on_y = cx - bx, cy - by
    if not math.sqrt(on_x * on_x + on_y * on_y) >= _SHORTEST_PX:
        return np.nan
    if node.kind == k.ANGLE:
        # Between the sides seen from the middle one: (a - b) and (c - b).
        across, along = to_y * on_x - to_x * on_y, -(to_x * on_x + to_y * on_y)
        return math.atan2(abs(across), along) * _DEGREES
    turn = math.atan2(on_y, on_x) * _DEGREES - math.atan2(to_y, to_x) * _DEGREES
    if turn > 180.0:
        return turn - 360.0
    return turn + 360.0 if turn < -180.0 else turn


@part
def _posture(node, row, reading, program, frame):  # type: ignore[no-untyped-def]
    """Least squares over shift, turn and scaling of the template, as complex numbers: c = sum(conj(t) p) / sum |t|²."""
    count = node.points
    mean_x = mean_y = 0.0
    for n in range(count):
        x, y = locate(program.points[node.point + n], row, reading, frame)
        mean_x += x
        mean_y += y
    mean_x /= count
    mean_y /= count
    spread = size = real = turned = 0.0
    for n in range(count):
        x, y = locate(program.points[node.point + n], row, reading, frame)
        x, y = x - mean_x, y - mean_y
        u, v = program.numbers[node.number + 2 * n], program.numbers[node.number + 2 * n + 1]
        spread += x * x + y * y
        size += u * u + v * v
        real += u * x + v * y
        turned += u * y - v * x
    if not math.sqrt(spread / count) >= _SHORTEST_PX:
        return np.nan
    if size > 0.0:
        real, turned = real / size, turned / size
    left = 0.0
    for n in range(count):
        x, y = locate(program.points[node.point + n], row, reading, frame)
        u, v = program.numbers[node.number + 2 * n], program.numbers[node.number + 2 * n + 1]
        dx, dy = x - mean_x - (real * u - turned * v), y - mean_y - (real * v + turned * u)
        left += dx * dx + dy * dy
    return math.sqrt(left / spread)


@part
def _of_two(kind, a, b):  # type: ignore[no-untyped-def]
    if math.isnan(a) or math.isnan(b):
        return np.nan
    if kind == k.ADD:
        return a + b
    if kind == k.SUBTRACT:
        return a - b
    if kind == k.MULTIPLY:
        return a * b
    if kind == k.DIVIDE:
        return a / b if b != 0.0 else np.nan
    return min(a, b) if kind == k.MINIMUM else max(a, b)


@part
def _of_one(kind, a):  # type: ignore[no-untyped-def]
    if kind == k.NEGATE:
        return -a
    if kind == k.ABSOLUTE:
        return abs(a)
    if kind == k.SQUARE_ROOT:
        return math.sqrt(a) if a >= 0.0 else np.nan
    return math.sin(a / _DEGREES) if kind == k.SINE else math.cos(a / _DEGREES)
