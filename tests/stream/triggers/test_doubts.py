"""What is possible and hardly meant is told, with its line."""

from __future__ import annotations

import pytest

from rules_files import HEAD, LINES, RULE, WHEN, read


def doubts(tmp_path, text, **given):
    return [(doubt.line, doubt.what, doubt.text) for doubt in read(tmp_path, text, **given).doubts]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (WHEN + "max_age_ms = 19", "max_age_ms = 19 is less than two frames at 100 frames/s (20 ms)"),
        ("when = { angle = ['snout', 'neck', 'spine'], below = 181 }\n", "angle is always below 181: true"),
        (
            "when = { score = 'snout', between = [-1, 2] }\n",
            "score always lies between -1 and 2: true",
        ),
        (WHEN + "max_age_ms = 1001", "max_age_ms = 1001 protects from nothing"),
        (WHEN + "sham_percent = 100", "sham_percent = 100: every decision is a sham"),
        (WHEN + "gap_ms = 10", "gap_ms = 10 is no longer than a frame at 100 frames/s (10 ms)"),
        (WHEN + "armed_until_s = 9\nrefractory_ms = 9000", "it can fire only once"),
        (WHEN + "repeat_ms = 9\nrefractory_ms = 90", "repeat_ms is shorter than refractory_ms"),
        (WHEN.replace("snout", "intruder.snout"), "it is about intruder alone, and is tried on every animal"),
        ("when = { distance = ['snout', 'intruder.snout'], below = 3 }\n", "tried on every animal, intruder included"),
        ("when = { gray = [0, 0, 9, 9], below = 3 }\n", "it is about no animal, and is tried on every animal"),
        ("when = { distance = ['snout', 'neck'], above = -1 }\n", "distance is always above -1: true"),
        ("when = { score = 'snout', above = 0.5, hysteresis = 0.6 }\n", "once true, it stays true"),
        ("when = { enter = 'corner', keypoint = 'snout' }\noutput = 'lamp'", "output 'lamp' is on for one frame"),
        ("when = { inside = 'bow', keypoint = 'snout' }\n", "edges of zone 'bow' cross each other"),
        ("animal = 'intruder'\n" + WHEN.replace("snout", "intruder.snout"), "are those of the animal that it is tried"),
    ],
)
def test_what_may_be_meant_otherwise_is_told(tmp_path, text, sentence):
    head = HEAD.replace('virtual-led"', 'virtual-led"\nmax_per_minute = 5')
    head = head.replace("[roles]", "bow = { polygon = [[0, 0], [9, 9], [9, 0], [0, 9]] }\n[roles]")
    rule = RULE.replace('output = "light"\n', "") if "output" in text else RULE
    ((line, what, said),) = doubts(tmp_path, head + rule + text, fps=100)
    assert sentence in said
    assert (line, what) == (LINES + 3, "rule 'a'")


def test_doubtful_outputs_are_told(tmp_path):
    head = HEAD.replace('kind = "virtual-led"', 'kind = "virtual-led"\nwidth_msec = 5\nport = 3')
    ((line, what, one), (_, _, other)) = doubts(tmp_path, head + RULE + WHEN)
    assert (line, what) == (9, "output 'light'")
    assert "width_msec is taken for an option of the kind virtual-led; or is width_ms meant?" in one
    assert "nothing limits how often it is started" in other
    head = HEAD.replace('kind = "virtual-led"', 'kind = "virtual-led"\nmax_dose_ms = 19')
    ((_, what, text),) = doubts(tmp_path, head + RULE + WHEN)
    assert (what, text) == ("rule 'a'", "the dose of output 'light' is enough for one start only in a session")
