"""Line numbers of TOML texts: of texts written in many ways, and that every path of `tomllib` has one."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire.triggers.lines import line_numbers

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

KEYS = st.sampled_from(["a", "b-1", "rule", "left ear", 'quo"te', "dot.ted", "ä", "#no", "[x]", "7", "'"])
TEXTS = st.text(st.sampled_from(list("ab #[]{}=,.'\"\\\n\tä")), max_size=8)
LEAVES = st.one_of(st.integers(-9, 9), st.booleans(), st.sampled_from([0.5, -1e30]), TEXTS)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


class Writer:
    """Writes data as TOML in a way that is drawn, and keeps the line that each path first stands on."""

    def __init__(self, data: st.DataObject) -> None:
        self.draw = lambda *words: data.draw(st.sampled_from(words))
        self.text = ""
        self.lines: dict[tuple[Any, ...], int] = {}

    def note(self, *path: Any) -> None:
        self.lines.setdefault(path, self.text.count("\n") + 1)

    def put(self, text: str) -> None:
        self.text += text

    def blank(self) -> None:
        self.put(self.draw("", "", " ", "\n", " # [a] = {'\"\n", "\n\n"))

    def key(self, key: str) -> str:
        if key.replace("-", "").isascii() and key.replace("-", "").isalnum():
            return self.draw(key, f'"{key}"')
        return json.dumps(key, ensure_ascii=self.draw(True, False))

    def pair(self, path: tuple[Any, ...], key: str, value: Any, lead: str = "") -> None:
        """One key, or as many dotted keys as a table's values come to."""
        dotted = lead + self.key(key)
        if isinstance(value, dict) and value and self.draw(True, False):
            for number, (inner, its) in enumerate(value.items()):
                if number:
                    self.put("\n")
                self.note(*path, key)
                self.pair((*path, key), inner, its, dotted + self.draw(".", " . "))
            return
        self.note(*path, key)
        self.put(dotted + self.draw(" = ", "="))
        self.value((*path, key), value)

    def value(self, path: tuple[Any, ...], value: Any) -> None:
        if isinstance(value, str):
            self.string(value)
        elif isinstance(value, dict):
            self.put("{")
            for number, (key, inner) in enumerate(value.items()):
                self.put(", " if number else " ")
                self.note(*path, key)
                self.put(self.key(key) + " = ")
                self.value((*path, key), inner)
            self.put(" }")
        elif isinstance(value, list):
            self.put("[")
            for number, inner in enumerate(value):
                self.blank()
                self.note(*path, number)
                self.value((*path, number), inner)
                self.blank()
                self.put("," if number < len(value) - 1 else self.draw("", ","))
            self.blank()
            self.put("]")
        else:
            self.put(json.dumps(value))

    def string(self, value: str) -> None:
        kind = self.draw("basic", "literal", "long", "long literal")
        if kind == "literal" and not set("'\n\t") & set(value):
            self.put(f"'{value}'")
        elif kind == "long literal" and "'''" not in value and not value.endswith("''") and "\t" not in value:
            self.put(f"'''\n{value}'''")
        elif kind == "long":
            self.put('"""\n' + value.replace("\\", "\\\\").replace('"""', '""\\"') + '"""')
        else:
            self.put(json.dumps(value))

    def table(self, path: tuple[Any, ...], header: str, table: dict[str, Any]) -> None:
        """Pairs first, then what has a header of its own."""
        later = []
        for key, value in table.items():
            rows = isinstance(value, list) and value and all(isinstance(row, dict) for row in value)
            if (isinstance(value, dict) or rows) and self.draw(True, False):
                later.append((key, value))
                continue
            self.blank()
            self.pair(path, key, value)
            self.put(self.draw("\n", " # it's\n"))
        for key, value in later:
            dotted = header + ("." if header else "") + self.key(key)
            for row, inner in enumerate(value) if isinstance(value, list) else [(None, value)]:
                self.blank()
                self.note(*path, key)
                inside = (*path, key) if row is None else (*path, key, row)
                self.note(*inside)
                self.put(f"[{dotted}]\n" if row is None else f"[[{dotted}]]\n")
                self.table(inside, dotted, inner)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(KEYS, VALUES, max_size=4), st.data(), st.sampled_from(["\n", "\r\n"]))
def test_every_thing_has_the_line_that_it_was_written_on(table, data, end):
    writer = Writer(data)
    writer.table((), "", table)
    text = writer.text.replace("\n", end)
    assert tomllib.loads(text) == table
    assert line_numbers(text) == writer.lines


def paths(value: Any, path: tuple[Any, ...] = ()) -> set[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {path, *(found for key, its in inner for found in paths(its, (*path, key)))} - {()}


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", {}),
        ("a.b.c = 1", {("a",): 1, ("a", "b"): 1, ("a", "b", "c"): 1}),
        ("\n[a.b]\nc = 1\n[a]\nd = 2", {("a",): 2, ("a", "b"): 2, ("a", "b", "c"): 3, ("a", "d"): 5}),
        ("x = 1979-05-27 07:32:00Z\ny = -inf", {("x",): 1, ("y",): 2}),
        ('x = """a""\\"""""\ny = \'\'\'b\'\'\'\'\'', {("x",): 1, ("y",): 2}),
        (
            "[[r]]\n[[r.s]]\nt = 1\n[[r.s]]\n[[r]]\n[r.u]\nv = 2",
            {
                ("r",): 1,
                ("r", 0): 1,
                ("r", 0, "s"): 2,
                ("r", 0, "s", 0): 2,
                ("r", 0, "s", 0, "t"): 3,
                ("r", 0, "s", 1): 4,
                ("r", 1): 5,
                ("r", 1, "u"): 6,
                ("r", 1, "u", "v"): 7,
            },
        ),
    ],
)
def test_what_the_writer_does_not_write(text, lines):
    assert line_numbers(text) == lines
    assert paths(tomllib.loads(text)) == set(lines)
