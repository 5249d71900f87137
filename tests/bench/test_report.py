"""`evaluate --report`: one file that needs nothing outside it and shows what the figures tell."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

import several_model
import tiny_model
from dot_labels import write_set
from posewire.session import load_model
from posewire_bench.accuracy import evaluate
from posewire_bench.provenance import card_beside, provenance
from posewire_bench.worst import area_round, worst_animals
from posewire_models.errors import InputError
from posewire_training.images import ImageRef
from program import posewire

VOID = {"meta", "img", "br", "path", "use", "rect", "line"}


class Page(HTMLParser):
    """Checks that elements close in order, and keeps what they point at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.pointed: list[str] = []
        self.ids: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        for name, value in attributes:
            assert not name.startswith("on"), f"{name} is a script"
            if name in ("src", "href", "xlink:href", "srcset", "data", "action"):
                self.pointed.append(value)
            if name == "id":
                self.ids.append(value)
            self.pointed += re.findall(r"url\(([^)]*)\)", value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.words += data
        assert "@import" not in data


@pytest.fixture
def swapped(tmp_path):
    """The tiny model, and labels in some of which blue and red (mirror partners) are exchanged."""
    rng = np.random.default_rng(0)
    frames = []
    for n in range(24):
        x, y = rng.uniform(20, 90), rng.uniform(20, 120)
        at = {"blue": (x, y), "green": (x + 50, y + 5), "red": (x + 80, y + 30)}
        labels = dict(at, blue=at["red"], red=at["blue"]) if n in (5, 9) else dict(at)
        if n > 12:
            del labels["green"]
        frames.append((at, labels))
    return tiny_model.write(tmp_path / "dots.onnx"), write_set(tmp_path, frames)


def test_the_report_is_one_whole_file(tmp_path, swapped):
    model, labels = swapped
    report = tmp_path / "out.html"
    ended = posewire("evaluate", model, labels, "--report", report, "--json")
    assert ended.status == 0, ended.stderr
    text = report.read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert not page.tags & {"script", "link", "iframe", "object", "embed", "base", "image"}
    assert page.pointed
    for place in page.pointed:
        assert place.startswith(("#", "data:image/png;base64,")), place
        if place.startswith("#"):
            assert place[1:] in page.ids
    assert not re.search(r"https?://|\b//", re.sub(r"base64,[^\"]*", "", text))
    found = ended.report
    assert found["confusions"]["left_right"] == 4
    assert f"{found['mean_px']:.2f}" in page.words
    assert "4 left-right, 0 head-tail, 0 other" in page.words
    assert "unknown whether it learned from these frames" in page.words
    for name in tiny_model.KEYPOINTS:
        assert name in page.words
    pictures = re.findall(r'src="data:image/png;base64,([^"]*)"', text)
    assert len(pictures) == 6
    for data in pictures:
        assert cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR).shape[1] >= 700


def test_scores_of_absent_keypoints_ask_for_a_temperature(tmp_path, swapped):
    """The dots without label are found with high scores: too sure, so T rises; left out they do not count."""
    model, labels = swapped
    absent = evaluate(str(model), labels, report=tmp_path / "out.html")["calibration"]
    assert absent["scores"] == 72
    assert absent["correct"] == 72 - 11 - 4
    assert absent["temperature"] > 1
    assert absent["ece_tempered"] < absent["ece"]
    page = Page((tmp_path / "out.html").read_text(encoding="utf-8"))
    assert f"tempered, T = {absent['temperature']:.2f}" in page.words
    assert evaluate(str(model), labels, empty="unknown")["calibration"]["scores"] == 61


def test_the_report_of_several_animals(tmp_path):
    herd = several_model.write(tmp_path / "herd.onnx")
    cv2.imwrite(str(tmp_path / "0.png"), several_model.draw([(40, 50), (60, 150)]))
    points = several_model.points([(40, 50), (60, 150)])[0]
    rows = ["scorer" + ",me" * 12, "individuals" + ",one" * 6 + ",two" * 6]
    rows += ["bodyparts" + ",blue,blue,green,green,red,red" * 2, "coords" + ",x,y" * 6]
    rows.append("0.png," + ",".join(str(float(value)) for value in points.ravel()))
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    evaluate(str(herd), tmp_path / "labels.csv", report=tmp_path / "out.html")
    page = Page((tmp_path / "out.html").read_text(encoding="utf-8"))
    assert "OKS mAP" in page.words
    assert "1.000" in page.words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--report", "out.pdf"], "expected a file ending in .html"),
        (["--report", "nowhere/out.html"], "no folder nowhere"),
        (["--empty", "absnt"], "did you mean"),
        (["--animals", "0"], "at least 1"),
        (["--held-out"], "does not lie in the folder of a run"),
    ],
)
def test_bad_options_are_told_in_one_line(tmp_path, swapped, arguments, words):
    ended = posewire("evaluate", *swapped, *arguments, cwd=tmp_path)
    assert ended.status == 2
    assert words in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1


def test_a_card_tells_whether_labels_were_learned_from(tmp_path, swapped):
    model, labels = swapped
    assert card_beside(load_model(str(model))) is None
    card = {"sha256": load_model(str(model)).sha256, "settings": {"data": {"labels": [{"file": "labels.csv"}]}}}
    model.with_suffix(".json").write_text(json.dumps(card))
    assert evaluate(str(model), labels)["learned_from_labels"] is True
    model.with_suffix(".json").write_text(json.dumps(card | {"sha256": "another"}))
    assert evaluate(str(model), labels)["learned_from_labels"] is None

    def seen(*names):
        return provenance({"settings": {"data": {"labels": list(names)}}}, Path("/data/mice/m4/Collected.csv")).seen

    assert seen("mice/m4/Collected.csv") is True
    assert seen("other/a.csv", "mice/*/Collected.csv") is True
    assert seen("mice/m5/Collected.csv") is False
    assert seen() is None
    assert provenance({"settings": {"phantom": {"width": 640}}}, labels).seen is False


def test_frames_that_the_run_held_out_are_known_and_can_be_measured_alone(tmp_path, swapped):
    model, labels = swapped
    names = [f"{tmp_path.name}/{n}.png" for n in (1, 5, 7)]
    record = {"keypoints": list(tiny_model.KEYPOINTS), "held_out": {"how": "3 random frames", "frames": names}}
    (tmp_path / "run.json").write_text(json.dumps(record))
    every = evaluate(str(model), labels)
    assert (every["frames"], every["learned_from_labels"]) == (24, True)
    ended = posewire("evaluate", model, labels, "--held-out", "--report", tmp_path / "out.html", "--json")
    assert ended.status == 0, ended.stderr
    assert (ended.report["frames"], ended.report["learned_from_labels"]) == (3, False)
    assert ended.report["confusions"]["left_right"] == 2
    assert "held all 3 frames out: 3 random frames" in Page((tmp_path / "out.html").read_text(encoding="utf-8")).words
    (tmp_path / "run.json").write_text(json.dumps(record | {"held_out": {"how": "1", "frames": ["other/1.png"]}}))
    assert evaluate(str(model), labels)["learned_from_labels"] is None  # this run says nothing of these frames
    with pytest.raises(InputError, match="none of the 1 frames held out"):
        evaluate(str(model), labels, held_out=True)


def test_of_neighbours_in_a_video_only_the_worst_is_shown():
    errors = np.array([5.0, 9, 8, 7, 6])[:, None, None]
    video = [ImageRef(Path("a.mp4"), n) for n in (0, 10, 14, 19, 20)]
    assert worst_animals(errors, 40, images=video) == [(1, 0), (4, 0), (0, 0)]
    pictures = [ImageRef(Path(f"{n}.png")) for n in range(5)]
    assert len(worst_animals(errors, 40, images=pictures)) == 5


def test_the_worst_animal_of_each_frame_worst_first():
    errors = np.array([[[1, 2], [9, 9]], [[np.nan, 30], [np.inf, 1]], [[np.nan, np.nan]] * 2, [[4, 4], [2, 2]]])
    assert worst_animals(errors, 40) == [(1, 0), (0, 1), (3, 0)]
    assert worst_animals(errors, 80) == [(1, 1), (0, 1), (3, 0)]
    assert worst_animals(errors, 40, count=1) == [(1, 0)]


def test_the_area_holds_all_points_inside_the_image():
    rng = np.random.default_rng(1)
    for _ in range(50):
        width, height = rng.integers(20, 900, 2).tolist()
        points = rng.uniform(0, 1, (5, 2)) * (width - 1, height - 1)
        points[rng.integers(5)] = np.nan
        area = area_round(points.astype(np.float32), width, height)
        assert area.x >= 0
        assert area.y >= 0
        assert area.x + area.width <= width
        assert area.y + area.height <= height
        inside = points[np.isfinite(points).all(axis=1)] - (area.x, area.y)
        assert (inside >= -0.51).all()
        assert (inside <= np.array([area.width, area.height])).all()
