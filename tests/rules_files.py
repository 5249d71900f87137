"""Rules files as tests write them: a head that all share, and what reads them."""

from __future__ import annotations

from pathlib import Path

from posewire.triggers.file import read_file

DOCS = Path(__file__).parents[1] / "docs"
EXAMPLE = DOCS / "examples" / "corner.toml"
HEAD = """rules = 1
model = "synthetic-animals"
frame = [640, 480]
[zones]
corner = { rectangle = [0, 0, 200, 200] }
[roles]
resident = 0
intruder = 1
[outputs.light]
kind = "virtual-led"
[outputs.lamp]
kind = "serial"
mode = "while"
max_on_ms = 2000
[outputs.dial]
kind = "osc"
mode = "follow"
"""
LINES = HEAD.count("\n")
RULE = '[[rule]]\nname = "a"\noutput = "light"\n'
DIAL = RULE.replace("light", "dial")
MOUSE = ("snout", "leftear", "rightear", "tailbase")
WHEN = 'when = { inside = "corner", keypoint = "snout" }\n'


def read(tmp_path, text, **given):
    path = tmp_path / "r.toml"
    path.write_text(text, encoding="utf-8")
    return read_file(path, **given)


def when(tmp_path, table):
    return read(tmp_path, f"{HEAD}{RULE}when = {table}\n").rules.rules[0].when
