"""`bench decode`: heatmaps, offsets and part affinity fields -> keypoints and animals, in Numba.

The maps are exact targets of drawn animals, with noise below the threshold in every cell; several of them take turns,
so that no call meets the maps of the last one. Also tells resident memory after the warm-up and at the end, and what
Numba's runtime holds, which Python's own tracer does not see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numba.core.runtime import _nrt_python, rtsys

from posewire.clock import now_ns
from posewire.decode import Decoder, Grid, MapDecoder
from posewire.preprocess import plan as plan_geometry
from posewire_bench.outcome import Occasion, figure
from posewire_bench.rounds import Plan, measure
from posewire_bench.sizes import Size
from posewire_bench.system import resident_mb
from posewire_models.contract import ModelContract
from posewire_models.decoding import Decoding
from posewire_models.errors import InputError
from posewire_training.targets import make_fields, make_targets

Pose = npt.NDArray[np.float32]
_STRIDE = 4
_MAPS = 4
_LEAST_SCORE = 0.2
_NOISE = 0.15


def bench_decode(
    animals: Sequence[int],
    keypoints: int,
    cells: Size,
    plan: Plan,
    *,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Decoding of maps of so many animals, each number in turn; of one animal by the decoder of one.

    Raises InputError.
    """
    if not animals or not all(1 <= count <= 100 for count in animals):
        raise InputError(f"--animals {', '.join(map(str, animals))}: expected 1 to 100")
    if not 2 <= keypoints <= 100:
        raise InputError(f"--keypoints {keypoints}: expected 2 to 100")
    if not all(16 <= side <= 1024 for side in cells):
        raise InputError(f"--cells {cells}: expected 16x16 to 1024x1024 cells of a heatmap")
    _nrt_python.memsys_enable_stats()
    contestants: dict[str, Callable[[int], npt.NDArray[np.int64]]] = {}
    facts: dict[str, dict[str, Any]] = {}
    for count in dict.fromkeys(animals):
        for name, run in _runs(count, keypoints, cells).items():
            contestants[f"{name}, {count} animal{'s' * (count > 1)}"] = run
            facts[f"{name}, {count} animal{'s' * (count > 1)}"] = {"animals": count}
    occasion = Occasion(
        "decode",
        {"rounds": plan.rounds, "seconds": plan.seconds, "keypoints": keypoints, "cells": list(cells)},
    )
    for run in contestants.values():
        run(_MAPS)
    early = _held()
    found = measure(contestants, plan, say)
    late = _held()
    figures = [
        figure(name, series, keypoints=keypoints, cells=list(cells), **facts[name]) for name, series in found.items()
    ]
    return occasion.report(figures, notes=_memory_notes(early, late), memory={"before": early, "after": late})


def drawn_animals(
    count: int, keypoints: int, cells: Size, rng: np.random.Generator
) -> tuple[Pose, list[tuple[int, int]]]:
    """Points float32 [count, keypoints, 2] px, and the edges of a random tree."""
    edges = [(int(rng.integers(k)), k) for k in range(1, keypoints)]
    side = np.array(cells) * _STRIDE
    places = rng.uniform(0.08, 0.92, (count, 1, 2)) * side
    points = places + rng.normal(0, 0.025 * side.min(), (count, keypoints, 2))
    return points.clip(0, side - 1).astype(np.float32), edges


def _runs(animals: int, keypoints: int, cells: Size) -> dict[str, Callable[[int], npt.NDArray[np.int64]]]:
    rng = np.random.default_rng(1)
    _, edges = drawn_animals(1, keypoints, cells, rng)
    shape = (cells.height, cells.width)
    maps = []
    for _ in range(_MAPS):
        points, _ = drawn_animals(animals, keypoints, cells, rng)
        heatmaps, offsets, _ = make_targets(points[None], *shape, _STRIDE, 1.0, 1.25)
        fields, _ = make_fields(points[None], edges, *shape, _STRIDE, 1.0)
        noisy = np.maximum(heatmaps, rng.random(heatmaps.shape, np.float32) * np.float32(_NOISE))
        maps.append((noisy, offsets, fields))
    if animals == 1:
        contract = _contract(keypoints)
        one = Decoder(contract, plan_geometry(contract, cells.width * _STRIDE, cells.height * _STRIDE), _LEAST_SCORE)
        return {"best peaks": _timed(lambda n: one.decode(*maps[n][:2]))}
    grid = Grid.of(_STRIDE)
    several = MapDecoder(keypoints, edges, Decoding(), shape, shape, grid, grid, _LEAST_SCORE)
    return {
        "peaks and linking": _timed(lambda n: several.decode(*(part[0] for part in maps[n]))),
        "peaks alone": _timed(lambda n: several.find(maps[n][0][0], maps[n][1][0])),
    }


def _timed(call: Callable[[int], Any]) -> Callable[[int], npt.NDArray[np.int64]]:
    def run(count: int) -> npt.NDArray[np.int64]:
        taken = np.empty(count, np.int64)
        for n in range(count):
            begun = now_ns()
            call(n % _MAPS)
            taken[n] = now_ns() - begun
        return taken

    return run


def _contract(keypoints: int) -> ModelContract:
    """What the decoder of one animal asks of a model."""
    return ModelContract(
        name="drawn maps",
        keypoints=tuple(f"keypoint {k}" for k in range(keypoints)),
        skeleton=(),
        symmetric=(),
        stride=_STRIDE,
        paf_stride=None,
        pad_multiple=_STRIDE,
        color="bgr",
        animals="one",
        scale=1.0,
        min_score=_LEAST_SCORE,
        input_hint={},
        trained_on={},
        error_px={},
        parity=None,
        created="",
        posewire="",
    )


def _held() -> dict[str, Any]:
    """Resident MB of this process, and how many allocations Numba's runtime has not freed."""
    stats = rtsys.get_allocation_stats()
    return {"resident_mb": resident_mb(), "numba_allocations": stats.alloc - stats.free}


def _memory_notes(early: dict[str, Any], late: dict[str, Any]) -> list[str]:
    resident = ""
    if early["resident_mb"] is not None and late["resident_mb"] is not None:
        resident = f"resident {early['resident_mb']:.1f} -> {late['resident_mb']:.1f} MB, "
    return [f"{resident}Numba's open allocations {early['numba_allocations']} -> {late['numba_allocations']}"]
