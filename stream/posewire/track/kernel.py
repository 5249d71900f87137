"""One frame through all of tracking, compiled as one: every call from Python hands over some thirty arrays."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

from posewire import assignment
from posewire.assignment import assign
from posewire.track import costs, doubt, life, state, touching, traits, untangle
from posewire.track.costs import compare, measure
from posewire.track.doubt import weigh
from posewire.track.life import settle
from posewire.track.touching import touch
from posewire.track.traits import recognise
from posewire.track.untangle import part


def _compiled(sources: int) -> Callable[..., None]:
    """The kernel. Numba's cache asks whether this file has changed, not whether those that it calls have; but it does
    look at values that a function closes over: ``sources`` stands for all of them."""

    @njit(nogil=True, cache=True)
    def step(  # type: ignore[no-untyped-def]
        poses, appearance, bonds, pool, edges, tree, step_s, wanted, rules, weights, memory, now,
        floats, integers, ids, id_scores,
    ):  # fmt: skip
        """Poses float32 [A, K, 3] of a frame ``step_s`` after the last -> ``ids`` int64 [A], ``id_scores`` float32 [A].

        Keypoints that belong to another pose are given to it in ``poses``. The other arguments are `Tracker`'s.
        """
        if sources < 0:
            return
        limbs = edges.shape[0]
        count = measure(poses, appearance, edges, False, memory, now)
        touch(count, memory.common, now)
        used = compare(count, limbs, step_s, rules, memory, now)
        assign(now.table, used, count, now.partner, floats, integers)
        if part(count, used, step_s, rules, bonds, pool, edges, tree, memory, now, poses):
            count = measure(poses, appearance, edges, True, memory, now)
            touch(count, memory.common, now)
            used = compare(count, limbs, 0.0, rules, memory, now)
            assign(now.table, used, count, now.partner, floats, integers)
        weigh(count, used, step_s, rules, weights, memory, now)
        recognise(count, used, edges, step_s, rules, memory, now)
        settle(count, used, limbs, step_s, wanted, rules, memory, now, ids, id_scores)

    compiled: Callable[..., None] = step
    return compiled


def _checksum(*modules: Any) -> int:
    total = 0
    for module in modules:
        total = zlib.crc32(Path(module.__file__).read_bytes(), total)
    return total


step = _compiled(_checksum(assignment, costs, doubt, life, state, touching, traits, untangle))
