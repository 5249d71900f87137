"""One frame of predicting, compiled as one: what came is held against what was predicted, then taken in, then the next
prediction is made with whatever has been best of late."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from posewire.predict import filters, state
from posewire.predict.bank import Rules
from posewire.predict.filters import HOLD, KIND, ahead, begin, update
from posewire.predict.state import (
    CHOICE,
    COUNT,
    COUNT_LATELY,
    FREE,
    HELD,
    HELD_LATELY,
    ID,
    NEVER,
    NOBODY,
    SEEN,
    TAKEN,
    TARGET,
    TIME,
    UNKEPT,
    USED,
    USED_LATELY,
    USUAL,
    WEIGHT,
    Memory,
)

_LONGEST_USUAL_NS = 500_000_000  # between frames; longer ones are pauses
_USUAL_FRAMES = 50.0  # over which the time between frames is averaged
_FIRST_USUAL_S = 0.01
# Measured places are joined by a straight line over so many usual steps, or this long, at most.
_JOINED_STEPS = 3.0
_JOINED_S = 0.1
_MEMORY_STEPS = 30.0  # of usual steps errors are remembered at least, however slow the frames come


@njit(nogil=True, cache=True)
def _slot_of(number, time_ns, memory):  # type: ignore[no-untyped-def]
    """The slot of an animal; a new one takes a free slot, or that of whoever was seen longest ago."""
    oldest = 0
    for s in range(memory.who.shape[0]):
        if memory.who[s, ID] == number:
            return s
        if memory.who[s, TAKEN] < memory.who[oldest, TAKEN]:
            oldest = s
    memory.who[oldest, ID] = number
    memory.marks[oldest, :, SEEN] = NEVER
    memory.marks[oldest, :, CHOICE] = 0
    memory.notes[oldest, TARGET] = FREE
    memory.error[oldest] = 0.0
    return oldest


@njit(nogil=True, cache=True)
def _judge(s, k, x, y, time_ns, usual_s, rules, memory):  # type: ignore[no-untyped-def]
    """Holds what was predicted for the time since the last measurement against the line from there to (x, y)."""
    since_ns = memory.marks[s, k, SEEN]
    if since_ns == NEVER or time_ns <= since_ns:
        return
    passed_s = (time_ns - since_ns) * 1e-9
    if passed_s > max(_JOINED_S, _JOINED_STEPS * usual_s):
        return
    told, error = memory.told, memory.error[s, k]
    members = error.shape[0] - 1
    fade = np.exp(-passed_s / max(rules.memory_s, _MEMORY_STEPS * usual_s))
    for m in range(1 + members):
        error[m] *= fade
    fade = np.exp(-passed_s / rules.recent_s)
    for r in range(memory.notes.shape[2]):
        target_ns = memory.notes[s, TARGET, r]
        if not since_ns < target_ns <= time_ns or np.isnan(memory.waiting[s, r, k, 0, 0]):
            continue
        share = (target_ns - since_ns) / (time_ns - since_ns)
        there_x = memory.last[s, k, 0] + share * (x - memory.last[s, k, 0])
        there_y = memory.last[s, k, 1] + share * (y - memory.last[s, k, 1])
        error[WEIGHT] += 1.0
        used = held = 0.0
        for m in range(members):
            off_x, off_y = memory.waiting[s, r, k, m, 0] - there_x, memory.waiting[s, r, k, m, 1] - there_y
            off = np.sqrt(off_x * off_x + off_y * off_y)
            error[1 + m] += off
            if m == memory.notes[s, 1 + k, r]:
                used = off
            if m == 0:
                held = off
        told[k, USED] += used
        told[k, HELD] += held
        told[k, COUNT] += 1.0
        told[k, USED_LATELY] = fade * told[k, USED_LATELY] + used
        told[k, HELD_LATELY] = fade * told[k, HELD_LATELY] + held
        told[k, COUNT_LATELY] = fade * told[k, COUNT_LATELY] + 1.0
        fade = 1.0


@njit(nogil=True, cache=True)
def _take_in(s, k, x, y, score, time_ns, noise_px, usual_s, bank, rules, memory):  # type: ignore[no-untyped-def]
    """A measurement goes into all filters of a keypoint."""
    since_ns = memory.marks[s, k, SEEN]
    usual_var = noise_px * noise_px
    noise_var = usual_var / max(score, 0.1) ** 2
    anew = since_ns == NEVER or time_ns - since_ns > rules.restart_s * 1e9
    step_s = 0.0 if anew else (time_ns - since_ns) * 1e-9
    for m in range(bank.shape[0]):
        if anew or bank[m, KIND] == HOLD:
            begin(memory.filters[s, k, m], bank[m], x, y, usual_var, usual_s)
        elif step_s > 0.0:
            update(memory.filters[s, k, m], bank[m], x, y, noise_var, step_s, usual_var, usual_s)
    memory.marks[s, k, SEEN] = time_ns
    memory.last[s, k, 0], memory.last[s, k, 1], memory.last[s, k, 2] = x, y, score


@njit(nogil=True, cache=True)
def _choose(s, k, rules, memory):  # type: ignore[no-untyped-def]
    """The member with the least error of late; holding until there is enough to go by."""
    error, marks = memory.error[s, k], memory.marks[s, k]
    if error[WEIGHT] < rules.least_scored:
        marks[CHOICE] = 0
        return
    best = 0
    least = np.inf
    for m in range(error.shape[0] - 1):
        if error[1 + m] < least:
            best, least = m, error[1 + m]
    now = error[1 + marks[CHOICE]]
    # Nobody is loyal to what is worse than holding.
    if least < rules.loyalty * now or now > error[1]:
        marks[CHOICE] = best


def _compiled(sources: int) -> Callable[..., int]:
    """The kernel; ``sources`` stands for all files that it calls, see `posewire.track.kernel`."""

    @njit(nogil=True, cache=True)
    def step(  # type: ignore[no-untyped-def]
        poses, ids, time_ns, target_ns, noise_px, bank, rules, predicted, used,
        who, marks, last, filters, error, notes, waiting, told, clock,
    ):  # fmt: skip
        """Poses float32 [A, K, 3] of animals ``ids`` int64 [A], taken at ``time_ns`` -> ``predicted`` at ``target_ns``.

        ``used`` int64 [A, K] gets the member of the bank that made each, -1 where there is none. The other arguments
        are `Predictor`'s; those of its memory stand one by one, since to hand over a named tuple takes ten
        microseconds. Returns how many animals were predicted.
        """
        if sources < 0:
            return 0
        rules = Rules(rules[0], rules[1], rules[2], rules[3], rules[4], rules[5])
        memory = Memory(who, marks, last, filters, error, notes, waiting, told, clock)
        if clock[TIME] != NEVER:
            time_ns = max(time_ns, clock[TIME])
            passed_ns = time_ns - clock[TIME]
            if 0 < passed_ns < _LONGEST_USUAL_NS:
                share = 1.0 / _USUAL_FRAMES if clock[USUAL] > 0 else 1.0
                clock[USUAL] += int(share * (passed_ns - clock[USUAL]))
        clock[TIME] = time_ns
        target_ns = max(target_ns, time_ns)
        usual_s = clock[USUAL] * 1e-9 if clock[USUAL] > 0 else _FIRST_USUAL_S
        coast_ns = int(rules.coast_s * 1e9)
        keypoints, members = poses.shape[1], bank.shape[0]
        done = 0
        for a in range(poses.shape[0]):
            used[a] = -1
            if ids[a] <= NOBODY:
                predicted[a] = poses[a]
                for k in range(keypoints):
                    if not np.isnan(poses[a, k, 0]):
                        used[a, k] = 0
                continue
            done += 1
            s = _slot_of(ids[a], time_ns, memory)
            memory.who[s, TAKEN] = time_ns
            for k in range(keypoints):
                x, y, score = float(poses[a, k, 0]), float(poses[a, k, 1]), float(poses[a, k, 2])
                if np.isfinite(x) and np.isfinite(y):
                    _judge(s, k, x, y, time_ns, usual_s, rules, memory)
                    _take_in(s, k, x, y, score, time_ns, noise_px, usual_s, bank, rules, memory)
            # What is past has been judged, or never will be.
            place = -1
            for r in range(memory.notes.shape[2]):
                if memory.notes[s, TARGET, r] <= time_ns:
                    memory.notes[s, TARGET, r] = FREE
                    place = r
            if place < 0:
                clock[UNKEPT] += 1
            else:
                memory.notes[s, TARGET, place] = target_ns
                memory.waiting[s, place] = np.nan
            for k in range(keypoints):
                since_ns = memory.marks[s, k, SEEN]
                if since_ns == NEVER or time_ns - since_ns > coast_ns:
                    predicted[a, k] = np.nan
                    predicted[a, k, 2] = poses[a, k, 2]
                    continue
                _choose(s, k, rules, memory)
                chosen = memory.marks[s, k, CHOICE]
                by_s = (target_ns - since_ns) * 1e-9
                for m in range(members):
                    x, y = ahead(memory.filters[s, k, m], bank[m], by_s)
                    if place >= 0:
                        memory.waiting[s, place, k, m, 0], memory.waiting[s, place, k, m, 1] = x, y
                    if m == chosen:
                        predicted[a, k, 0], predicted[a, k, 1] = x, y
                if place >= 0:
                    memory.notes[s, 1 + k, place] = chosen
                used[a, k] = chosen
                fresh = 1.0 - (time_ns - since_ns) / coast_ns if time_ns > since_ns else 1.0
                predicted[a, k, 2] = memory.last[s, k, 2] * fresh
        return done

    compiled: Callable[..., int] = step
    return compiled


def _checksum(*modules: Any) -> int:
    total = 0
    for module in modules:
        total = zlib.crc32(Path(module.__file__).read_bytes(), total)
    return total


step = _compiled(_checksum(filters, state))
