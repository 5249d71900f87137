"""The words of an expression in a rules file: numbers, names, quoted names and signs, each with its place."""

from __future__ import annotations

import re
from dataclasses import dataclass

from posewire.triggers.tables import Unfit

_TOKEN = re.compile(
    r"""(?P<blank>\s+)
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<name>[^\W\d]\w*(?:\.\w+)*)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    |(?P<sign><=|>=|[-+*/(),=<>])
    """,
    re.VERBOSE | re.DOTALL,
)
_MENDS = {
    "==": "numbers are hardly ever equal; give a range: abs(a - b) < 0.5",
    "!=": "numbers are hardly ever equal; give a range: abs(a - b) > 0.5",
    "&": "write `and`",
    "|": "write `or`",
    "!": "write `not`",
    "**": "there are + - * /",
    "^": "there are + - * /",
    "%": "there are + - * /",
    "[": "a fixed place is at(100, 200)",
    '"': "a quote is not closed",
    "'": "a quote is not closed",
}


@dataclass(frozen=True)
class Token:
    """``kind``: ``number``, ``name``, ``text`` (``word`` without its quotes), ``sign`` or ``end``; ``at`` from 1."""

    kind: str
    word: str
    at: int


def tokens(text: str) -> list[Token]:
    """The words of ``text``, and an ``end``. Raises Unfit for a sign that means nothing."""
    found = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        sign = text[at : at + 2] if text[at : at + 2] in _MENDS else text[at]
        if match is None or sign in ("==", "**"):
            mend = f"; {_MENDS[sign]}" if sign in _MENDS else ""
            raise Unfit(f"{sign!r} at character {at + 1} means nothing here{mend}")
        kind = match.lastgroup or ""
        word = match.group()
        if kind == "text":
            word = re.sub(r"\\(.)", r"\1", word[1:-1], flags=re.DOTALL)
        if kind != "blank":
            found.append(Token(kind, word, at + 1))
        at = match.end()
    return [*found, Token("end", "", len(text) + 1)]
