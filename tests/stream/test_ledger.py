"""Percentiles from histograms, against sorting everything."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from posewire.ledger import Histogram, Ledger
from posewire.message import Stamps


@given(st.lists(st.integers(100, 10**12), min_size=1, max_size=300), st.sampled_from([0.5, 0.95, 0.99, 0.999]))
def test_percentiles_are_within_a_fifth_of_a_percent(durations: list[int], fraction: float):
    histogram = Histogram()
    for half in (durations[::2], durations[1::2]):
        histogram.add(np.array(half, np.int64))
    assert histogram.percentile_ms(fraction) == pytest.approx(reference.percentile(durations, fraction) / 1e6, rel=2e-3)


@given(st.lists(st.integers(-5, 10**10), min_size=1, max_size=100))
def test_figures_rise_and_the_maximum_is_exact(durations: list[int]):
    histogram = Histogram()
    for half in (durations[::2], durations[1::2]):
        histogram.add(np.array(half, np.int64))
    figures = histogram.summary_ms()
    assert figures["max"] == max(0, *durations, 0) / 1e6
    assert figures["p50"] <= figures["p95"] <= figures["p99"] <= figures["p999"]


def test_an_empty_histogram_has_no_figures():
    assert set(Histogram().summary_ms().values()) == {None}


def test_stages_are_the_differences_of_the_stamps():
    ledger = Ledger()
    ledger.add(Stamps(0, 1_000_000, 3_000_000, 8_000_000, 9_000_000, 9_500_000), 10_000_000)
    figures = {name: stage["p50"] for name, stage in ledger.latency_ms().items() if stage}
    assert figures == pytest.approx(
        {"wait": 1.0, "prepare": 2.0, "infer": 5.0, "decode": 1.0, "publish": 0.5, "total": 10.0}, rel=2e-3
    )


def test_photon_is_null_until_an_exposure_is_known():
    ledger = Ledger()
    ledger.add(Stamps(5, 6, 7, 8, 9, 10), 11)
    assert ledger.latency_ms()["photon"] is None
    ledger.add(Stamps(5_000_000, 6_000_000, 7_000_000, 8_000_000, 9_000_000, 10_000_000, exposed=1_000_000), 11_000_000)
    assert ledger.latency_ms()["photon"]["max"] == 10.0


def test_the_recent_past_tells_rate_and_latency():
    ledger = Ledger()
    assert ledger.recent() == (0.0, 0.0, 0.0)
    for n in range(100):
        ledger.add(Stamps(n * 10**7, n * 10**7, 0, 0, 0, 0), n * 10**7 + 2 * 10**6)
    assert ledger.recent() == pytest.approx((100.0, 2.0, 2.0))


@given(st.lists(st.lists(st.integers(0, 10**9), min_size=8, max_size=8), min_size=1, max_size=90), st.integers(1, 15))
def test_every_frame_is_counted_however_many_there_are(rows: list[list[int]], times: int):
    ledger = Ledger()
    rows = rows * times
    for grabbed, *steps in rows:
        stamps = [grabbed]
        for step in steps:
            stamps.append(stamps[-1] + step)
        # The rules take the last tenth of the time to packing.
        ruled = stamps[6] - (stamps[6] - stamps[5]) // 10
        ledger.add(Stamps(*stamps[:5], stamps[6]), stamps[7], stamps[5], ruled)
    figures = ledger.latency_ms()
    assert {stage.count for name, stage in ledger.stages.items() if name != "photon"} == {len(rows)}
    assert figures["total"]["max"] == max(sum(row[1:]) for row in rows) / 1e6
    assert figures["rules"]["max"] == max(row[6] - row[6] // 10 for row in rows) / 1e6
    assert figures["track"]["max"] == max(row[5] for row in rows) / 1e6
