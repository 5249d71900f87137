"""`posewire rules check`, as a user types it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from posewire.outputs.log import CHAIN_START, encode
from program import posewire

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "corner.toml"


def test_each_rule_and_output_is_one_line():
    ended = posewire("rules", "check", EXAMPLE)
    assert (ended.status, ended.stderr) == (0, "")
    rule, output = ended.stdout.splitlines()
    assert rule.startswith(
        "light-in-corner: while the snout is inside corner, after 200 ms of it, light is on (for 2 s"
    )
    assert output.startswith("light: virtual-led (file = led.bin); on as long as a rule holds;")


def test_json_tells_lines_hash_and_warnings(tmp_path):
    file = tmp_path / "corner.toml"
    file.write_text(EXAMPLE.read_text().replace("dwell_ms = 200", "dwell_ms = 200\nmax_age_ms = 30"))
    ended = posewire("rules", "check", file, "--fps", "60", "--json")
    assert ended.status == 0, ended.stderr
    report = ended.report
    lines = file.read_text().splitlines()
    (rule,), (output,) = report["rules"], report["outputs"]
    assert (rule["name"], lines[rule["line"] - 1]) == ("light-in-corner", "[[rule]]")
    assert rule["sentence"].endswith("never on a pose older than 30 ms.")
    assert (output["name"], lines[output["line"] - 1]) == ("light", "[outputs.light]")
    assert report["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert [lines[warning["line"] - 1] for warning in report["warnings"]] == ["[[rule]]"]
    assert "less than two frames at 60 frames/s" in report["warnings"][0]["text"]


@pytest.mark.parametrize(
    ("old", "new", "options", "sentence"),
    [
        ('"snout"', '"snuot"', (), "corner.toml:19: rule 'light-in-corner': keypoint: no keypoint is called 'snuot'"),
        ("[200, 200]", "[200, 700]", (), "corner.toml:8: zone 'corner': polygon: lies partly outside the frame"),
        (
            "max_per_minute = 3",
            "max_dosis_s = 3",
            (),
            "output 'light' (virtual-led): no option 'max_dosis_s'; known are file; max_dosis_s is taken for an option "
            "of the kind virtual-led; or is max_dose_s meant?",
        ),
        ("rules = 1", "rules = ", (), "corner.toml:2: not valid TOML"),
        ("", "", ("--frame", "320x240"), "corner.toml:4: frame = [640, 480]: expected 320 x 240"),
        ("", "", ("--frame", "320"), "--frame 320: expected WIDTHxHEIGHT in px"),
        ("", "", ("--model", "fly-topview"), "no keypoint is called 'snout'"),
        ("", "", ("--model", "mose-topview"), "did you mean 'mouse-topview'?"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(tmp_path, old, new, options, sentence):
    (tmp_path / "corner.toml").write_text(EXAMPLE.read_text().replace(old, new, 1))
    ended = posewire("rules", "check", "corner.toml", *options, cwd=tmp_path)
    assert (ended.status, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith("posewire: ")
    assert sentence in line


def log_of(path: Path, *records: dict[str, object]) -> None:
    """A closed log in which the first frame was at 0 s."""
    end = {"record": "end", "reason": "closed", "counts": {}, "time_ns": 60_000_000_000}
    chain, lines = CHAIN_START, []
    for n, record in enumerate([{"record": "header", "format": 1, "outputs": [], "time_ns": 1}, *records, end]):
        line, chain = encode(record, n, chain)
        lines.append(line)
    path.write_bytes(b"".join(lines))


def times_of(rule: str) -> tuple[dict[str, object], dict[str, object]]:
    about = {"rule": rule, "time_ns": 5, "decided": 5}
    return (
        {"record": "fired", "event": 0, "since_first_ns": 5, **about},
        {"record": "ended", "event": 1, "of": 0, "since_first_ns": 9, **about},
    )


@pytest.mark.parametrize(
    ("control", "sentence"),
    [
        ("random_per_minute = 3", "random_per_minute starts pulses, and its output is of mode while"),
        ('yoked = "other.jsonl"', "other.jsonl no rule of this name fired"),
        ('matched = "other.jsonl"', "other.jsonl no rule of this name fired"),
        ('yoked = "text.jsonl"', "text.jsonl"),
    ],
)
def test_a_control_that_a_run_would_refuse_is_refused_with_its_line(tmp_path, control, sentence):
    log_of(tmp_path / "other.jsonl", *times_of("another"))
    (tmp_path / "text.jsonl").write_text("no log\n")
    text = EXAMPLE.read_text().replace("sham_percent = 20", control)
    (tmp_path / "corner.toml").write_text(text)
    ended = posewire("rules", "check", "corner.toml", cwd=tmp_path)
    assert (ended.status, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert line.startswith(f"posewire: corner.toml:{text.splitlines().index('[[rule]]') + 1}: ")
    assert sentence in line


@pytest.mark.parametrize("control", ["yoked", "matched"])
def test_the_log_of_the_same_rule_is_taken(tmp_path, control):
    log_of(tmp_path / "session.jsonl", *times_of("light-in-corner"))
    text = EXAMPLE.read_text().replace("sham_percent = 20", f'{control} = "session.jsonl"')
    (tmp_path / "corner.toml").write_text(text)
    ended = posewire("rules", "check", "corner.toml", cwd=tmp_path)
    assert ended.status == 0, ended.stderr


@pytest.mark.parametrize("mode", ["while", "toggle"])
def test_a_lasting_output_without_a_watchdog_is_warned_of(tmp_path, mode):
    text = EXAMPLE.read_text().replace('kind = "virtual-led"\nfile = "led.bin"', 'kind = "osc"\nport = 9000')
    text = text.replace('mode = "while"', f'mode = "{mode}"')
    (tmp_path / "corner.toml").write_text(text)
    ended = posewire("rules", "check", "corner.toml", "--json", cwd=tmp_path)
    assert ended.status == 0, ended.stderr
    warnings = [one for one in ended.report["warnings"] if "--unsafe" in one["text"]]
    assert [text.splitlines()[one["line"] - 1] for one in warnings] == ["[outputs.light]"]
    assert f"mode '{mode}'" in warnings[0]["text"]


def test_the_group_shows_its_verbs():
    ended = posewire("rules", "--help")
    assert ended.status == 0
    assert "check" in ended.stdout
