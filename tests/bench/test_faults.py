"""Faults of every kind, once each: the pins of a simulated board say whether outputs were safe in time."""

from __future__ import annotations

import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminal")


@pytest.mark.parametrize("fault", ["network", "source", "output", "disk", "kill"])
def test_outputs_are_safe_in_time_and_nothing_fires_on_old_poses(fault: str) -> None:
    from posewire_bench.faults import ALLOWED_MS, MEASURES
    from posewire_bench.faults_rig import MOST_PER_S

    found = MEASURES[fault](1)
    assert found.late_ms, found
    assert not found.stale_starts, found
    assert found.most_per_s <= MOST_PER_S, found
    assert found.told
    # Of one time on a machine that may be busy: the figure of twenty is bench's. Far too late is wrong anywhere.
    assert max(found.late_ms) <= 10 * ALLOWED_MS, found
