"""Dry runs of drawn poses, whose crossings are known."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

import filmed
import tiny_model
from dry_runs import FPS, crossing, dry_run, rules_text
from posewire.closed_loop import ClosedLoop
from posewire.dryrun.nobody import Nobody
from posewire.dryrun.poses import Poses
from posewire.dryrun.supply import Options
from posewire.dryrun.work import DryRun
from posewire.eventmessage import Event
from posewire.frame import Frame
from posewire.outputs.link import Report
from posewire.triggers.file import read_rules
from posewire_models.errors import InputError

MS = 1_000_000


def moments(result, rule="right"):
    return [(one["frame"], one["kind"]) for one in result["rules"][rule]["times"]]


def test_it_fires_when_the_animal_crosses_and_says_when(tmp_path):
    result, _ = dry_run(tmp_path, crossing([(10, 20), (50, 60), (75, 76)], 200), rules_text())
    about = result["rules"]["right"]
    assert moments(result) == [(10, "fired"), (50, "fired"), (75, "fired")]
    assert [one["seconds"] for one in about["times"]] == pytest.approx([0.2, 1.0, 1.5])
    assert (about["fired"], about["sham"], about["busiest_minute"]) == (3, 0, 3)
    assert about["per_minute"] == pytest.approx(3 / 4 * 60)
    assert result["seconds"] == pytest.approx(4.0)
    assert result["outputs"]["light"]["on_ms"] == pytest.approx(30.0)
    assert not list(tmp_path.glob("led*"))


def test_limits_withhold_and_the_reason_is_counted(tmp_path):
    spans = [(n, n + 5) for n in range(10, 200, 20)]
    result, _ = dry_run(tmp_path, crossing(spans, 220), rules_text("max_per_minute = 4", "refractory_ms = 500"))
    about = result["rules"]["right"]
    assert [frame for frame, _ in moments(result)] == [10, 50, 90, 130]
    assert about["withheld"] == {"refractory": 5, "rate": 1}
    assert result["outputs"]["light"]["refused"]["rate"] == 1


def test_an_output_of_mode_while_is_on_as_long_as_it_holds_and_no_longer_than_it_may(tmp_path):
    text = rules_text('mode = "while"\nmax_on_ms = 500')
    result, _ = dry_run(tmp_path, crossing([(10, 20), (100, 160)], 200), text)
    assert result["outputs"]["light"]["on_ms"] == pytest.approx(200.0 + 500.0)


def test_shams_are_those_of_a_session_and_are_not_on(tmp_path):
    spans = [(n, n + 5) for n in range(10, 410, 20)]
    text = rules_text("width_ms = 5", "sham_percent = 40\nblock = 5", "seed = 7")
    result, _ = dry_run(tmp_path, crossing(spans, 420), text)
    kinds = [kind for _, kind in moments(result)]
    assert kinds.count("sham") == 8
    assert all(kinds[n : n + 5].count("sham") == 2 for n in range(0, 20, 5))
    assert result["outputs"]["light"]["on_ms"] == pytest.approx(12 * 5.0)
    assert moments(dry_run(tmp_path, crossing(spans, 420), text)[0]) == moments(result)


def test_a_blinded_file_stays_blind(tmp_path):
    spans = [(n, n + 5) for n in range(10, 210, 20)]
    result, _ = dry_run(tmp_path, crossing(spans, 220), rules_text("", "sham_percent = 50", "blind = true"))
    assert {kind for _, kind in moments(result)} == {"decided"}
    assert result["rules"]["right"]["decided"] == 10
    assert "sham" not in result["rules"]["right"]
    assert set(result["outputs"]["light"]) == {"kind", "mode"}


class Plain:
    """A link that only says that everything was sent."""

    armed, trouble = True, ""

    def __init__(self, clock):
        self.clock, self.reports, self.acts = clock, [], []

    def start(self):
        return []

    def vouch(self, taken_ns):
        pass

    def beat(self):
        pass

    def act(self, output, act):
        self.acts.append((output, act))
        self.reports.append(Report("sent", output, act.event, self.clock(), None, act.what))
        return True

    def record(self, record):
        pass

    def poll(self):
        reports, self.reports = self.reports, []
        return reports

    def disarm(self, why):
        self.armed = False

    def close(self, reason):
        self.armed = False


def test_it_decides_as_the_closed_loop_does(tmp_path):
    """Frame by frame the same loop, on a clock and a link of the test's own."""
    draw = np.random.default_rng(3)
    poses = crossing([], 0)
    x = np.cumsum(draw.normal(0, 12, 600)) + 100
    for n in range(600):
        frame = np.array([[[x[n], 60, draw.random()], [x[n] - 30, 60, 0.8]]], np.float32)
        poses.add(n, round(n * 1e9 / FPS), frame, None, None)
    text = rules_text(
        'mode = "while"\nmax_on_ms = 300\nmax_per_minute = 12',
        "dwell_ms = 60\nsham_percent = 25\nblock = 4\nmin_score = 0.1",
    )
    result, _ = dry_run(tmp_path, poses, text)
    rules = read_rules(tmp_path / "rules.toml", poses.keypoints, poses.size, "one")
    now = [0]
    link = Plain(lambda: now[0])
    events: list[Event] = []
    loop = ClosedLoop(
        rules, session=bytes(16), stream="s", log=Path("unused"), unsafe=False, animals=1, tell=events.append,
        clock=link.clock, make_link=lambda *args, **settings: link,
    )  # fmt: skip
    loop.start(FPS, {})
    image = np.zeros((1, 1), np.uint8)
    for n, time_ns, frame in zip(poses.frames, poses.times_ns, poses.poses, strict=True):
        now[0] = time_ns + 20 * MS
        loop.step(Frame(image, n, time_ns), time_ns, frame, None, None, None)
        loop.poll()
    told = [(event.frame, event.kind) for event in events if event.kind in ("fired", "sham")]
    assert len(told) >= 8
    assert moments(result) == told
    figures = loop.figures(blind=False)
    assert {name: result["rules"]["right"][name] for name in figures["rules"]["right"]} == figures["rules"]["right"]


def test_late_decisions_fire_nothing(tmp_path):
    result, _ = dry_run(tmp_path, crossing([(10, 20)], 50), rules_text(), latency_ms=120.0)
    assert moments(result) == []
    assert result["rules"]["right"]["withheld"] == {"age": 1}


def test_what_nothing_vouches_for_goes_off_as_the_guard_would_have_it(tmp_path):
    poses = crossing([(10, 60)], 80)
    for part in (poses.frames, poses.times_ns, poses.poses, poses.ids, poses.id_scores):
        del part[20:40]  # 0.42 s without a pose
    result, _ = dry_run(
        tmp_path, poses, rules_text('mode = "while"\nmax_on_ms = 5000', top="max_age_ms = 100\ngap_ms = 1000")
    )
    assert result["outputs"]["light"]["safe"] == 1
    first = 9 * 20 + 100 - 20.0  # from the decision on frame 10 until 100 ms after frame 19 was taken
    assert result["outputs"]["light"]["on_ms"] >= first
    assert result["outputs"]["light"]["on_ms"] <= 50 * 20 - 400 + 100


def test_a_rule_that_follows_tells_its_range(tmp_path):
    text = """rules = 1
[outputs.tone]
kind = "virtual-led"
file = "led.bin"
mode = "follow"
[[rule]]
name = "where"
value = { x = "snout" }
from = [0, 200]
to = [0, 1]
output = "tone"
"""
    result, _ = dry_run(tmp_path, crossing([(10, 20)], 40), text)
    assert result["outputs"]["tone"]["values"] == pytest.approx({"least": 0.25, "mean": 0.375, "most": 0.75})
    assert result["rules"]["where"]["times"] == []


def test_a_rule_without_outputs_decides_as_well(tmp_path):
    text = rules_text().replace('output = "light"', "outputs = []")
    result, _ = dry_run(tmp_path, crossing([(10, 20), (30, 35)], 40), text)
    assert moments(result) == [(10, "fired"), (30, "fired")]
    assert result["thresholds"][0]["variants"][-1]["decisions"] == 0  # x above 200


def test_rates_and_keypoints_that_do_not_fit_are_refused(tmp_path):
    poses = crossing([(10, 20)], 40)
    with pytest.raises(InputError, match="gray values"):
        dry_run(tmp_path, poses, rules_text().replace('x = "snout"', "gray = [0, 0, 9, 9]"))
    with pytest.raises(InputError, match="no keypoint is called 'paw'"):
        dry_run(tmp_path, poses, rules_text().replace('"snout"', '"paw"'))
    with pytest.raises(InputError, match="has no keypoint 'leftear'"):
        dry_run(tmp_path, poses, rules_text(top='model = "mouse-topview"'))
    with pytest.raises(InputError, match="--lead-ms"):
        dry_run(tmp_path, poses, rules_text(rule='use = "predicted"'))
    with pytest.raises(InputError, match="--fps"):
        dry_run(tmp_path, poses, rules_text(), fps=0.0)
    with pytest.raises(InputError, match="no option"):
        dry_run(tmp_path, poses, rules_text().replace("file =", "fill ="))


def test_a_table_takes_the_rate_of_the_rules_file(tmp_path):
    lines = ["scorer,n,n,n", "bodyparts,snout,snout,snout", "coords,x,y,likelihood"]
    lines += [f"{n},{150 if 10 <= n < 20 else 50},60,0.9" for n in range(40)]
    (tmp_path / "poses.csv").write_text("\n".join(lines), encoding="utf-8")
    (tmp_path / "rules.toml").write_text(rules_text(top="fps = 10"), encoding="utf-8")
    options = Options(tmp_path / "rules.toml", str(tmp_path / "poses.csv"))
    result = DryRun(options, lambda line: None, threading.Event()).run(lambda: None)
    assert [one["seconds"] for one in result["rules"]["right"]["times"]] == pytest.approx([1.0])


def test_a_least_score_hides_keypoints_of_kept_poses_as_well(tmp_path):
    poses = crossing([(10, 20), (30, 35)], 40)
    poses.poses[10][0, 0, 2] = poses.poses[11][0, 0, 2] = 0.3
    assert moments(dry_run(tmp_path, poses, rules_text())[0]) == [(10, "fired"), (30, "fired")]
    assert moments(dry_run(tmp_path, poses, rules_text(), min_score=0.5)[0]) == [(12, "fired"), (30, "fired")]


def test_frames_and_a_stop_end_it(tmp_path):
    poses = crossing([(10, 20), (50, 60)], 80)
    assert dry_run(tmp_path, poses, rules_text(), frames=30)[0]["frames"] == 30
    stop, said = threading.Event(), []
    stop.set()
    options = Options(tmp_path / "rules.toml", str(tmp_path / "poses.npz"))
    result = DryRun(options, said.append, stop).run(lambda: None)
    assert result["frames"] == 0
    assert any("stopped" in line for line in said)


def test_animals_keep_their_names(tmp_path):
    poses = Poses(("snout",), fps=FPS, animals="many", about={"made": "by a test"})
    for n in range(40):
        rows = np.array([[[150.0 if n >= 10 + 10 * a else 50.0, 60, 0.9]] for a in range(2)], np.float32)
        poses.add(n, round(n * 1e9 / FPS), rows, np.array([4, 7]), np.ones(2, np.float32))
    result, _ = dry_run(tmp_path, poses, rules_text())
    assert [(one["frame"], one["animal"]) for one in result["rules"]["right"]["times"]] == [(10, 4), (20, 7)]


def test_a_train_that_is_cut_was_on_until_then():
    from posewire.outputs.device import Act
    from posewire.outputs.spec import OutputSpec

    spec = OutputSpec("light", "virtual-led", "pulse", width_ns=10 * MS, count=5, period_ns=30 * MS)
    now = [0]
    nobody = Nobody([spec], log=Path(), header={}, max_age_ns=[75 * MS], stream="s", unsafe=False, clock=lambda: now[0])
    nobody.start()
    nobody.vouch(0)
    assert nobody.act(0, Act(0, "pulse", 1.0, 0, "rule", 0, 0, 0))
    nobody.wait(200 * MS)  # 0-10, 30-40, 60-70 were on; at 75 nothing vouches any more
    assert nobody.on_ms == [30.0]
    assert [report.kind for report in nobody.poll()] == ["sent", "safe"]
    now[0] = 200 * MS
    nobody.act(0, Act(1, "pulse", 1.0, 0, "rule", 0, 0, 0))
    assert [report.kind for report in nobody.poll()] == ["failed"]


def film_of(folder, name="film.avi"):
    tiny_model.write(folder / "dots.onnx")
    return filmed.film(folder / name, filmed.dots(12))


def on_film(folder, film, **options):
    (folder / "rules.toml").write_text(rules_text().replace('"snout"', '"blue"'), encoding="utf-8")
    options = {"rules": folder / "rules.toml", "on": str(film), "model": str(folder / "dots.onnx"), **options}
    return DryRun(Options(**options), lambda line: None, threading.Event()).run(lambda: None)


def test_kept_poses_are_taken_if_they_are_those_that_would_be_found(tmp_path):
    film, kept = film_of(tmp_path), tmp_path / "kept.npz"
    assert on_film(tmp_path, film, poses=kept, frames=8)["frames"] == 8
    assert on_film(tmp_path, film, poses=kept, frames=5)["frames"] == 5
    with pytest.raises(InputError, match="the first 8 frames only"):
        on_film(tmp_path, film, poses=kept)
    with pytest.raises(InputError, match="of another min_score"):
        on_film(tmp_path, film, poses=kept, frames=8, min_score=0.9)
    filmed.film(tmp_path / "other.avi", filmed.dots(9))
    with pytest.raises(InputError, match="of another recording"):
        on_film(tmp_path, tmp_path / "other.avi", poses=kept, frames=8)
    with pytest.raises(InputError, match="is for poses of a video"):
        on_film(tmp_path, kept, poses=kept)


def test_sources_without_an_end_are_refused(tmp_path):
    film_of(tmp_path)
    with pytest.raises(InputError, match="has no end"):
        on_film(tmp_path, "synthetic:size=128x128")
    with pytest.raises(InputError, match="a dry run is of a recording"):
        on_film(tmp_path, "camera:0")
