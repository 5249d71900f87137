"""Sentences: as they read, and that nothing a rule or an output says is left out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawn_rules import KEYPOINTS, Drawn
from posewire.outputs.spec import OutputSpec
from posewire.triggers.expr import parse
from posewire.triggers.file import read_rules
from posewire.triggers.names import Names
from posewire.triggers.rules import FIXED, Condition, Control, Point, Quantity, Rule, Rules, Zone
from posewire.triggers.sentences import output_sentence, sentence
from posewire.triggers.words import Words, number, time

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "corner.toml"
ZONE = Zone("corner", ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0)))
NAMES = Names(("snout", "neck", "tail"), {"intruder": 1}, {"corner": ZONE})
WORDS = Words(NAMES.keypoints)


def test_the_example():
    rules = read_rules(EXAMPLE)
    assert sentence(rules.rules[0], rules) == (
        "light-in-corner: while the snout is inside corner, after 200 ms of it, light is on (for 2 s at a stretch, "
        "3 times a minute at most); not again for 1 s; 2 of every 10 times, drawn by chance, it is a sham (decided and "
        "logged, not sent); never on a pose older than 100 ms."
    )
    assert output_sentence(rules.outputs[0]) == (
        "light: virtual-led (file = led.bin); on as long as a rule holds; all rules together for 2 s at a stretch, "
        "3 times a minute at most."
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("speed(snout) > 50", "the speed of the snout is above 50 px/s"),
        ("speed(snout, window_ms=20) >= 50", "the speed of the snout (over 20 ms) is 50 px/s or more"),
        ("distance(snout, at(1, 2.5)) <= 5", "the distance from the snout to the place (1, 2.5) is 5 px or less"),
        ("outside(intruder.centre, corner)", "the intruder's centre is outside corner"),
        ("angle(snout, neck, tail) > 9", "the angle at the neck between the snout and the tail is above 9 degrees"),
        (
            "bearing(tail, snout, other.snout) < 9",
            "the bearing of the nearest other animal's snout seen from the snout along the line from the tail is below "
            "9 degrees",
        ),
        (
            "enter(snout, corner) and (x(snout) > 3 or not enter(snout, corner))",
            "the snout enters corner and (x of the snout is above 3 px or it is not so that (the snout enters corner))",
        ),
        ("max(x(snout), 5) > 6", "the larger of x of the snout and 5 is above 6 px"),
        ("x(snout) * 2 > 6", "(x of the snout * 2) is above 6"),
    ],
)
def test_conditions(text, words):
    assert WORDS.condition(parse(text, NAMES)) == words


def test_hysteresis_is_told_by_where_it_ends():
    score = Quantity("score", (Point(0),))
    condition = Condition("compare", score, above=0.5, hysteresis=0.25)
    assert WORDS.condition(condition) == "the score of the snout is above 0.5 (and then until it is 0.25 or less)"
    condition = Condition("rising", score, level=0.5, hysteresis=0.25)
    assert WORDS.condition(condition) == "the score of the snout rises to 0.5 (from below 0.25)"
    condition = Condition("inside", points=(Point(0),), zone=ZONE, hysteresis=4.0)
    text = "the snout is inside corner (once inside, it counts as inside up to 4 px beyond the edge)"
    assert WORDS.condition(condition) == text


def test_whose_points_a_rule_of_a_role_is_about():
    when = Condition("inside", points=(Point(0),), zone=ZONE)
    rules = Rules(NAMES.keypoints, (), {"intruder": 1}, ())
    assert sentence(Rule("a", (), when, animal="intruder"), rules) == (
        "a: when the intruder's snout is inside corner, an event is published and nothing else happens; never on a "
        "pose older than 100 ms."
    )
    assert "; tried on each animal by itself;" in sentence(Rule("a", (), when), rules)


def test_a_value_that_is_followed():
    rule = Rule("dim", ("laser",), value=Quantity("x", (Point(0),)), value_from=(0.0, 640.0), value_to=(1.0, 0.0))
    rules = Rules(NAMES.keypoints, (rule,), {}, (OutputSpec("laser", "osc", "follow", slew_per_s=2.0),))
    assert sentence(rule, rules) == (
        "dim: in every frame laser follows x of the snout, 0 to 640 px as 1 to 0; not on a pose older than 100 ms."
    )
    assert output_sentence(rules.outputs[0]) == (
        "laser: osc; a value in every frame; changing by 2 a second at most; 0 as long as nothing vouches "
        "for the poses."
    )


def quantities(quantity: Quantity) -> Iterator[Quantity]:
    """A quantity with each thing that it says changed, one at a time."""
    if quantity.window_ns:
        yield replace(quantity, window_ns=quantity.window_ns + 1)
    if quantity.file:
        yield replace(quantity, file="other.onnx")
    for at, point in enumerate(quantity.points):
        for other in points(point):
            yield replace(quantity, points=(*quantity.points[:at], other, *quantity.points[at + 1 :]))
    for at, value in enumerate(quantity.numbers):
        yield replace(quantity, numbers=(*quantity.numbers[:at], value + 1, *quantity.numbers[at + 1 :]))
    for at, inner in enumerate(quantity.inner):
        for other in quantities(inner):
            yield replace(quantity, inner=(*quantity.inner[:at], other, *quantity.inner[at + 1 :]))


def points(point: Point) -> Iterator[Point]:
    if point.keypoint == FIXED:
        yield replace(point, x=point.x + 1)
        yield replace(point, y=point.y + 1)
    else:
        yield replace(point, keypoint=(point.keypoint + 1) % len(KEYPOINTS))
        yield replace(point, animal="bystander")


def conditions(condition: Condition) -> Iterator[Condition]:
    """The same of a condition."""
    for word in ("above", "below", "level", "hysteresis"):
        if (value := getattr(condition, word)) and math.isfinite(value):
            yield replace(condition, **{word: value * 1.5})
    if condition.within_ns:
        yield replace(condition, within_ns=condition.within_ns + 1)
    if condition.zone is not None:
        yield replace(condition, zone=replace(condition.zone, name="another"))
    for point in condition.points:
        for other in points(point):
            yield replace(condition, points=(other,))
    for quantity in quantities(condition.quantity) if condition.quantity else ():
        yield replace(condition, quantity=quantity)
    for at, inner in enumerate(condition.inner):
        for other in conditions(inner):
            yield replace(condition, inner=(*condition.inner[:at], other, *condition.inner[at + 1 :]))


def rules_of(rule: Rule) -> Iterator[Rule]:
    """The same of a rule."""
    for word in ("gap_ns", "max_age_ns", "dwell_ns", "refractory_ns", "repeat_ns", "armed_from_ns", "min_id_score"):
        if rule.when is not None or word in ("gap_ns", "max_age_ns", "armed_from_ns"):
            value = getattr(rule, word)
            yield replace(rule, **{word: value + 1 if word.endswith("ns") else value / 2 + 0.1})
    yield replace(rule, armed_until_ns=rule.armed_until_ns - 1)
    yield replace(rule, min_score=rule.min_score / 2 + 0.1)
    yield replace(rule, predicted=not rule.predicted)
    for value in quantities(rule.value) if rule.value else ():
        yield replace(rule, value=value)
    if rule.value:
        yield replace(rule, value_from=(rule.value_from[0] - 1, rule.value_from[1]))
        yield replace(rule, value_to=(rule.value_to[0], rule.value_to[1] + 1))
        return
    for when in conditions(rule.when) if rule.when else ():
        yield replace(rule, when=when)
    for control in (
        replace(rule.control, sham=rule.control.sham + (1 if rule.control.sham < 0.5 else -1) / rule.control.block),
        replace(rule.control, yoked="yet-another.log"),
        replace(rule.control, matched="yet-another.log"),
        replace(rule.control, random_per_minute=rule.control.random_per_minute + 1),
    ):
        yield replace(rule, control=control)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_a_rule_says_is_in_its_sentence(seed):
    rules = Drawn(seed).rules()
    for rule in rules.rules:
        said = sentence(rule, rules)
        assert "\n" not in said
        for changed in rules_of(rule):
            assert sentence(changed, rules) != said, changed


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_whatever_an_output_says_is_in_its_sentence(seed):
    spec = Drawn(seed).output("light")
    changes = {"kind": "other", "options": {"port": 99}}
    if spec.mode == "follow":
        changes |= {"slew_per_s": spec.slew_per_s + 1, "safe": spec.safe / 2 + 3.3}
    else:
        changes |= {"max_on_ns": 77, "max_duty": 0.123, "max_count": 77, "max_dose_ns": 77}
    if spec.mode == "pulse":
        changes |= {"width_ns": spec.width_ns + 1, "count": spec.count + 1, "delay_ns": spec.delay_ns + 1}
    if spec.count > 1:
        changes |= {"period_ns": spec.period_ns + 1}
    if spec.max_duty < 1:
        changes |= {"duty_window_ns": spec.duty_window_ns + 1}
    if spec.max_count < OutputSpec.max_count:
        changes |= {"count_window_ns": 10**9}
    for word, value in changes.items():
        assert output_sentence(replace(spec, **{word: value})) != output_sentence(spec), word


def test_controls_in_words():
    rules = Rules(NAMES.keypoints, (), {}, ())
    when = Condition("inside", points=(Point(0),), zone=ZONE)
    said = sentence(Rule("a", (), when, control=Control(0.5, 4)), rules)
    assert "; 2 of every 4 times, drawn by chance, it is a sham" in said
    said = sentence(Rule("a", (), when, control=Control(0.125, 10)), rules)
    assert "; 1 or 2 of every 10 times (12.5 % on average), drawn by chance, it is a sham" in said
    said = sentence(Rule("a", (), when, control=Control(1.0, 10)), rules)
    assert "; every time it is a sham (decided and logged, not sent);" in said
    said = sentence(Rule("a", (), when, control=Control(0.25, 1)), rules)
    assert "; each time it is a sham with a chance of 25 % (decided and logged, not sent);" in said
    assert "counts for nothing" not in said


def test_another_sessions_times_in_words():
    rules = Rules(NAMES.keypoints, (), {}, (OutputSpec("light", "osc", "while", max_on_ns=2 * 10**9),))
    when = Condition("inside", points=(Point(0),), zone=ZONE)
    rest = (
        "light is on (for 2 s at a stretch at most); its own condition (the snout is inside corner, after 5 ms of it) "
        "counts for nothing; never on a pose older than 100 ms."
    )
    for control, times in (
        (Control(yoked="logs/old.log"), "at the times of old.log"),
        (Control(matched="logs/old.log"), "at random times, as often as in old.log"),
        (Control(random_per_minute=2.5), "at random times, 2.5 a minute"),
    ):
        rule = Rule("a", ("light",), when, dwell_ns=5_000_000, control=control)
        assert sentence(rule, rules) == f"a: {times}, {rest}"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_stay_what_they_are(value):
    assert float(number(value)) == value


@given(st.integers(0, 2**53))
def test_times_stay_what_they_are(ns):
    value, unit = time(ns).split()
    assert Decimal(value) * {"ms": 10**6, "s": 10**9}[unit] == ns
