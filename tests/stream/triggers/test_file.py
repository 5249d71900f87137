"""Rules files: what is written is what is read, and everything wrong is refused with its line."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tiny_model
from drawn_rules import FILE, LOG, ZONES, Drawn
from posewire.outputs.gate import Gate, Permit
from posewire.outputs.spec import NEVER_NS, OutputSpec
from posewire.triggers.file import keypoints_of, read_file, read_rules
from posewire.triggers.output_tables import KEYS as OUTPUT_KEYS
from posewire.triggers.rules import Condition, Point, Zone
from posewire.triggers.sentences import output_sentence, sentence
from posewire_models.errors import InputError
from rules_files import (
    DIAL,
    DOCS,
    EXAMPLE,
    HEAD,
    LINES,
    MOUSE,
    RULE,
    WHEN,
    read,
    when,
)
from rules_text import rules_text


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
def test_rules_that_are_written_are_read_as_they_were(tmp_path, seed):
    rules = Drawn(seed).rules()
    (tmp_path / FILE).touch()
    (tmp_path / LOG).touch()
    text = rules_text(rules, ZONES, gap_ms=7, max_age_ms=8, min_score=0.5, min_id_score=0.25)
    found = read(tmp_path, text, keypoints=rules.keypoints, animals="many").rules

    def looked_up(quantity):
        if quantity is None:
            return None
        file = str(tmp_path / FILE) if quantity.file else ""
        return replace(quantity, file=file, inner=tuple(looked_up(inner) for inner in quantity.inner))

    def at_home(condition):
        if condition is None:
            return None
        inner = tuple(at_home(part) for part in condition.inner)
        return replace(condition, quantity=looked_up(condition.quantity), inner=inner)

    expected = []
    for rule in rules.rules:
        names = {key: str(tmp_path / name) for key in ("yoked", "matched") if (name := getattr(rule.control, key))}
        default_id_score = {} if rule.value is None else {"min_id_score": 0.25}
        expected.append(
            replace(
                rule,
                when=at_home(rule.when),
                value=looked_up(rule.value),
                control=replace(rule.control, **names),
                **default_id_score,
            )
        )
    assert found.rules == tuple(expected)
    assert found.outputs == rules.outputs
    assert (found.seed, found.blind, found.roles) == (rules.seed, rules.blind, rules.roles)
    assert found.sha256 == hashlib.sha256((tmp_path / "r.toml").read_bytes()).hexdigest()


def test_the_example_says_what_it_says():
    found = read_file(EXAMPLE)
    (rule,) = found.rules.rules
    zone = Zone("corner", ((0.0, 0.0), (200.0, 0.0), (200.0, 200.0), (0.0, 200.0)))
    assert rule.when == Condition("inside", points=(Point(0),), zone=zone)
    assert (rule.dwell_ns, rule.refractory_ns, rule.control.sham) == (200_000_000, 1_000_000_000, 0.2)
    (light,) = found.rules.outputs
    assert (light.mode, light.max_on_ns, light.max_count, light.count_window_ns) == ("while", 2 * 10**9, 3, 60 * 10**9)
    assert found.rules.keypoints == ("snout", "leftear", "rightear", "tailbase")
    assert found.frame == (640, 480)
    assert not found.doubts


def written_in_docs(section):
    """The code in the first column of the table in a section of the page."""
    text = (DOCS / "rules.md").read_text(encoding="utf-8").split(f"## {section}\n")[1].split("\n## ")[0]
    rows = [line.split(" | ")[0] for line in text.splitlines() if line.startswith("| `")]
    return [code for row in rows for code in re.findall("`([^`]+)`", row)]


def test_the_page_shows_the_example_and_its_sentences():
    page = (DOCS / "rules.md").read_text(encoding="utf-8")
    shown = EXAMPLE.read_text(encoding="utf-8").split("\n", 1)[1]  # without its comment
    assert f"```toml\n{shown}```" in page
    rules = read_rules(EXAMPLE)
    assert f"```\n{sentence(rules.rules[0], rules)}\n{output_sentence(rules.outputs[0])}\n```" in page


@pytest.mark.parametrize("table", written_in_docs("Quantities"))
def test_quantities_as_the_page_writes_them(tmp_path, table):
    (tmp_path / "net.onnx").touch()
    text = f"{DIAL}value = {{ {table} }}\nfrom = [0, 1]\nto = [0, 1]\n"
    quantity = read(tmp_path, HEAD + text, keypoints=MOUSE).rules.rules[0].value
    assert quantity.kind in (table.split(" = ")[0], "divide")


@pytest.mark.parametrize("table", written_in_docs("Conditions"))
def test_conditions_as_the_page_writes_them(tmp_path, table):
    condition = read(tmp_path, f"{HEAD}{RULE}when = {{ {table} }}\n", keypoints=MOUSE).rules.rules[0].when
    assert condition.kind in (table.split(" = ")[0], "compare", "all")


@pytest.mark.parametrize("key", [*written_in_docs("The top of the file"), *written_in_docs("Rules")])
def test_keys_of_the_page_are_known(tmp_path, key):
    """A list is nowhere right, and everything else is: so it is this key that is refused, for its value."""
    text = f"{HEAD}{RULE}{WHEN}"
    wrong = f"{key} = [[]]\n"
    text = wrong + text if key in written_in_docs("The top of the file") else text + wrong
    lines = text.splitlines()
    double = [number for number, line in enumerate(lines) if line.startswith(f"{key} =") and line != wrong.strip()]
    for number in double:
        lines[number] = "#"
    with pytest.raises(InputError, match=rf"\b{key}\b") as found:
        read(tmp_path, "\n".join(lines))
    assert "no such key" not in str(found.value)
    assert "does not go with" not in str(found.value)


def test_keys_of_outputs_on_the_page():
    assert sorted(written_in_docs("Outputs")) == sorted(OUTPUT_KEYS)


def test_the_runs_model_and_source_go_before_the_files_own(tmp_path):
    text = EXAMPLE.read_text().replace('model = "mouse-topview"\nframe = [640, 480]', 'model = "gone"')
    rules = read_rules(_written(tmp_path, text), ("tail", "snout"), (300, 300))
    assert rules.rules[0].when.points == (Point(1),)
    with pytest.raises(InputError, match=r"corner\.toml:4: frame = \[640, 480\]: expected 320 x 240, as the source's"):
        read_rules(EXAMPLE, ("snout",), (320, 240))
    with pytest.raises(InputError, match=r"r\.toml:7: zone 'corner': polygon: lies partly outside the frame"):
        read_rules(_written(tmp_path, text), ("snout",), (100, 100))


def _written(tmp_path, text):
    path = tmp_path / "r.toml"
    path.write_text(text)
    return path


@given(
    st.integers(1, 200),
    st.integers(1, 9),
    st.integers(0, 300),
    st.integers(1, 900),
    st.sampled_from([1, 5, 20, 50, 99]),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_trains_are_refused_that_their_own_duty_never_permits(tmp_path, width, pulses, pause, window, percent):
    train = f"pulses = {pulses}\nfrequency_hz = {1000 / (width + pause)!r}\n" if pulses > 1 else ""
    text = f"width_ms = {width}\n{train}duty_percent = {percent}\nduty_window_ms = {window}\n"
    period_ns = (width + pause) * 10**6 if pulses > 1 else 0
    share = percent / 100
    spec = OutputSpec("light", "x", "pulse", 0, width * 10**6, pulses, period_ns, 0.0, NEVER_NS, share, window * 10**6)
    permitted = isinstance(Gate(spec).start(0, 10**12), Permit)
    text = HEAD.replace('"virtual-led"\n', f'"x"\n{text}') + RULE + WHEN
    if permitted:
        assert read(tmp_path, text).rules.outputs[0] == spec
    else:
        with pytest.raises(InputError, match="duty_percent: one start is"):
            read(tmp_path, text)


def test_a_zone_may_be_the_whole_frame(tmp_path):
    text = HEAD.replace("[0, 0, 200, 200]", "[0, 0, 640, 480]") + RULE + WHEN
    assert read(tmp_path, text).rules.rules[0].when.zone.points[2] == (640.0, 480.0)
    assert read(tmp_path, text).rules.text == text


def test_a_model_file_tells_its_keypoints(tmp_path):
    tiny_model.write(tmp_path / "dots.onnx")
    assert keypoints_of(str(tmp_path / "dots.onnx")) == (tiny_model.KEYPOINTS, "one")
    text = 'rules = 1\nmodel = "dots.onnx"\n[[rule]]\nname = "a"\noutputs = []\nwhen = { x = "green", above = 3 }'
    assert read(tmp_path, text).rules.keypoints == tiny_model.KEYPOINTS


def test_points_of_all_kinds(tmp_path):
    def points(first, second):
        return when(tmp_path, f"{{ distance = [{first}, {second}], below = 9 }}").quantity.points

    assert points('"snout"', '"other.snout"') == (Point(0), Point(0, "other"))
    assert points('"centre"', '"intruder.centre"') == (Point(-2), Point(-2, "intruder"))
    assert points('"self.snout"', '"zone:corner"') == (Point(0), Point(-1, "self", 100.0, 100.0))
    assert points("[1, 2.5]", '"resident.tail_base"') == (Point(-1, "self", 1.0, 2.5), Point(5, "resident"))


def test_outside_is_not_inside_and_a_rate_has_its_window(tmp_path):
    outside = when(tmp_path, '{ outside = "corner", keypoint = "snout", hysteresis = 5 }')
    inside = when(tmp_path, '{ inside = "corner", keypoint = "snout", hysteresis = 5 }')
    assert outside == Condition("not", inner=(inside,))
    text = HEAD.replace('"virtual-led"\n', '"virtual-led"\nmax_per_hour = 7\nduty_percent = 5\nduty_window_s = 2\n')
    (light, *_) = read(tmp_path, text + RULE + WHEN).rules.outputs
    assert (light.max_count, light.count_window_ns, light.duty_window_ns) == (7, 3600 * 10**9, 2 * 10**9)


def test_defaults_stand_at_the_top_and_rules_go_before_them(tmp_path):
    text = f"max_age_ms = 40\ngap_ms = 30\nmin_score = 0.5\nmin_id_score = 0.6\n{HEAD}"
    one, two = read(tmp_path, f"{text}{RULE}{WHEN}{RULE}{WHEN}max_age_ms = 20\n".replace('"a"', '"b"', 1)).rules.rules
    assert (one.max_age_ns, one.gap_ns, one.min_score, one.min_id_score) == (40_000_000, 30_000_000, 0.5, 0.6)
    assert (two.max_age_ns, two.gap_ns) == (20_000_000, 30_000_000)


def test_a_mark_and_line_ends_of_windows_do_not_matter(tmp_path):
    text = "\ufeff" + (HEAD + RULE + WHEN + "dwell = 3\n").replace("\n", "\r\n")
    (tmp_path / "r.toml").write_bytes(text.encode())
    with pytest.raises(
        InputError, match=rf"r\.toml:{LINES + 5}: rule 'a': dwell: no such key; did you mean 'dwell_ms'"
    ):
        read_file(tmp_path / "r.toml")
