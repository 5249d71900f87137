from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from dry_runs import crossing, dry_run, rules_text
from posewire.dryrun import pictures
from posewire.dryrun.page import chart, page
from posewire.triggers.file import read_rules

SIZE = (640, 480)


@pytest.fixture
def tried(tmp_path):
    spans = [(n, n + 20) for n in range(30, 1530, 50)]
    poses = crossing(spans, 1600)
    for frame in poses.poses:
        frame[0, 1, 0] = frame[0, 0, 0] + 60
    poses.size = SIZE
    text = rules_text("", "sham_percent = 10", "[zones]\npit = { circle = [150, 60, 50] }").replace(
        'x = "snout", above = 100', 'inside = "pit", keypoint = "snout"'
    )
    text = text.replace('name = "right"', 'name = "<right> & \\"left\\""')
    result, _ = dry_run(tmp_path, poses, text)
    return result, read_rules(tmp_path / "rules.toml", poses.keypoints, SIZE, "one"), poses


def test_pictures_are_evenly_chosen_and_show_half_a_second_before_and_after(tried):
    result, rules, poses = tried
    times = result["rules"][rules.rules[0].name]["times"]
    assert len(times) == 30
    shots = pictures.shots_of(rules.rules[0], times, poses, SIZE)
    assert len(shots) == pictures.MOST
    assert (shots[0].about, shots[-1].about) == (times[0], times[-1])
    frames = [shot.about["frame"] for shot in shots]
    assert frames == sorted(set(frames))
    assert shots[0].places == (5, 30, 55)
    assert pictures.shots_of(rules.rules[0], [], poses, SIZE) == []


def test_a_picture_is_cut_about_the_animal_with_zone_and_keypoints_where_they_are(tried):
    result, rules, poses = tried
    rule = rules.rules[0]
    shot = pictures.shots_of(rule, result["rules"][rule.name]["times"][:1], poses, SIZE)[0]
    area = shot.area
    assert (area.width, area.height) == (320, 240)
    assert area.x == 0
    assert area.y == 0
    images = {poses.frames[place]: np.full((480, 640, 3), 90, np.uint8) for place in shot.places}
    drawn = pictures.picture(shot, rule, poses, images)
    pane = drawn[:, 324:644]  # the middle one; a px of the frame is a px of it
    red, cyan = pane[60, 150], pane[60, 210]
    assert red[2] > 200 > 100 > red[1]
    assert cyan[2] < 100 < 200 < cyan[0]
    assert pane[110, 150, 0] < 90 < pane[110, 150, 2]  # the edge of the zone, 50 px below its centre
    assert (pane[100, 130] != 90).any()  # tinted inside
    assert (pane[150, 150] == 90).all()


def test_frames_that_are_not_there_are_said_so(tried):
    result, rules, poses = tried
    rule = rules.rules[0]
    shot = pictures.shots_of(rule, result["rules"][rule.name]["times"][:1], poses, SIZE)[0]
    drawn = pictures.picture(shot, rule, poses, {})
    assert drawn.shape == (240, 3 * 320 + 8, 3)
    assert drawn[120, 100].tolist() == [24, 24, 24]


class Reader(HTMLParser):
    """What a page is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_needs_nothing_beside_it_and_says_what_was_left_out(tried):
    result, rules, poses = tried
    rule = rules.rules[0]
    shots = pictures.shots_of(rule, result["rules"][rule.name]["times"], poses, SIZE)
    shown = [(pictures.words_of(shot, poses), pictures.picture(shot, rule, poses, {})) for shot in shots]
    content = page(result, rules, {rule.name: shown}, "", False)
    reader = Reader()
    reader.feed(content)
    text = " ".join(reader.text)
    sources = [attrs["src"] for tag, attrs in reader.tags if tag == "img"]
    assert len(sources) == pictures.MOST
    assert all(source is not None and source.startswith("data:image/jpeg;base64,") for source in sources)
    assert not re.search(r"https?://|url\(|<script|<link", content)
    assert '<right> & "left"' in text
    assert "<right>" not in content
    assert "6 of 30 left out, evenly" in text
    assert result["rules"][rule.name]["sentence"] in text
    assert "zone pit" in text


def test_the_chart_has_a_bar_for_each_stretch_as_high_as_its_count():
    times = [{"seconds": s, "kind": kind} for s, kind in ((1, "fired"), (2, "sham"), (3, "fired"), (25, "fired"))]
    bars = re.findall(
        r'<rect x="([\d.]+)" y="([\d.]+)" width="[\d.]+" height="([\d.]+)" fill="(#\w+)"', chart(times, 30.0)
    )
    heights = [float(bar[2]) for bar in bars]
    assert heights == pytest.approx([60, 30, 30])  # two and a sham on top of three, then one
    assert bars[0][3] != bars[1][3]
    assert float(bars[1][1]) + heights[1] == pytest.approx(float(bars[0][1]))
    assert float(bars[2][0]) > float(bars[0][0])
    assert "each minute" in chart(times, 700.0)
