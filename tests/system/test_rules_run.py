"""`posewire run --rules`: the real program with its guard, judged by what others see of it."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq

from posewire.outputs.log import read_log
from posewire.outputs.virtual_led import VirtualLed
from program import ANY_PORT, Ended, end, free_endpoint, posewire, start

MARKED = "marked:every=16,on=5,seed=3|synthetic:size=256x256,fps=60"
MARK = "{ gray = [8, 8, 32, 32], above = 128 }"
RULES = f"""rules = 1
max_age_ms = 2000
TOP
[outputs.light]
kind = "virtual-led"
file = "led.bin"
width_ms = 20
OUTPUT
[[rule]]
name = "mark"
when = {MARK}
output = "light"
RULE
"""


def rules(folder: Path, top: str = "", output: str = "", rule: str = "", name: str = "rules.toml") -> Path:
    text = RULES.replace("TOP", top).replace("OUTPUT", output).replace("RULE", rule)
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def events_of(endpoint: str, process: subprocess.Popen[str]) -> list[tuple[str, dict[str, Any]]]:
    """Every message of any topic until the program ends, read with nothing but ZeroMQ and msgpack."""
    messages = []
    with zmq.Context() as context, context.socket(zmq.SUB) as socket:
        socket.set(zmq.RCVHWM, 0)
        socket.subscribe(b"")
        socket.connect(endpoint)
        ended = False
        while not ended:
            ended = process.poll() is not None
            while socket.poll(300 if ended else 50):
                topic, payload = socket.recv_multipart()
                messages.append((topic.decode(), msgpack.unpackb(payload)))
    return messages


def run(folder: Path, file: Path, *more: object, frames: int = 150) -> tuple[Ended, list[tuple[str, dict[str, Any]]]]:
    endpoint = free_endpoint()
    process = start(
        "run", "--source", MARKED, "--frames", frames, "--publish", endpoint, "--wait-subscribers", 1, "--rules", file,
        "--log", folder / "log.jsonl", "--json", *more, cwd=folder,
    )  # fmt: skip
    drained: list[Ended] = []
    reader = threading.Thread(target=lambda: drained.append(end(process)))
    reader.start()
    messages = events_of(endpoint, process)
    reader.join()
    return drained[0], messages


def test_a_rule_acts_is_told_and_logged(tmp_path: Path) -> None:
    ended, messages = run(tmp_path, rules(tmp_path))
    assert ended.status == 0, ended.stderr
    report = ended.report["rules"]
    fired = report["rules"]["mark"]["fired"]
    assert fired >= 5
    with VirtualLed(tmp_path / "led.bin") as led:
        rises = [change for change in led.changes() if change.value > 0]
    assert [change.event for change in rises] == list(range(fired))
    events = [content for topic, content in messages if topic == "event/main"]
    assert [one["seq"] for one in events] == list(range(len(events)))
    assert [one["event"] for one in events if one["kind"] == "fired"] == list(range(fired))
    by_number = {one["event"]: one for one in events if one["kind"] == "fired"}
    for rise in rises:
        told = by_number[rise.event]
        assert told["stamps"]["grabbed"] < told["stamps"]["decided"] < rise.time_ns
    # The decision is on the wire before the pose of its frame.
    frames = [content["frame"] for topic, content in messages if topic in ("event/main", "pose/main") and (
        topic == "pose/main" or content["kind"] == "fired")]  # fmt: skip
    assert frames == sorted(frames)
    assert all(frames.count(one["frame"]) == 2 for one in by_number.values())
    reader = read_log(tmp_path / "log.jsonl")
    records = list(reader)
    assert reader.end is not None
    assert reader.end.state == "closed"
    assert [one["event"] for one in records if one["record"] == "fired"] == list(range(fired))
    assert records[0]["rules"] == (tmp_path / "rules.toml").read_text(encoding="utf-8")
    health = [content for topic, content in messages if topic == "health/main"]
    assert health[0]["rules"]["armed"]
    assert not health[-1]["rules"]["armed"]
    assert health[-1]["frames"]["offered"] == health[-1]["frames"]["processed"] + health[-1]["frames"]["skipped"]
    assert ended.report["latency_ms"]["rules"]["p50"] > 0
    assert report["latency_ms"]["decided_to_sent"]["p50"] > 0


def test_a_blinded_session_hides_which_decisions_are_not_sent(tmp_path: Path) -> None:
    file = rules(tmp_path, "seed = 5\nblind = true", rule="sham_percent = 50\nblock = 4")
    ended, messages = run(tmp_path, file)
    counts = ended.report["rules"]["rules"]["mark"]
    assert counts["sham"] >= 2
    assert abs(counts["fired"] - counts["sham"]) <= 2
    with VirtualLed(tmp_path / "led.bin") as led:
        lit = {change.event for change in led.changes() if change.value > 0}
    arms = {
        one["event"]: one["record"] for one in read_log(tmp_path / "log.jsonl") if one["record"] in ("fired", "sham")
    }
    assert lit == {event for event, arm in arms.items() if arm == "fired"}
    shown = {content["kind"] for topic, content in messages if topic == "event/main"}
    assert "decided" in shown
    assert not shown & {"fired", "sham", "sent", "acknowledged"}
    health = [content["rules"] for topic, content in messages if topic == "health/main"]
    assert not any("fired" in one["rules"]["mark"] for one in health)
    assert "sham" not in ended.stderr.partition("armed;")[2]


def test_yoked_replays_the_times_of_another_session(tmp_path: Path) -> None:
    ended, _ = run(tmp_path, rules(tmp_path))
    (tmp_path / "log.jsonl").rename(tmp_path / "first.jsonl")
    file = rules(tmp_path, rule='yoked = "first.jsonl"', name="yoked.toml")
    again, _ = run(tmp_path, file)
    assert again.report["rules"]["rules"]["mark"]["fired"] == ended.report["rules"]["rules"]["mark"]["fired"]
    first, second = (
        [one["since_first_ns"] for one in read_log(tmp_path / name) if one["record"] == "fired"]
        for name in ("first.jsonl", "log.jsonl")
    )
    period = 1e9 / 60
    # Each in the first processed frame at or after its time.
    assert all(0 <= later - at <= 12 * period for at, later in zip(first, second, strict=True))


def test_limits_hold_for_all_rules_together(tmp_path: Path) -> None:
    more = f'[[rule]]\nname = "again"\nwhen = {MARK}\noutput = "light"'
    ended, messages = run(tmp_path, rules(tmp_path, output="max_per_minute = 3", rule=more))
    report = ended.report["rules"]
    assert report["outputs"]["light"]["starts"] == 3
    withheld = [content["reason"] for topic, content in messages if topic == "event/main" and
                content["kind"] == "withheld"]  # fmt: skip
    assert withheld.count("rate") == report["outputs"]["light"]["refused"]["rate"] > 3


@pytest.mark.parametrize(
    ("change", "arguments", "says"),
    [
        ({"rule": "min_scor = 0.5"}, [], "rules.toml:13: .*min_score"),
        ({"output": "pim = 3"}, [], "'pim'"),
        ({"rule": 'use = "predicted"'}, [], "--lead-ms"),
        ({}, ["--log", "rules.toml"], "never written over"),
        ({"rule": 'yoked = "nothing.jsonl"'}, [], "nothing.jsonl"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_opened(
    tmp_path: Path, change: dict[str, str], arguments: list[str], says: str
) -> None:
    file = rules(tmp_path, **change)
    ended = posewire(
        "run", "--source", "synthetic:frames=5", "--publish", ANY_PORT, "--rules", file, *arguments, cwd=tmp_path
    )
    assert ended.status == 2
    assert re.search(says, ended.stderr), ended.stderr
    assert not (tmp_path / "led.bin").exists()


def test_without_a_name_the_log_gets_one_of_its_own(tmp_path: Path) -> None:
    for _ in range(2):
        ended = posewire(
            "run", "--source", "synthetic:size=256x256,fps=100,frames=5", "--pace", "max", "--publish", ANY_PORT,
            "--rules", rules(tmp_path), "--json", cwd=tmp_path,
        )  # fmt: skip
        assert ended.status == 0, ended.stderr
        assert Path(tmp_path / ended.report["rules"]["log"]).is_file()
    logs = sorted(tmp_path.glob("main-*.log.jsonl"))
    assert len(logs) == 2
    first = json.loads(logs[0].read_text(encoding="utf-8").splitlines()[0].partition("\t")[0])
    assert first["stream"] == "main"


def test_frames_of_another_size_disarm(tmp_path: Path) -> None:
    source = "fault:resize=30:128x128|" + MARKED
    endpoint = free_endpoint()
    ended = posewire(
        "run", "--source", source, "--frames", 60, "--publish", endpoint, "--rules", rules(tmp_path), "--log",
        tmp_path / "log.jsonl", "--json", cwd=tmp_path,
    )  # fmt: skip
    assert ended.status == 1
    assert "DISARMED" in ended.stderr
    assert "128x128: the rules were armed for 256x256" in ended.report["rules"]["trouble"]
    assert ended.report["frames"]["processed"] > 30


def test_rules_bring_their_model_and_are_no_rig_file(tmp_path: Path) -> None:
    file = rules(tmp_path, 'model = "mouse-topview"')
    ended = posewire("run", "--source", MARKED, "--frames", 5, "--publish", ANY_PORT, "--rules", file, "--json",
                     cwd=tmp_path)  # fmt: skip
    assert ended.report["model"] == "mouse-topview"
    ended = posewire("run", file, cwd=tmp_path)
    assert (ended.status, "give it as --rules" in ended.stderr) == (2, True)
