"""`posewire rules dry-run`: the real command on films whose crossings are known."""

from __future__ import annotations

import base64
import re

import cv2
import numpy as np
import pytest

import filmed
import tiny_model
from posewire.sources.marked import marks
from program import posewire

RULES = """rules = 1
model = "dots.onnx"
[zones]
right = { rectangle = [120, 0, 119, 159] }
[outputs.light]
kind = "virtual-led"
file = "led.bin"
mode = "while"
max_on_ms = 2000
[[rule]]
name = "right"
when = { inside = "right", keypoint = "blue" }
output = "light"
dwell_ms = 100
"""
INSIDE = (20, 30)  # frames: with a dwell of 100 ms (3 frames) it fires in frame 23


@pytest.fixture
def film(tmp_path):
    places = [150 if INSIDE[0] <= n < INSIDE[1] else 40 for n in range(60)]
    images = [tiny_model.draw({"blue": (x, 80), "green": (x + 40, 85), "red": (x + 60, 60)}, 240, 160) for x in places]
    tiny_model.write(tmp_path / "dots.onnx")
    (tmp_path / "rules.toml").write_text(RULES, encoding="utf-8")
    return filmed.film(tmp_path / "film.avi", images)


def test_it_tells_shows_and_keeps_what_it_would_have_done_with_a_video(film, tmp_path):
    call = ("rules", "dry-run", "rules.toml", "--on", "film.avi", "--poses", "kept.npz")
    shown = ("--out", "report.html", "--strip", "strip.png")
    first = posewire(*call, *shown, "--json", cwd=tmp_path)
    assert first.status == 0, first.stderr
    about = first.report["rules"]["right"]
    assert [(one["frame"], one["kind"], one["animal"]) for one in about["times"]] == [(23, "fired", 0)]
    assert about["times"][0]["seconds"] == pytest.approx(23 / 30)
    assert first.report["outputs"]["light"]["on_ms"] == pytest.approx(7 / 30 * 1e3, abs=0.01)
    assert (first.report["frames"], first.report["fps"]) == (60, 30.0)
    assert "poses kept in kept.npz" in first.stderr

    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page)
    assert len(pictures) == 1
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(pictures[0]), np.uint8), cv2.IMREAD_COLOR)
    factor = 320 / 240
    for pane, x in enumerate((40, 150, 40)):  # before, at, after: where the blue dot is
        at = round((x + 0.5) * factor) + pane * 324, round(80.5 * factor)
        spot = picture[at[1] - 1 : at[1] + 2, at[0] - 1 : at[0] + 2].reshape(-1, 3).mean(axis=0)
        assert spot[2] > 180 > 100 > spot[0], (pane, spot)  # the first keypoint is drawn red
    assert cv2.imread(str(tmp_path / "strip.png")).shape[1] > 1900

    # Its own poses, with the video for pictures, and without it: the same.
    again = posewire(*call, *shown, "--json", cwd=tmp_path)
    assert again.report == first.report
    assert "these poses are taken" in again.stderr
    alone = posewire("rules", "dry-run", "rules.toml", "--on", "kept.npz", *shown, "--json", cwd=tmp_path)
    assert {**alone.report, "on": "film.avi"} == first.report
    assert "no pictures" in alone.stderr
    assert "data:image" not in (tmp_path / "report.html").read_text(encoding="utf-8")

    # Nothing but what was asked for is there: no light, no log.
    there = {path.name for path in tmp_path.iterdir()}
    assert there == {"film.avi", "dots.onnx", "rules.toml", "kept.npz", "report.html", "strip.png"}

    people = posewire("rules", "dry-run", "rules.toml", "--on", "kept.npz", cwd=tmp_path).stdout
    assert "fired 1 time: 30.00 a minute, 1 in the busiest minute" in people
    assert "at 00:00.767 (frame 23)" in people
    assert "light: on for 0.23 s in all" in people
    assert re.search(r"right: dwell_ms = 100 +1 +1 +1 +1 +1 +1 +1|no difference.*dwell_ms", people)

    other = posewire("analyze", "film.avi", "--model", "dots.onnx", "--format", "csv", cwd=tmp_path)
    assert other.status == 0, other.stderr
    table = posewire("rules", "dry-run", "rules.toml", "--on", "film.posewire.csv", "--json", cwd=tmp_path)
    assert [one["frame"] for one in table.report["rules"]["right"]["times"]] == [23]


def test_gray_values_are_those_of_the_video(tmp_path):
    spec = "marked:every=16,on=5,seed=3|synthetic:size=128x128,fps=60,frames=80"
    text = """rules = 1
max_age_ms = 2000
[outputs.light]
kind = "virtual-led"
file = "led.bin"
[[rule]]
name = "mark"
when = { gray = [8, 8, 32, 32], above = 128 }
output = "light"
"""
    (tmp_path / "rules.toml").write_text(text, encoding="utf-8")
    call = ("rules", "dry-run", "rules.toml", "--on", spec, "--model", "synthetic-animal", "--poses", "kept.npz")
    expected = []
    for mark in marks(3, 16):
        if mark.frame >= 80:
            break
        expected.append(mark.frame)
    for _ in range(2):  # with the network, then with kept poses
        ended = posewire(*call, "--json", cwd=tmp_path)
        assert ended.status == 0, ended.stderr
        assert [one["frame"] for one in ended.report["rules"]["mark"]["times"]] == expected


def test_what_cannot_be_tried_is_refused_in_one_line(film, tmp_path):
    ended = posewire("rules", "dry-run", "rules.toml", "--on", "film.avi", "--out", "report.pdf", cwd=tmp_path)
    assert ended.status == 2
    assert ended.stderr.splitlines()[-1].startswith("posewire: --out report.pdf: expected a file ending in .html")
    assert not (tmp_path / "report.pdf").exists()
