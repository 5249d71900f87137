from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawn_rules import KEYPOINTS, Drawn
from dry_runs import rules_text
from posewire.dryrun.settings import settings_of
from posewire.triggers.file import read_rules


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_a_rule_with_its_own_number_is_the_rule_and_with_another_another(seed):
    for rule in Drawn(seed).rules().rules:
        found = settings_of(rule, KEYPOINTS)
        assert len({setting.name for setting in found}) == len(found)
        if rule.value is not None:
            assert found == []
        for setting in found:
            if setting.zone:
                assert setting.change(0.0) is not None or setting.change(5.0) is None
                continue
            assert setting.change(setting.value) == rule
            if not setting.name.endswith("_ms") or setting.value > 1e-4:  # a ns is the least
                assert all(setting.change(value) != rule for _, value in setting.others())


ALL = """
dwell_ms = 100
refractory_ms = 500
min_score = 0.4
"""


def test_every_number_of_a_rule_is_found_where_it_stands(tmp_path):
    file = tmp_path / "rules.toml"
    when = (
        "{ all = [ { speed = 'snout', above = 20, hysteresis = 5, window_ms = 80 }, { not = { inside = 'pit', "
        "keypoint = 'tail', hysteresis = 3 } }, { sequence = [ { peak = { y = 'snout' }, prominence = 9 }, "
        "{ rising = { zscore = { x = 'tail' }, over_ms = 4000 }, level = 2 } ], within_ms = 700 }, "
        "{ expr = 'distance(snout, tail) * 2 < 60' } ] }"
    )
    text = rules_text(rule=ALL.replace("dwell_ms = 100", ""), top="[zones]\npit = { circle = [50, 50, 20] }")
    file.write_text(text.replace('{ x = "snout", above = 100 }', when), encoding="utf-8")
    rules = read_rules(file, ("snout", "tail"))
    found = {setting.name: setting.value for setting in settings_of(rules.rules[0], rules.keypoints)}
    assert found == {
        "zone pit": 0.0,
        "when.all[0].above": 20.0,
        "when.all[0].hysteresis": 5.0,
        "when.all[0].window_ms": 80.0,
        "when.all[1].not.hysteresis": 3.0,
        "when.all[2].within_ms": 700.0,
        "when.all[2].sequence[0].prominence": 9.0,
        "when.all[2].sequence[1].level": 2.0,
        "when.all[2].sequence[1].over_ms": 4000.0,
        "when.all[3].below": 60.0,
        "when.all[3].multiply[1].number": 2.0,
        "refractory_ms": 500.0,
        "gap_ms": 100.0,
        "max_age_ms": 100.0,
        "min_score": 0.4,
    }


def test_values_that_make_no_rule_are_left_out(tmp_path):
    file = tmp_path / "rules.toml"
    text = rules_text(rule="min_score = 0.8\narmed_from_s = 9\narmed_until_s = 10")
    file.write_text(text.replace("above = 100", "between = [100, 105]"), encoding="utf-8")
    rules = read_rules(file, ("snout", "tail"))
    known = {setting.name: setting for setting in settings_of(rules.rules[0], rules.keypoints)}
    assert known["min_score"].change(1.6) is None
    assert known["when.above"].change(110.0) is None
    assert known["when.below"].change(84.0) is None
    assert known["armed_from_s"].change(18.0) is None
    assert known["armed_until_s"].change(5.0) is None
    made = known["min_score"].change(0.72)
    assert made is not None
    assert made.min_score == pytest.approx(0.72)
