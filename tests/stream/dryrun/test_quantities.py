"""What rules compare, in poses that are known: its percentiles, whatever the rules decide."""

from __future__ import annotations

import numpy as np
import pytest

from dry_runs import FPS, crossing, dry_run, rules_text
from posewire.dryrun.poses import Poses, time_of
from posewire.dryrun.quantities import PERCENTILES, quantities_text


def poses_at(places: list[float], score: float = 0.9) -> Poses:
    poses = Poses(("snout", "tail"), ((0, 1),), FPS, (200, 120), "one", about={"made": "by a test"})
    for n, x in enumerate(places):
        pose = np.array([[[x, 60, score], [0, 60, score]]], np.float32)
        poses.add(n, time_of(n, FPS), pose, None, None)
    return poses


def test_a_rule_that_never_fires_tells_where_its_threshold_could_lie(tmp_path):
    places = [float(x) for x in np.random.default_rng(3).permutation(101)]
    text = rules_text().replace("above = 100", "above = 150")
    result, _ = dry_run(tmp_path, poses_at(places), text)
    assert result["rules"]["right"]["fired"] == 0
    (row,) = result["quantities"]
    assert (row["rule"], row["quantity"], row["unit"], row["known"]) == ("right", "x of the snout", "px", 101)
    assert row["percentiles"] == [[percent, float(percent)] for percent in PERCENTILES]
    assert quantities_text([row])[-1] == "  right: x of the snout: 0  5  25  50  75  95  100 px (101 frames)"


def test_only_frames_in_which_it_is_known_count(tmp_path):
    poses = poses_at([10.0, np.nan, 30.0, np.nan])
    (row,) = dry_run(tmp_path, poses, rules_text())[0]["quantities"]
    assert (row["known"], row["percentiles"][0], row["percentiles"][-1]) == (2, [0, 10.0], [100, 30.0])
    (row,) = dry_run(tmp_path, poses_at([10.0], score=0.2), rules_text(rule="min_score = 0.5"))[0]["quantities"]
    assert (row["known"], row["percentiles"]) == (0, [])
    assert quantities_text([row])[-1] == "  right: x of the snout: never known"


def test_each_quantity_is_told_once_whatever_compares_it_and_zones_are_none(tmp_path):
    when = (
        "{ all = [{ x = 'snout', above = 150 }, { not = { x = 'snout', above = 190 } }, "
        "{ distance = ['snout', 'tail'], above = 5 }, { rising = { y = 'snout' }, level = 70 }, "
        "{ expr = 'speed(tail) + 1 > 3' }, { inside = 'pit', keypoint = 'snout' }] }"
    )
    text = rules_text(top="[zones]\npit = { circle = [60, 60, 20] }").replace('{ x = "snout", above = 100 }', when)
    result, _ = dry_run(tmp_path, crossing([(5, 9)], 20), text)
    rows = {row["quantity"]: row for row in result["quantities"]}
    assert list(rows) == [
        "x of the snout",
        "the distance from the snout to the tail",
        "y of the snout",
        "(the speed of the tail + 1)",
    ]
    assert rows["y of the snout"]["percentiles"] == [[percent, 60.0] for percent in PERCENTILES]
    assert rows["the distance from the snout to the tail"]["percentiles"][3] == [50, 30.0]
    assert rows["(the speed of the tail + 1)"]["percentiles"][0][1] == pytest.approx(1.0)


def test_a_value_that_is_followed_is_told_unscaled(tmp_path):
    text = rules_text('mode = "follow"').replace(
        'when = { x = "snout", above = 100 }', "value = { x = 'snout' }\nfrom = [0, 100]\nto = [0, 1]"
    )
    (row,) = dry_run(tmp_path, crossing([(5, 20)], 20), text)[0]["quantities"]
    assert row["percentiles"][0] == [0, 50.0]
    assert row["percentiles"][-1] == [100, 150.0]
