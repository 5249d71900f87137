"""Comparing two model files: both run as the runtime runs them, and the interval holds the median."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny_model
from posewire_bench.precision import compared, median_interval, vnni


def chance_below(count: int, rank: int) -> float:
    """That at most ``rank`` of ``count`` values lie below the true median, by counting."""
    return sum(math.comb(count, k) for k in range(rank + 1)) / 2**count


@given(st.lists(st.floats(0, 10), min_size=1, max_size=60))
def test_the_interval_leaves_out_at_most_a_fortieth_on_each_side(values: list[float]) -> None:
    low, high = median_interval(values)
    ordered = sorted(values)
    assert low <= float(np.median(values)) <= high
    ranks = [rank for rank in range(len(values)) if chance_below(len(values), rank) <= 0.025]
    first = ranks[-1] if ranks else 0
    assert low == ordered[first]
    assert high == ordered[len(values) - 1 - first]


@pytest.mark.parametrize("channels", [1, 3])
def test_two_files_are_run_in_turn(tmp_path: Path, channels: int) -> None:
    model = str(tiny_model.write(tmp_path / "model.onnx", channels))
    found = compared(model, model, np.zeros((64, 96, 3), np.uint8), threads=1, rounds=3, runs=2)
    assert found["size"] == [96, 64]
    assert min(found["median_ms"]) >= min(found["fastest_ms"]) > 0
    assert found["ratio_interval"][0] <= found["ratio"] <= found["ratio_interval"][1]


def test_the_processor_tells_its_dot_products_or_nothing() -> None:
    flags = vnni()
    assert flags is None or all("vnni" in flag or flag == "amx_int8" for flag in flags)
