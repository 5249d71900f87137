"""docs/first-experiment.md, done as it says: every command of it but the installation, in order, in an empty folder.

Commands are shortened, not changed: the video's first frames alone, and a free port. Where the video is not on this
machine, a drawn mouse takes its place, with the network for it.
"""

from __future__ import annotations

import csv
import re
import shlex
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from paths import shared
from posewire.outputs.log import read_log
from posewire.outputs.virtual_led import VirtualLed
from program import Ended, end, free_endpoint, posewire, start

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "first-experiment.md").read_text(encoding="utf-8")
VIDEO, MODEL = "m3v1mp4.mp4", "mouse-topview"
FRAMES = {"dry-run": 320, "run": 45}  # frame 7 fires, frame 283 is a sham


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def commands() -> list[list[str]]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("posewire ")]


@pytest.fixture
def video(tmp_path) -> str:
    """The source that stands for the page's video."""
    try:
        real = shared("dlc-openfield") / "videos" / VIDEO
    except pytest.skip.Exception:
        return "synthetic:size=640x480,fps=30,seed=5,frames=320"
    shutil.copy(real, tmp_path / VIDEO)
    return VIDEO


def shortened(command: list[str], video: str) -> list[str]:
    verb = command[1] if command[0] == "rules" else command[0]
    model = MODEL if video == VIDEO else "synthetic-animal"
    words = [{VIDEO: video, MODEL: model}.get(word, word) for word in command]
    return [*words, *(("--frames", str(FRAMES[verb])) if verb in FRAMES else ())]


def test_the_page_from_the_first_line_to_the_last(tmp_path, video):
    rules = blocks("toml")[0]
    assert rules == (DOCS / "examples" / "corner.toml").read_text(encoding="utf-8")
    drawn = rules.replace(MODEL, "synthetic-animal").replace(
        "[200, 0], [200, 200], [0, 200]", "[320, 0], [320, 480], [0, 480]"
    )
    (tmp_path / "corner.toml").write_text(rules if video == VIDEO else drawn, encoding="utf-8")
    endpoint = free_endpoint()
    looking = tmp_path / "look.py"
    looking.write_text(blocks("python")[0].replace("tcp://127.0.0.1:5555", endpoint), encoding="utf-8")
    ended: list[tuple[str, Ended]] = []
    seen = ""
    for command in commands():
        call = shortened(command, video)
        if command[0] == "run":
            with subprocess.Popen([sys.executable, str(looking)], stdout=subprocess.PIPE, text=True) as look:
                guard = threading.Timer(90, look.kill)
                guard.start()
                ended.append(("run", end(start(*call, "--publish", endpoint, cwd=tmp_path))))
                assert look.stdout is not None
                while "safe " not in seen and (line := look.stdout.readline()):
                    seen += line
                guard.cancel()
                look.kill()
        else:
            ended.append((" ".join(command[:2]), posewire(*call, cwd=tmp_path)))
        name, one = ended[-1]
        assert one.status == 0, f"{name}: {one.stderr}"
    names = [name for name, _ in ended]
    assert names == ["models list", "rules check", "rules dry-run", "rules dry-run", "run", "rules log"]

    told = {name: one.stdout for name, one in ended}
    assert MODEL in told["models list"]
    assert "light is on (for 2 s at a stretch, 3 times a minute at most)" in told["rules check"]
    dry = told["rules dry-run"]
    assert "these poses are taken" in ended[3][1].stderr
    assert "data:image/jpeg" in (tmp_path / "report.html").read_text(encoding="utf-8")

    # What it said beforehand is what happened.
    first = re.search(r"at [\d:.]+ \(frame (\d+)\)", dry)
    assert first is not None
    log = list(read_log(tmp_path / "session.jsonl"))
    fired = [record for record in log if record["record"] == "fired"]
    assert int(first[1]) + 3 < FRAMES["run"]
    # In real time frames may be skipped, so that another one is the first in which it holds.
    assert abs(fired[0]["frame"] - int(first[1])) <= 3
    assert "fired      light-in-corner frame" in seen
    assert "sent       ['light'] frame -1 on" in seen
    with VirtualLed(tmp_path / "led.bin") as led:
        assert [change.value for change in led.changes()[:1]] == [1.0]
    assert seen.startswith("armed")
    (snippet,) = re.findall(
        r"^```python\n(.*?VirtualLed.*?)^```",
        (DOCS / "outputs.md").read_text(encoding="utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    shown = subprocess.run([sys.executable, "-c", snippet], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert shown.stdout.startswith("False ")
    assert " 1.0 " in shown.stdout.splitlines()[1]

    # Its log is what the controls of another animal go by.
    for control in ("yoked", "matched"):
        given = f'{control} = "session.jsonl"'
        assert f"`{given}`" in PAGE
        text = (tmp_path / "corner.toml").read_text(encoding="utf-8").replace("sham_percent = 20", given)
        (tmp_path / "control.toml").write_text(text, encoding="utf-8")
        checked = posewire("rules", "check", "control.toml", cwd=tmp_path)
        assert checked.status == 0, checked.stderr

    with (tmp_path / "session.csv").open(encoding="utf-8", newline="") as file:
        assert [row["record"] for row in csv.DictReader(file)].count("fired") == len(fired)


def test_the_sentences_on_the_page_are_those_that_are_printed(tmp_path):
    (tmp_path / "corner.toml").write_text(blocks("toml")[0], encoding="utf-8")
    assert posewire("rules", "check", "corner.toml", cwd=tmp_path).stdout == blocks("text")[0]


def test_the_real_light_takes_the_place_of_the_virtual_one(tmp_path):
    virtual, real = blocks("toml")
    before, after = virtual.split("[outputs.light]")
    text = f"{before}{real}\n[[rule]]{after.split('[[rule]]')[1]}"
    (tmp_path / "laser.toml").write_text(text, encoding="utf-8")
    ended = posewire("rules", "check", "laser.toml", cwd=tmp_path)
    assert ended.status == 0, ended.stderr
    assert "1 min in a session" in ended.stdout or "60 s in a session" in ended.stdout


def test_every_page_and_picture_that_it_links_to_is_there():
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []
