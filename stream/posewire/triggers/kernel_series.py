"""Quantities with a past: speed and other rates, z-score, phase."""

from __future__ import annotations

import math

import numpy as np

from posewire.triggers.compilation import part


@part
def goes_on(node, slot, now_ns, gap_ns, memory):  # type: ignore[no-untyped-def]
    """Notes that a node is known now; False, and an empty memory, if it was not within ``gap_ns``.

    The first two numbers that a node remembers are whether it was known, and when it last was.
    """
    whole = memory.whole[slot]
    at = node.whole
    on = whole[at] != 0 and now_ns - whole[at + 1] <= gap_ns
    if not on:
        for n in range(at + 2, at + node.wholes):
            whole[n] = 0
    whole[at] = 1
    whole[at + 1] = now_ns
    return on


@part
def speed(node, x, y, partner, slot, now_ns, gap_ns, memory):  # type: ignore[no-untyped-def]
    """px/s, over the newest place that is at least the window old."""
    if math.isnan(x) or math.isnan(y):
        return np.nan
    then = _reference(node, partner, slot, now_ns, gap_ns, memory)
    value = np.nan
    if then >= 0:
        dx, dy = x - memory.ring[slot, then, 0], y - memory.ring[slot, then, 1]
        value = math.sqrt(dx * dx + dy * dy) / ((now_ns - memory.ring_ns[slot, then]) / 1e9)
    _keep(node, x, y, slot, now_ns, memory)
    return value


@part
def rate(node, inner, partner, slot, now_ns, gap_ns, memory):  # type: ignore[no-untyped-def]
    """Change of ``inner`` per second, times ``level``."""
    if math.isnan(inner):
        return np.nan
    then = _reference(node, partner, slot, now_ns, gap_ns, memory)
    value = np.nan
    if then >= 0:
        value = node.level * (inner - memory.ring[slot, then, 0]) / ((now_ns - memory.ring_ns[slot, then]) / 1e9)
    _keep(node, inner, 0.0, slot, now_ns, memory)
    return value


@part
def _reference(node, partner, slot, now_ns, gap_ns, memory):  # type: ignore[no-untyped-def]
    """Where in the ring the past is that counts, -1 if there is none.

    What is older is dropped for good: so a search costs, over all frames, as many steps as places came.
    """
    whole = memory.whole[slot]
    partner_at, tail_at, count_at = node.whole + 2, node.whole + 3, node.whole + 4
    on = goes_on(node, slot, now_ns, gap_ns, memory)
    if on and node.partner and (partner < 0 or whole[partner_at] != partner):
        whole[count_at] = 0
    whole[partner_at] = partner
    tail, count = whole[tail_at], whole[count_at]
    times = memory.ring_ns[slot, node.ring : node.ring + node.capacity]
    while count > 1:
        after = tail + 1 if tail + 1 < node.capacity else 0
        if now_ns - times[after] < node.window_ns:
            break
        tail = after
        count -= 1
    whole[tail_at], whole[count_at] = tail, count
    if count == node.capacity or (count > 0 and now_ns - times[tail] >= node.window_ns):
        return node.ring + tail
    return -1


@part
def _keep(node, a, b, slot, now_ns, memory):  # type: ignore[no-untyped-def]
    whole = memory.whole[slot]
    tail_at, count_at = node.whole + 3, node.whole + 4
    if whole[count_at] == node.capacity:
        whole[tail_at] = (whole[tail_at] + 1) % node.capacity
        whole[count_at] -= 1
    at = node.ring + (whole[tail_at] + whole[count_at]) % node.capacity
    whole[count_at] += 1
    memory.ring_ns[slot, at] = now_ns
    memory.ring[slot, at, 0] = a
    memory.ring[slot, at, 1] = b


@part
def _weight(passed_ns, window_ns):  # type: ignore[no-untyped-def]
    return 1.0 - math.exp(-passed_ns / window_ns) if window_ns > 0 else 1.0


@part
def zscore(node, value, slot, now_ns, gap_ns, memory):  # type: ignore[no-untyped-def]
    """Standard deviations from the running mean of what came before."""
    if math.isnan(value):
        return np.nan
    whole, real = memory.whole[slot], memory.real[slot]
    at, mean, variance = node.whole, node.real, node.real + 1
    if whole[at] == 0:
        whole[at], whole[at + 1], whole[at + 2] = 1, now_ns, 0
        real[mean], real[variance] = value, 0.0
        return np.nan
    passed = min(now_ns - whole[at + 1], gap_ns)
    whole[at + 1] = now_ns
    whole[at + 2] += passed
    away = value - real[mean]
    score = np.nan
    if whole[at + 2] >= node.window_ns and real[variance] > 0.0:
        score = away / math.sqrt(real[variance])
    weight = _weight(passed, node.window_ns)
    real[mean] += weight * away
    real[variance] = (1.0 - weight) * (real[variance] + weight * away * away)
    return score


@part
def phase(node, value, slot, now_ns, gap_ns, memory):  # type: ignore[no-untyped-def]
    """Degrees since the last upward crossing of the running mean."""
    if math.isnan(value):
        return np.nan
    whole, real = memory.whole[slot], memory.real[slot]
    at, mean = node.whole, node.real
    begun_at, above_at, crossed_at, period_at = at + 2, at + 3, at + 4, at + 5
    known_at = at + 6  # whether there is a crossing
    before_ns = whole[at + 1]
    if not goes_on(node, slot, now_ns, gap_ns, memory):
        whole[begun_at] = now_ns
        real[mean] = value
        return np.nan
    above = value > real[mean]
    if above and whole[above_at] == 0 and now_ns - whole[begun_at] >= node.window_ns:
        since = now_ns - whole[crossed_at]
        late = whole[period_at] > 0 and 2 * since > 3 * whole[period_at]
        whole[period_at] = since if whole[known_at] and not late else 0
        whole[crossed_at] = now_ns
        whole[known_at] = 1
    whole[above_at] = 1 if above else 0
    real[mean] += _weight(now_ns - before_ns, node.window_ns) * (value - real[mean])
    period, since = whole[period_at], now_ns - whole[crossed_at]
    if period <= 0 or 2 * since > 3 * period:
        return np.nan
    return min(360.0 * since / period, 360.0)
