"""One frame through all rules, for all animals, compiled as one."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba import njit

from posewire.triggers import (
    compilation,
    kernel_conditions,
    kernel_decisions,
    kernel_places,
    kernel_quantities,
    kernel_series,
    layout,
    rules,
)
from posewire.triggers.compilation import OPTIONS, part
from posewire.triggers.kernel_conditions import condition
from posewire.triggers.kernel_decisions import decide, empty, follow, tell
from posewire.triggers.kernel_places import find_animals
from posewire.triggers.kernel_quantities import quantity
from posewire.triggers.layout import COMPARE, ENDED, Answer, Frame, Memory, Program


@functools.cache
def compiled(*types: type) -> Callable[..., int]:
    """The kernel, compiled for arrays of these types (`numba.typeof`) and no others, or read from Numba's cache.

    Arrays are handed over one by one: to take a named tuple apart costs a microsecond for each, some fifty when nothing
    of it is in the processor's caches, as after the network.

    Numba's cache asks whether this file has changed, not whether those that it calls have; but it does look at values
    that a function closes over: ``sources`` stands for all of them.
    """
    whole = numba.types.int64
    sources = _checksum(
        compilation, kernel_conditions, kernel_decisions, kernel_places, kernel_quantities, kernel_series, layout, rules
    )

    @njit(whole(whole, whole, whole, whole, *types), cache=True, **OPTIONS)
    def step(  # type: ignore[no-untyped-def]
        rows, now_ns, elapsed_ns, age_ns,
        nodes, readings, rules, points, inner, numbers, roles, named,
        ids, seen, whole, real, ring_ns, ring, episodes, fired,
        poses, frame_ids, id_scores, grays, outputs, slots, frame_rows, centres, others, results, place,
        outcomes, holding, active, values,
    ):  # fmt: skip
        """Frame of ``rows`` animals -> number of outcomes. ``elapsed_ns`` since the first frame."""
        if sources < 0:
            return 0
        program = Program(nodes, readings, rules, points, inner, numbers, roles, named)
        memory = Memory(ids, seen, whole, real, ring_ns, ring, episodes, fired)
        frame = Frame(poses, frame_ids, id_scores, grays, outputs, slots, frame_rows, centres, others, results, place)
        answer = Answer(outcomes, holding, active, values)
        count = _seat(rows, now_ns, program, memory, frame, answer)
        anybody = memory.ids.shape[0] - 1
        for r in range(program.readings.shape[0]):
            reading = program.readings[r]
            find_animals(rows, reading, program, frame)
            for row in range(rows):
                slot = frame.slots[row]
                if slot == anybody:
                    memory.whole[slot] = 0
                for n in range(reading.first, reading.end):
                    if program.nodes[n].kind < COMPARE:
                        value = quantity(n, row, slot, now_ns, reading, program, memory, frame)
                    else:
                        value = condition(n, row, slot, now_ns, reading, program, memory, frame)
                    frame.results[row, n] = value
        for n in range(program.rules.shape[0]):
            if program.rules[n].follows:
                answer.values[n] = follow(n, rows, now_ns, elapsed_ns, age_ns, program, memory, frame)
            else:
                count = decide(n, rows, count, now_ns, elapsed_ns, age_ns, program, memory, frame, answer)
        return count

    kernel: Callable[..., int] = step
    return kernel


@part
def _seat(rows, now_ns, program, memory, frame, answer):  # type: ignore[no-untyped-def]
    """Gives every row its slot and every role its row; the number of outcomes (of those who are forgotten)."""
    count = 0
    anybody = memory.ids.shape[0] - 1
    newest = 0
    for slot in range(anybody):
        newest = max(newest, memory.seen[slot])
    for row in range(rows):
        for earlier in range(row):
            if frame.ids[earlier] == frame.ids[row]:
                frame.ids[row] = -1
        frame.slots[row] = anybody if frame.ids[row] < 0 else -1
        for slot in range(anybody):
            if frame.ids[row] >= 0 and memory.ids[slot] == frame.ids[row]:
                frame.slots[row] = slot
                newest += 1
                memory.seen[slot] = newest
    for row in range(rows):
        if frame.slots[row] >= 0:
            continue
        # A free one was never seen.
        slot = 0
        for other in range(anybody):
            if memory.seen[other] < memory.seen[slot]:
                slot = other
        for n in range(program.rules.shape[0]):
            if memory.episodes[0, n, slot].fired:
                count = tell(count, n, -1, memory.ids[slot], ENDED, now_ns, answer)
            empty(memory.episodes[0, n, slot])
            empty(memory.episodes[1, n, slot])
        memory.whole[slot] = 0
        memory.ids[slot] = frame.ids[row]
        newest += 1
        memory.seen[slot] = newest
        frame.slots[row] = slot
    for role in range(program.roles.shape[0]):
        frame.rows[role] = -1
        for row in range(rows):
            if frame.ids[row] == program.roles[role]:
                frame.rows[role] = row
    return count


def kernel_for(program: Program, memory: Memory, frame: Frame, answer: Answer) -> Callable[..., int]:
    """`compiled` for arrays such as these. All programs' arrays are of the same types."""
    return compiled(*(numba.typeof(array) for array in (*program, *memory, *frame, *answer)))


def _checksum(*modules: Any) -> int:
    total = 0
    for module in modules:
        total = zlib.crc32(Path(module.__file__).read_bytes(), total)
    return total
