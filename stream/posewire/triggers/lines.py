"""Where things stand in a TOML text: the line of every table, key and array element, which `tomllib` does not tell.

The scanner follows the grammar of TOML 1.0 just far enough to know where a value begins and ends; it is given texts
that `tomllib` has read already, so that it needs no errors of its own.
"""

from __future__ import annotations

import re
import sys
from bisect import bisect_right

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SCALAR = re.compile(r"[^,\]}#\n]*")
# Longest first. A multi-line string may end in up to two quotes of its own before the three that close it.
_STRINGS = (
    re.compile(r'"""(?:[^"\\]|\\.|"(?!""))*"{3,5}', re.DOTALL),
    re.compile(r"'''(?:[^']|'(?!''))*'{3,5}", re.DOTALL),
    re.compile(r'"(?:[^"\\\n]|\\.)*"'),
    re.compile(r"'[^'\n]*'"),
)


def line_numbers(text: str) -> dict[Path, int]:
    """The line (from 1) on which each thing of a valid TOML text begins, by its path.

    A path is the keys from the top and the indices of array elements: ``("rule", 0, "when", "inside")``. A table that
    is only spoken of in a dotted key or in the header of a table inside it stands where that is first said.
    """
    return _Scanner(text.replace("\r\n", "\n")).scan()


class _Scanner:
    """One pass over the text: ``at`` is the place of the next character, ``found`` what is known so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, int] = {}
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.elements: dict[Path, int] = {}  # how many elements each array of tables has so far

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        while True:
            self.skip()
            if self.at >= len(self.text):
                return self.found
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)

    def skip(self) -> None:
        """Over blanks, line ends and comments."""
        match = _BLANK.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def note(self, path: Path, place: int) -> None:
        self.found.setdefault(path, bisect_right(self.starts, place))

    def header(self) -> Path:
        """``[a.b]`` or ``[[a.b]]``: the path of the table that follows."""
        begin = self.at
        several = self.text.startswith("[[", self.at)
        self.at += 2 if several else 1
        path: Path = ()
        keys = self.keys()
        for number, key in enumerate(keys):
            path = (*path, key)
            self.note(path, begin)
            if several and number == len(keys) - 1:
                self.elements[path] = self.elements.get(path, 0) + 1
            if path in self.elements:
                path = (*path, self.elements[path] - 1)
                self.note(path, begin)
        self.at += 2 if several else 1
        return path

    def pair(self, table: Path) -> None:
        """``key = value``, in a table or an inline table."""
        begin = self.at
        path = table
        for key in self.keys():
            path = (*path, key)
            self.note(path, begin)
        self.at += 1  # the equals sign
        self.skip()
        self.value(path)

    def keys(self) -> list[str]:
        """A key, dotted or not, up to what follows it and its blanks."""
        keys = []
        while True:
            self.skip()
            if bare := _BARE.match(self.text, self.at):
                keys.append(bare.group())
                self.at = bare.end()
            else:
                begin = self.at
                self.string()
                # Escapes are tomllib's business.
                keys.append(str(tomllib.loads(f"key = {self.text[begin : self.at]}")["key"]))
            self.skip()
            if not self.text.startswith(".", self.at):
                return keys
            self.at += 1

    def string(self) -> bool:
        for pattern in _STRINGS:
            if match := pattern.match(self.text, self.at):
                self.at = match.end()
                return True
        return False

    def value(self, path: Path) -> None:
        first = self.text[self.at]
        if first == "[":
            self.array(path)
        elif first == "{":
            self.inline(path)
        elif not self.string():
            match = _SCALAR.match(self.text, self.at)
            self.at = match.end() if match else self.at

    def array(self, path: Path) -> None:
        self.at += 1
        number = 0
        while True:
            self.skip()
            if self.text[self.at] == "]":
                self.at += 1
                return
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self.note((*path, number), self.at)
            self.value((*path, number))
            number += 1

    def inline(self, path: Path) -> None:
        self.at += 1
        while True:
            self.skip()
            if self.text[self.at] == "}":
                self.at += 1
                return
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self.pair(path)
