"""What the README shows is what works."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path

from posewire_models.zoo import zoo_names
from program import end, free_endpoint, posewire, start

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_reader_of_the_readme_prints_poses_of_a_live_stream():
    found = re.search(r"```python\n(.*?)```", README, re.DOTALL)
    assert found is not None
    endpoint = free_endpoint()
    stream = start("run", "--source", "synthetic:fps=50", "--publish", endpoint, "--wait-subscribers", 1)
    program = found[1].replace("tcp://127.0.0.1:5555", endpoint)
    with subprocess.Popen([sys.executable, "-u", "-c", program], stdout=subprocess.PIPE, text=True) as reader:
        guard = threading.Timer(90, reader.kill)  # ends the wait for lines if the program is stuck
        guard.start()
        assert reader.stdout is not None
        lines = [reader.stdout.readline() for _ in range(3)]
        guard.cancel()
        reader.kill()
    stream.terminate()
    end(stream)
    for line in lines:
        assert re.fullmatch(r"frame \d+: snout at -?[\d.]+, -?[\d.]+, [\d.]+ ms old\n", line), line


def test_every_command_it_shows_is_a_command():
    verbs = set(re.findall(r"(?<!from )\bposewire ([a-z]+)", re.sub(r"`{3}text.*?`{3}", "", README, flags=re.DOTALL)))
    known = set(re.findall(r"^  ([a-z]+)  ", posewire("--help").stdout, re.MULTILINE))
    assert verbs
    assert verbs <= known


def test_every_file_it_links_to_is_there_and_every_zoo_model_is_listed():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
    assert [name for name in zoo_names() if f"`{name}`" not in README] == []
