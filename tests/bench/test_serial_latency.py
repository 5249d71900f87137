"""The bench of a serial command measures what it says."""

from __future__ import annotations

import sys

import pytest

from posewire_bench.serial_latency import measure


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminal")
def test_every_act_is_read_after_its_call_and_before_its_answer() -> None:
    found = measure(20, every_ns=1_000_000)
    assert found.acts == 20
    assert 0 < found.call_us[0] <= found.call_us[1]
    assert 0 < found.read_us[0] < found.acked_us[0]
