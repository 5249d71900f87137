from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dry_runs import crossing, dry_run, rules_text

# (frames outside, frames inside) one after the other
courses = st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), min_size=1, max_size=12)
few = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def spans_of(course: list[tuple[int, int]]) -> tuple[list[tuple[int, int]], int]:
    spans, at = [], 0
    for outside, inside in course:
        spans.append((at + outside, at + outside + inside))
        at += outside + inside
    return spans, at + 20


def cells(result, setting):
    row = next(row for row in result["thresholds"] if row["setting"] == setting)
    return row, {cell["change"]: cell for cell in row["variants"]}


@few
@given(courses)
def test_a_longer_dwell_and_a_longer_refractory_time_never_decide_more_often(tmp_path, course):
    spans, frames = spans_of(course)
    text = rules_text("max_per_minute = 4", "dwell_ms = 200\nsham_percent = 50")
    for setting, result in (
        ("dwell_ms", dry_run(tmp_path, crossing(spans, frames), text)[0]),
        ("refractory_ms", dry_run(tmp_path, crossing(spans, frames), text.replace("dwell", "refractory"))[0]),
    ):
        row, _ = cells(result, setting)
        counts = [cell["decisions"] for cell in row["variants"]]
        assert all(a >= b for a, b in pairwise(counts))
        assert all(cell["permitted"] <= min(4, cell["decisions"]) for cell in row["variants"])


@settings(few, max_examples=4)
@given(courses, st.sampled_from(["while", "pulse"]))
def test_each_variant_counts_what_a_dry_run_with_that_number_counts(tmp_path, course, mode):
    spans, frames = spans_of(course)
    output = "max_per_minute = 3" + ('\nmode = "while"\nmax_on_ms = 300' if mode == "while" else "\nwidth_ms = 700")
    text = rules_text(output, "dwell_ms = 120\nrefractory_ms = 400\nsham_percent = 20")
    # Another rule on the same light uses up its limits as well.
    text += '[[rule]]\nname = "left"\nwhen = { x = "snout", below = 70 }\noutput = "light"\ndwell_ms = 300\n'
    poses = crossing(spans, frames)
    result, _ = dry_run(tmp_path, poses, text)
    now = result["rules"]["right"]
    for setting, value in (("dwell_ms", 120), ("refractory_ms", 400)):
        _, found = cells(result, setting)
        assert found["100 %"]["permitted"] == now["fired"] + now["sham"]
        for percent in (50, 110, 200):
            other = f"{setting} = {value * percent / 100:g}"
            again, _ = dry_run(tmp_path, poses, text.replace(f"{setting} = {value}", other))
            counted = again["rules"]["right"]
            assert found[f"{percent} %"]["permitted"] == counted["fired"] + counted["sham"]


def test_numbers_that_matter_are_marked(tmp_path):
    poses = crossing([(20, 31), (60, 71), (100, 111), (140, 180)], 220)  # three of 220 ms, one of 800 ms
    result, _ = dry_run(tmp_path, poses, rules_text("", "dwell_ms = 190"))
    row, found = cells(result, "dwell_ms")
    assert [cell["change"] for cell in row["variants"]] == ["50 %", "80 %", "90 %", "100 %", "110 %", "125 %", "200 %"]
    assert [cell["decisions"] for cell in row["variants"]] == [4, 4, 4, 4, 1, 1, 1]
    assert found["110 %"]["value"] == pytest.approx(209.0)
    assert row["sensitive"]
    assert not cells(result, "when.above")[0]["sensitive"]
    assert [cell["decisions"] for cell in cells(result, "when.above")[0]["variants"]] == [4, 4, 4, 4, 4, 4, 0]


def test_a_zone_is_moved_at_its_edge(tmp_path):
    text = rules_text(top="[zones]\npit = { rectangle = [110, 0, 90, 120] }").replace(
        'x = "snout", above = 100', 'inside = "pit", keypoint = "snout"'
    )
    poses = crossing([(20, 40), (60, 80)], 100)
    for n in range(60, 80):
        poses.poses[n][0, 0, 0] = 104.0  # six px beside it
    result, _ = dry_run(tmp_path, poses, text)
    row, _ = cells(result, "zone pit")
    assert [cell["decisions"] for cell in row["variants"]] == [1, 1, 1, 1, 1, 2, 2]
    assert not row["sensitive"]


def test_rules_that_do_not_decide_have_no_thresholds(tmp_path):
    text = rules_text(rule="random_per_minute = 30", output="max_per_minute = 60")
    assert dry_run(tmp_path, crossing([(20, 40)], 100), text)[0]["thresholds"] == []
