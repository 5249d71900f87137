"""Conditions: 1 true, 0 false, NaN unknown."""

from __future__ import annotations

import math

import numpy as np

from posewire.triggers import layout as k
from posewire.triggers.compilation import part
from posewire.triggers.kernel_places import in_zone, locate
from posewire.triggers.kernel_series import goes_on


@part
def condition(number, row, slot, now_ns, reading, program, memory, frame):  # type: ignore[no-untyped-def]
    """The truth of a node for the animal of ``row``."""
    node = program.nodes[number]
    if node.kind == k.SEQUENCE:
        return _sequence(node, row, slot, now_ns, reading.gap_ns, program, memory, frame)
    if node.kind >= k.ALL_OF:
        return _combined(node, frame.results[row], program)
    if k.INSIDE <= node.kind <= k.LEAVE:
        x, y = locate(program.points[node.point], row, reading, frame)
        if math.isnan(x) or math.isnan(y):
            return np.nan
        return _of_zone(node, x, y, slot, now_ns, reading.gap_ns, program, memory)
    value = frame.results[row, program.inner[node.first]]
    if math.isnan(value):
        return np.nan
    on = goes_on(node, slot, now_ns, reading.gap_ns, memory)
    if node.kind >= k.PEAK:
        return _turn(node, value, on, slot, memory)
    whole, flag = memory.whole[slot], node.whole + 2
    if node.kind == k.COMPARE:
        slack = node.hysteresis if whole[flag] else 0.0
        whole[flag] = node.above - slack < value < node.below + slack
        return np.float64(whole[flag])
    if node.kind == k.RISING:
        passes, away = value >= node.level, value < node.level - node.hysteresis
    else:
        passes, away = value <= node.level, value > node.level + node.hysteresis
    if passes and whole[flag]:
        whole[flag] = 0
        return 1.0
    if away:
        whole[flag] = 1
    return 0.0


@part
def _of_zone(node, x, y, slot, now_ns, gap_ns, program, memory):  # type: ignore[no-untyped-def]
    on = goes_on(node, slot, now_ns, gap_ns, memory)
    whole, flag = memory.whole[slot], node.whole + 2
    before = whole[flag] != 0
    now = in_zone(node, x, y, program.numbers, node.hysteresis if before else 0.0)
    whole[flag] = now
    if node.kind == k.INSIDE:
        return 1.0 if now else 0.0
    if node.kind == k.ENTER:
        return 1.0 if on and now and not before else 0.0
    return 1.0 if on and before and not now else 0.0


@part
def _turn(node, value, on, slot, memory):  # type: ignore[no-untyped-def]
    """Peaks and troughs by turns; flag: 0 looking for both, 1 for a peak, 2 for a trough."""
    whole, real = memory.whole[slot], memory.real[slot]
    flag, high, low = node.whole + 2, node.real, node.real + 1
    if not on:
        real[high] = real[low] = value
    real[high] = max(real[high], value)
    real[low] = min(real[low], value)
    if whole[flag] != 2 and value <= real[high] - node.hysteresis:
        whole[flag] = 2
        real[low] = value
        return 1.0 if node.kind == k.PEAK else 0.0
    if whole[flag] != 1 and value >= real[low] + node.hysteresis:
        whole[flag] = 1
        real[high] = value
        return 1.0 if node.kind == k.TROUGH else 0.0
    return 0.0


@part
def _combined(node, results, program):  # type: ignore[no-untyped-def]
    if node.kind == k.NOT:
        return 1.0 - results[program.inner[node.first]]
    decisive = 0.0 if node.kind == k.ALL_OF else 1.0
    unknown = False
    for n in range(node.count):
        truth = results[program.inner[node.first + n]]
        if truth == decisive:
            return decisive
        unknown = unknown or math.isnan(truth)
    return np.nan if unknown else 1.0 - decisive


@part
def _sequence(node, row, slot, now_ns, gap_ns, program, memory, frame):  # type: ignore[no-untyped-def]
    """Of each part five numbers: whether it was known, when, whether it was true; whether the parts up to it have come
    one after the other, and when the newest such run began. Backwards, since the next one has to be in a later frame.
    """
    goes_on(node, slot, now_ns, gap_ns, memory)
    whole = memory.whole[slot]
    answer = np.nan
    for n in range(node.count - 1, -1, -1):
        at = node.whole + 2 + 5 * n
        truth = frame.results[row, program.inner[node.first + n]]
        if math.isnan(truth):
            continue
        before = whole[at] and now_ns - whole[at + 1] <= gap_ns and whole[at + 2]
        became = truth == 1.0 and not before
        whole[at], whole[at + 1], whole[at + 2] = 1, now_ns, truth == 1.0
        if became and n == 0:
            whole[at + 3], whole[at + 4] = 1, now_ns
        elif became and whole[at - 2]:
            whole[at + 3], whole[at + 4] = 1, whole[at - 1]
        if n == node.count - 1:
            came = became and (n == 0 or whole[at - 2])
            answer = 1.0 if came and now_ns - whole[at + 4] <= node.window_ns else 0.0
    return answer
