"""What a rules file cannot say is refused, with its line."""

from __future__ import annotations

import pytest

from posewire.triggers.file import read_file
from posewire_models.errors import InputError
from rules_files import (
    DIAL,
    HEAD,
    LINES,
    RULE,
    WHEN,
    read,
)

WRONG_RULES = [
    ('[[rule]]\nname = 5  #!\noutput = "light"', "rule 1: name = 5: expected a name of its own"),
    ("[[rule]] #!\noutput = 'light'", "rule 1: name: missing; expected a name of its own"),
    (RULE.replace("]]\n", "]] #!\n"), "expected one of when (a condition) and value"),
    (RULE + WHEN + "animal = 'residnt' #!", "no role is called 'residnt'; did you mean 'resident'?; there are any,"),
    (RULE + WHEN + "use = 'guessed' #!", 'use = "guessed": expected one of measured, predicted'),
    (RULE + WHEN + "dwell_ms = -1 #!", "dwell_ms = -1: expected a number of ms, 0 or more"),
    (RULE + WHEN + "dwell_ms = true #!", "dwell_ms = true: expected a number of ms"),
    (RULE + WHEN + "dwell_ms = nan #!", "dwell_ms = NaN: expected a number of ms"),
    (RULE + WHEN + "dwell = 5 #!", "dwell: no such key; did you mean 'dwell_ms'?"),
    (RULE + WHEN + "max_age_ms = 0 #!", "max_age_ms = 0: expected a number of ms, above 0"),
    (RULE + WHEN + "gap_ms = 1e-9 #!", "gap_ms = 1e-09: expected a number of ms, above 0"),
    (RULE + WHEN + "min_score = 1.5 #!", "min_score = 1.5: expected a score from 0 to 1"),
    (RULE + WHEN + "armed_from_s = 5\narmed_until_s = 5 #!", "armed_until_s: must be later than armed_from_s"),
    (RULE + WHEN + "block = 4 #!", "block: is the number of decisions among which shams are drawn; give sham_percent"),
    (RULE + WHEN + "yoked = 'old.log' #!", "old.log: no such log"),
    (RULE + WHEN + "yoked = 'x'\nmatched = 'y' #!", "yoked and matched: each takes the place of the rule's decisions"),
    (RULE + WHEN + "dwell_ms = 1e300 #!", "expected a number of ms, 0 or more, 4611686018427.39 at most"),
    (RULE + WHEN + "random_per_minute = 1e9 #!", "expected a number above 0, 60000 at most"),
    (RULE + WHEN + "sham_percent = 101 #!", "sham_percent = 101: expected a number from 0 to 100"),
    (RULE + WHEN + "sham_percent = 5\nblock = 1_000_001 #!", "expected how many decisions, 1 or more, 1000000 at most"),
    (RULE + WHEN + "from = [0, 1] #!", "from: is for rules with value, not with when"),
    (RULE + WHEN + RULE.replace('"a"', '"a" #!') + WHEN, f"name: line {LINES + 1} has a rule of this name"),
    (RULE.replace('"light"', '"lihgt" #!') + WHEN, "output: no output is called 'lihgt'; did you mean 'light'?"),
    (RULE.replace('output = "light"', 'outputs = "light" #!') + WHEN, 'outputs = "light": expected a list of names'),
    (RULE.replace('output = "light"', 'outputs = ["light", "light"] #!') + WHEN, "outputs: 'light' stands there twice"),
    ('[[rule]] #!\nname = "a"\n' + WHEN, 'expected one of output = "light" and outputs'),
    (DIAL + WHEN.replace("}\n", "} #!\n"), "when: output 'dial' follows a value in every frame; give value"),
    (RULE + "value = { x = 'snout' } #!", "value: output 'light' is of mode pulse; give when"),
    (DIAL.replace("]]", "]] #!") + "value = { x = 'snout' }", "from: missing; expected [low, high]"),
    (DIAL + "value = { x = 'snout' }\nfrom = [1, 0] #!", "the lower one first; to turn it around"),
    (DIAL + "value = { x = 'snout' }\nfrom = [0, 1]\nto = [2, 2] #!", "to = [2, 2]: expected two different numbers"),
    (DIAL + "value = { x = 'snout' }\ndwell_ms = 5 #!", "dwell_ms: is for rules with when"),
    (
        DIAL + "value = { x = 'snout' }\nfrom = [0, 1]\nto = [0, 1]\n"
        "[[rule]]\nname = 'b'\noutput = 'dial'\nvalue = { x = 'snout' } #!\nfrom = [0, 1]\nto = [0, 1]",
        "value: output 'dial' follows rule 'a' already",
    ),
    (RULE + "dwell_ms = 5 #!\nwhen = { enter = 'corner', keypoint = 'snout' }", "in a single frame, as enter is"),
    (
        RULE + "repeat_ms = 5 #!\nwhen = { all = [{ inside = 'corner', keypoint = 'snout' }, "
        "{ peak = { x = 'snout' }, prominence = 3 }] }",
        "in a single frame, as peak is, and cannot last, to fire again",
    ),
]
CORNER = "corner = { rectangle = [0, 0, 200, 200] }"
WRONG_TOPS = [
    ("rules = 1", "rules = 2 #!", "rules = 2: expected rules = 1, the version"),
    ("rules = 1", "rules = true #!", "rules = true: expected rules = 1"),
    ("synthetic-animals", 'synthetic-anmals" #!\n# "', "did you mean 'synthetic-animals'"),
    ("frame = [640, 480]", "frame = [640, 0] #!", "frame = [640, 0]: expected [width, height]"),
    ("frame =", "fraem = [1, 2] #!\nframe =", "fraem: no such key; did you mean 'frame'?"),
    ("frame =", "blind = 1 #!\nframe =", "blind = 1: expected true or false"),
    (
        CORNER,
        "corner = { rectangl = [0, 0, 9, 9] } #!",
        "zone 'corner': rectangl: no such key; did you mean 'rectangle'",
    ),
    (CORNER, "corner = { } #!", "zone 'corner': expected one of polygon, rectangle, circle, found none"),
    (CORNER, "corner = { circle = [1, 2, 0] } #!", "circle: its area is 0: the radius must be above 0"),
    (CORNER, "corner = { circle = [9, 9, 9.6] } #!", "circle: lies partly outside the frame: x -0.6 to 18.6"),
    (CORNER, "corner = { rectangle = [640, 0, 9, 9] } #!", "lies partly outside the frame"),
    (CORNER, "corner = { rectangle = [641, 0, 9, 9] } #!", "lies wholly outside the frame"),
    (CORNER, "corner = { rectangle = [1, 0, 0, 9] } #!", "width and height must be above 0, not 0 and 9"),
    (CORNER, "corner = { polygon = [[0, 0], [9, 9]] } #!", "2 different corners; a polygon has at least 3"),
    (CORNER, "corner = { polygon = [[0, 0], [9, 9], [5, 5]] } #!", "all corners lie on one line"),
    (CORNER, "corner = {\\\n", "not valid TOML"),
    ("intruder = 1", "intruder = 0 #!", "[roles]: intruder = 0: resident has this id already"),
    ("intruder = 1", "intruder = -1 #!", "[roles]: intruder = -1: expected the id of an animal"),
    ("intruder = 1", "other = 1 #!", "[roles]: other: a role cannot be called that"),
    ("[roles]", "[roles]  #!", "the model finds one animal; leave the roles out"),
    ('mode = "while"', 'mode = "whil" #!', 'mode = "whil": expected one of pulse, while, toggle, follow; did you'),
    (
        'mode = "while"\nmax_on_ms = 2000',
        'mode = "while" #!',
        "output 'lamp': mode = \"while\": needs the longest time",
    ),
    ("max_on_ms = 2000", "max_on_ms = 2000\nwidth_ms = 5 #!", "width_ms: not for mode while: it is on as long as"),
    ('mode = "follow"', 'mode = "follow"\nmax_dose_s = 5 #!', "max_dose_s: not for mode follow"),
    ('kind = "virtual-led"', "safe = 1 #!\nkind = 'x'", "safe: not for mode pulse: a value that follows is for"),
    (
        '[outputs.light]\nkind = "virtual-led"',
        "[outputs.light] #!",
        "output 'light': kind: missing; expected what it is",
    ),
    (
        '[outputs.light]\nkind = "virtual-led"',
        "[outputs.bulb]\nkind = 'virtual-led'\nfile = 'a'\n"
        "[outputs.light] #!\nkind = 'virtual-led'\nfile = 'a'\nmax_on_ms = 50",
        "output 'light': is the device of output 'bulb' again; limits hold for one output",
    ),
    (
        '[outputs.light]\nkind = "virtual-led"',
        "[outputs.bulb]\nkind = 'mine'\nat = 3\n[outputs.light] #!\nkind = 'mine'\nat = 3",
        "output 'light': is the device of output 'bulb' again",
    ),
    (
        '[outputs.lamp]\nkind = "serial"',
        "[outputs.bulb]\nkind = 'serial'\nport = 'COM3'\npin = 5\nchannel = 1\n"
        "[outputs.lamp] #!\nkind = 'serial'\nport = 'COM3'\npin = 5\nactive_low = true",
        "output 'lamp': is the device of output 'bulb' again",
    ),
    (
        'kind = "virtual-led"',
        "kind = 'x'\npulses = 10001 #!\nfrequency_hz = 5",
        "pulses = 10001: expected how many pulses, from 1 to 10000",
    ),
    ('kind = "virtual-led"', "kind = 'x'\npulses = 3 #!", "pulses = 3: needs frequency_hz"),
    ('kind = "virtual-led"', "kind = 'x'\nfrequency_hz = 3 #!", "frequency_hz: is for trains; give pulses"),
    (
        'kind = "virtual-led"',
        "kind = 'x'\npulses = 2\nfrequency_hz = 101 #!",
        "each is 10 ms long (width_ms); at most 100 Hz",
    ),
    ('kind = "virtual-led"', "kind = 'x'\nmax_on_ms = 9 #!", "one start is 10 ms on at a stretch"),
    (
        'kind = "virtual-led"',
        "kind = 'x'\nmax_dose_ms = 19 #!\npulses = 2\nfrequency_hz = 5",
        "20 ms on, more than the dose",
    ),
    (
        'kind = "virtual-led"',
        "kind = 'x'\nduty_percent = 10 #!\nduty_window_ms = 250\npulses = 9\nfrequency_hz = 10",
        "duty_percent: one start is 40 ms on within 250 ms (100 ms more, for what may shift it), which is 16 %",
    ),
    ('kind = "virtual-led"', "kind = 'x'\nmax_per_hour = 0 #!", "max_per_hour = 0: expected how many starts"),
    (
        'kind = "virtual-led"',
        "kind = 'x'\nmax_per_hour = 5\nmax_per_second = 1 #!",
        "max_per_hour and max_per_second: give one",
    ),
    (
        'kind = "virtual-led"',
        "kind = 'x'\nduty_window_s = 5\nduty_window_ms = 5 #!",
        "duty_window_s and duty_window_ms",
    ),
]


def refused(tmp_path, text, said_so):
    """Whether a text is refused in one line that names the line marked with ``#!``, with a sentence that begins so."""
    line = next((number for number, words in enumerate(text.split("\n"), 1) if "#!" in words), None)
    with pytest.raises(InputError) as found:
        read(tmp_path, text)
    said = str(found.value)
    assert found.value.exit_status == 2
    assert "\n" not in said
    assert said_so in said
    if line is not None:
        assert said.startswith(f"{tmp_path / 'r.toml'}:{line}: ")


@pytest.mark.parametrize(("text", "sentence"), WRONG_RULES, ids=[sentence for _, sentence in WRONG_RULES])
def test_a_wrong_rule_is_refused_with_its_line(tmp_path, text, sentence):
    refused(tmp_path, HEAD + text, sentence)


@pytest.mark.parametrize(("old", "new", "sentence"), WRONG_TOPS, ids=[sentence for _, _, sentence in WRONG_TOPS])
def test_what_else_is_wrong_is_refused_with_its_line(tmp_path, old, new, sentence):
    head = HEAD.replace("synthetic-animals", "synthetic-animal") if "one animal" in sentence else HEAD
    assert old in head
    refused(tmp_path, head.replace(old, new, 1) + RULE + WHEN, sentence)


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("{ inside = 'corner' }", "rule 'a': keypoint: missing; expected the keypoint that is to be there"),
        ("{ inside = 'conrer', keypoint = 'snout' }", "inside: no zone is called \"conrer\"; did you mean 'corner'?"),
        ("{ inside = 'corner', keypoint = 'snuot' }", "keypoint: no keypoint is called 'snuot'; did you mean 'snout'?"),
        ("{ inside = 'corner', keypoint = 'intruder.snuot' }", "did you mean 'intruder.snout'?"),
        (
            "{ inside = 'corner', keypoint = 'intuder.snout' }",
            "no animal is called 'intuder'; did you mean 'intruder'?",
        ),
        ("{ inside = 'corner', keypoint = 'zone:corner' }", "a fixed place is always, or never, in a zone"),
        (
            "{ insid = 'corner', keypoint = 'snout' }",
            "insid: no such key; did you mean 'inside'?; expected a condition",
        ),
        ("{ keypoint = 'snout' }", "expected a condition, one of inside, outside"),
        ("{ x = 'snout', y = 'snout', above = 3 }", "x and y in one table; give one of them"),
        ("{ x = 'snout' }", "x is compared with nothing; give above, below or between"),
        ("{ x = 'snout', above = 3, level = 5 }", "level: does not go with the other keys here"),
        ("{ x = 'snout', above = 3, between = [1, 2] }", "between: goes without above and below"),
        ("{ x = 'snout', above = 3, below = 3 }", "above: nothing is above 3 and below 3; exchange them"),
        (
            "{ heading = ['neck', 'snout'], between = [170, -170] }",
            "nothing is above 170 and below -170; what reaches across 180 and -180 degrees is "
            "any = [{ ..., above = 170 }, { ..., below = -170 }]",
        ),
        ("{ phase = { x = 'snout' }, over_ms = 900, between = [350, 10] }", "across 360 and 0 degrees"),
        (
            "{ angle = ['snout', 'neck', 'spine'], between = [90, 10] }",
            "nothing is above 90 and below 10; exchange them",
        ),
        ("{ x = 'snout', above = 640 }", "x is never above 640: it lies between -1 and 640"),
        ("{ x = [1, 2], above = 640 }", "x of places that are fixed never changes"),
        ("{ distance = ['snout', 'centre'], below = 0 }", "distance is never below 0: it is 0 or more"),
        ("{ distance = ['snout', 'snout'], below = 9 }", "2 different points; one is given twice"),
        ("{ distance = 'snout', below = 9 }", "distance: expected 2 points"),
        ("{ angle = ['snout', 'neck', 'spine'], above = 180 }", "angle is never above 180"),
        ("{ score = 'snout', above = 1 }", "score is never above 1"),
        ("{ score = 'centre', above = 0.5 }", "score is of a keypoint, not of a centre"),
        ("{ gray = [0, 0, 9, 9], above = 255 }", "gray is never above 255"),
        ("{ gray = [0, 0, 641, 9], above = 5 }", "reaches to (641, 9), outside the frame of 640 x 480 px"),
        ("{ gray = [0, 0, 6.5, 9], above = 5 }", "expected [x, y, width, height] in whole px"),
        ("{ speed = 'snout', above = 5, window_ms = 0 }", "window_ms = 0: expected a number of ms, above 0"),
        ("{ zscore = { speed = 'snout' }, above = 5 }", "over_ms: missing; expected a number of ms"),
        ("{ zscore = 'snout', over_ms = 5, above = 5 }", 'zscore = "snout": expected the table of a quantity'),
        ("{ zscore = " * 7 + "{ x = 'snout' }" + ", over_ms = 5 }" * 7, "more than 5 quantities inside each other"),
        ("{ posture = { snout = [0, 0], neck = [1, 1] }, below = 0.3 }", "at least 3 different points"),
        ("{ posture = { snout = [0, 0], neck = 5 }, below = 0.3 }", "neck: expected its place [x, y] in the template"),
        ("{ classifier = 'net.onnx', window = 5, above = 0.5 }", "net.onnx: no such file; a classifier is looked up"),
        ("{ rising = { score = 'snout' }, level = 1.5 }", "score is never below 1.5 first and then at 1.5"),
        ("{ rising = { distance = ['snout', 'neck'] }, level = 0 }", "distance is never below 0 first and then at 0"),
        ("{ falling = { score = 'snout' }, level = 0.9, hysteresis = 0.2 }", "score is never above 1.1 first"),
        ("{ rising = { x = 'snout' } }", "level: missing; expected the number that is to be crossed"),
        ("{ peak = { score = 'snout' }, prominence = 2 }", "score never changes by 2: it lies between 0 and 1"),
        ("{ trough = { x = 'snout', above = 3 }, prominence = 2 }", "above: no such key"),
        (
            "{ sequence = [{ enter = 'corner', keypoint = 'snout' }], within_ms = 9 }",
            "1 conditions; expected 2 or more",
        ),
        ("{ all = [] }", "all: 0 conditions; expected 1 or more"),
        ("{ all = { x = 'snout', above = 3 } }", "expected a list of conditions"),
        ("{ expr = 'speed(snout)' }", "expr is compared with nothing; give above"),
        ("{ expr = 'speed(snuot) > 3' }", "expr: at 'snuot' (character 7): no keypoint is called 'snuot'"),
        ("{ expr = 'speed(snout) > 3', above = 3 }", "above: does not go with the other keys here; there are expr"),
        (
            "{" + "not = {" * 25 + "inside = 'corner', keypoint = 'snout'" + "}" * 26,
            "more than 20 conditions inside each",
        ),
    ],
)
def test_a_wrong_condition_is_refused_with_its_line(tmp_path, table, sentence):
    refused(tmp_path, f"{HEAD}{RULE}\nwhen = {table} #!\n", sentence)


def test_the_line_is_that_of_the_part(tmp_path):
    text = f"{HEAD}{RULE}when = {{ all = [\n {{ x = 'snout', above = 3 }},\n {{ x = 'snuot', above = 3 }}, #!\n] }}\n"
    refused(tmp_path, text, "x: no keypoint is called 'snuot'")


def test_other_animals_need_a_model_of_several(tmp_path):
    head = HEAD.replace("synthetic-animals", "synthetic-animal").replace("[roles]\nresident = 0\nintruder = 1\n", "")
    text = f"{head}{RULE}when = {{ distance = ['snout', 'other.snout'], below = 9 }} #!\n"
    refused(tmp_path, text, "'other' is another animal, and the model finds one")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"rules = 1\nmodel = \n", r"r\.toml:2: not valid TOML: .*, column 9"),
        (b"rules = 1\n\nmodel = [", r"r\.toml:3: not valid TOML"),
        (b"rules = 1\n# \xff", r"r\.toml:2: not UTF-8"),
        (b"x = " + b"[" * 5000, r"r\.toml:1: not valid TOML"),
        (b"rules = 1\nmodel = 'synthetic-animal'\n", r"r\.toml:1: no rule; expected rules, each under its own"),
        (b"rules = 1\nmodel = 'synthetic-animal'\n[[rules2]]\n", r"r\.toml:3: rules2: no such key"),
        (b"rules = 1\n[[rule]]\nname = 'a'\n", r"r\.toml:1: no model is known; give --model"),
        (b"rules = 1\n[[rules]]\n", r"r\.toml:2: not valid TOML: .* each rule stands under its own \[\[rule\]\]"),
        (b"[[rules]]\n", r"r\.toml:1: rules = .*; each rule stands under its own \[\[rule\]\]"),
        ("rules = 1\n[zones]\nEcke_Süd = 3\n".encode(), r"r\.toml:3: .* such as 'ü' stands in quotes: \"Ecke_Süd\""),
        ("[outputs.Ölkanne-2]\n".encode(), r"r\.toml:1: .* such as 'Ö' stands in quotes: \"Ölkanne-2\""),
        (b"", r"r\.toml:1: rules: missing; expected rules = 1"),
    ],
)
def test_what_is_no_rules_file_is_refused(tmp_path, content, sentence):
    (tmp_path / "r.toml").write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        read_file(tmp_path / "r.toml")


def test_devices_that_differ_and_messages_that_do_not_are_taken(tmp_path):
    rows = [
        "kind = 'osc'\nport = 9",
        "kind = 'osc'\nport = 9",
        "kind = 'zmq'",
        "kind = 'zmq'",
        "kind = 'virtual-led'\nfile = 'a'",
        "kind = 'virtual-led'\nfile = 'b'",
        "kind = 'serial'\nport = 'COM3'\npin = 5",
        "kind = 'serial'\nport = 'COM3'\npin = 6",
        "kind = 'serial'\nport = 'COM4'\npin = 5",
    ]
    outputs = "".join(f"[outputs.o{n}]\n{row}\n" for n, row in enumerate(rows))
    found = read(tmp_path, f"{HEAD}{outputs}{RULE}{WHEN}").rules.outputs
    assert len(found) == len(rows) + 3


def test_a_train_as_long_as_it_may_be_is_taken(tmp_path):
    head = HEAD.replace('"virtual-led"\n', '"virtual-led"\npulses = 10000\nfrequency_hz = 50\n')
    assert read(tmp_path, head + RULE + WHEN).rules.outputs[0].count == 10_000


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.toml: no such file"):
        read_file(tmp_path / "nowhere.toml")
    with pytest.raises(InputError, match="cannot be read"):
        read_file(tmp_path)
