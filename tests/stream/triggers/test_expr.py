"""Expressions: against Python's own reading of the same text, and what is refused."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire.triggers.expr import DEEPEST, LONGEST, parse
from posewire.triggers.names import Names
from posewire.triggers.rules import Condition, Point, Quantity, Zone
from posewire.triggers.tables import Unfit

ZONE = Zone("corner", ((0.0, 0.0), (9.0, 0.0), (9.0, 9.0)))
NAMES = Names(("snout", "tailbase", "left ear"), {"intruder": 1}, {"corner": ZONE, "the well": ZONE})
SNOUT, TAIL = Point(0), Point(1)


class Text:
    """Draws the text of an expression that Python reads in the same way."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def one(self, *things):
        return self.random.choice(things)

    def number(self, depth):
        kind = self.one("x", "constant", *(("binary", "minus", "function", "brackets", "extreme") if depth else ()))
        inner = [self.number(depth - 1) for _ in range(2)] if depth else []
        return {
            "x": lambda: self.one("x(snout)", "y(snout)", "x(tailbase)", "y( tailbase )"),
            "constant": lambda: self.one("3", "0.25", "1e1", ".5", "7."),
            "binary": lambda: f"{inner[0]}{self.one('+', ' - ', '*', ' / ')}{inner[1]}",
            "minus": lambda: f"-{inner[0]}",
            "function": lambda: f"{self.one('abs', 'sqrt', 'sin', 'cos')}({inner[0]})",
            "brackets": lambda: f"({inner[0]})",
            "extreme": lambda: f"{self.one('min', 'max')}({inner[0]}, {inner[1]}, x(snout))",
        }[kind]()

    def condition(self, depth):
        kind = self.one("comparison", "chain", *(("and", "or", "not", "brackets") if depth else ()))
        inner = [self.condition(depth - 1) for _ in range(2)] if depth else []
        return {
            "comparison": lambda: f"{self.number(3)} {self.sign()} {self.number(2)}",
            "chain": lambda: f"{self.number(1)} {self.sign()} {self.number(1)}{self.sign()}{self.number(1)}",
            "and": lambda: f"{inner[0]} and {inner[1]}",
            "or": lambda: f"{inner[0]} or {inner[1]}",
            "not": lambda: f"not {inner[0]}",
            "brackets": lambda: f"({inner[0]})",
        }[kind]()

    def sign(self):
        return self.one("<", "<=", ">", ">=")


PLACES = {0: (3.5, -2.25), 1: (100.0, 41.0)}
ARITHMETIC = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "minimum": min,
    "maximum": max,
    "negate": lambda a: -a,
    "absolute": abs,
    "square_root": math.sqrt,
    "sine": lambda a: math.sin(math.radians(a)),
    "cosine": lambda a: math.cos(math.radians(a)),
}


def value(quantity):
    """What the records come to, all keypoints known."""
    if quantity.kind in ("x", "y"):
        return PLACES[quantity.points[0].keypoint][quantity.kind == "y"]
    if quantity.kind == "number":
        return quantity.numbers[0]
    return ARITHMETIC[quantity.kind](*(value(inner) for inner in quantity.inner))


def holds(condition):
    if condition.kind == "compare":
        return condition.above < value(condition.quantity) < condition.below
    inner = [holds(part) for part in condition.inner]
    return {"all": all(inner), "any": any(inner), "not": not inner[0]}[condition.kind]


PYTHON = {
    "__builtins__": {},
    "abs": abs,
    "min": min,
    "max": max,
    "sqrt": math.sqrt,
    "sin": ARITHMETIC["sine"],
    "cos": ARITHMETIC["cosine"],
    "x": lambda point: PLACES[point][0],
    "y": lambda point: PLACES[point][1],
    "snout": 0,
    "tailbase": 1,
}


def both_ways(text, worth):
    """What Python says and what the records say; None where the text is refused or Python cannot compute it."""
    try:
        return eval(text, PYTHON), worth(parse(text, NAMES))
    except (ArithmeticError, ValueError):  # Unfit is a ValueError
        return None


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32))
def test_numbers_are_read_as_python_reads_them(seed):
    found = both_ways(Text(seed).number(4), value)
    assert found is None or found[0] == found[1]


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 2**32))
def test_conditions_are_read_as_python_reads_them(seed):
    found = both_ways(Text(seed).condition(3), holds)
    assert found is None or found[0] == found[1]


def test_most_texts_are_not_refused():
    assert sum(both_ways(Text(seed).condition(3), holds) is not None for seed in range(200)) > 100
    assert sum(both_ways(Text(seed).number(4), value) is not None for seed in range(200)) > 100


def x_above(level):
    return Condition("compare", Quantity("x", (SNOUT,)), above=level)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x(snout) > 3", x_above(3.0)),
        ("3 < x(snout)", x_above(3.0)),
        ("x(snout) > 1 + 2", x_above(3.0)),
        ("x(snout) <= 3", Condition("not", inner=(x_above(3.0),))),
        ("x(snout) > -3", x_above(-3.0)),
        (
            "y(snout) < x(snout)",
            Condition(
                "compare",
                Quantity("subtract", inner=(Quantity("y", (SNOUT,)), Quantity("x", (SNOUT,)))),
                below=0.0,
            ),
        ),
        ("speed(snout)", Quantity("speed", (SNOUT,), window_ns=50_000_000)),
        ("speed(snout, window_ms = 0.5)", Quantity("speed", (SNOUT,), window_ns=500_000)),
        ("score('left ear')", Quantity("score", (Point(2),))),
        ('score("intruder.left ear")', Quantity("score", (Point(2, "intruder"),))),
        ("distance(snout, other.centre)", Quantity("distance", (SNOUT, Point(-2, "other")))),
        ("distance(snout, at(-1, 2.5))", Quantity("distance", (SNOUT, Point(-1, "self", -1.0, 2.5)))),
        ("distance(snout, 'zone:corner')", Quantity("distance", (SNOUT, Point(-1, "self", 6.0, 3.0)))),
        ("bearing(tailbase, snout, intruder.snout)", Quantity("bearing", (TAIL, SNOUT, Point(0, "intruder")))),
        ("gray(0, 1, 2 * 4, 9)", Quantity("gray", numbers=(0.0, 1.0, 8.0, 9.0))),
        (
            "zscore(x(snout) / 2, over_ms=60000)",
            Quantity(
                "zscore",
                inner=(Quantity("divide", inner=(Quantity("x", (SNOUT,)), Quantity("number", numbers=(2.0,)))),),
                window_ns=60 * 10**9,
            ),
        ),
        (
            "posture(snout, 0, 0, tailbase, 40, 0, 'left ear', 10, -5)",
            Quantity("posture", (SNOUT, TAIL, Point(2)), numbers=(0.0, 0.0, 40.0, 0.0, 10.0, -5.0)),
        ),
        ("inside(snout, corner)", Condition("inside", points=(SNOUT,), zone=ZONE)),
        ("enter(snout, 'the well', hysteresis=2)", Condition("enter", points=(SNOUT,), zone=ZONE, hysteresis=2.0)),
        (
            "not outside(snout, corner)",
            Condition("not", inner=(Condition("not", inner=(Condition("inside", points=(SNOUT,), zone=ZONE),)),)),
        ),
    ],
)
def test_what_is_made(text, expected):
    assert parse(text, NAMES) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty; expected e.g."),
        ("speed(snout) >", "at the end: expected a number, a function or a bracket"),
        ("speed(snout) 5", "at '5' (character 14): expected an operator or the end"),
        ("speed(snout", "at the end: expected ',' or ')' in speed(...)"),
        ("(x(snout)", "at the end: expected ')' that closes the bracket"),
        ("speed(snuot)", "at 'snuot' (character 7): no keypoint is called 'snuot'; did you mean 'snout'?"),
        ("speed(intuder.snout)", "no animal is called 'intuder'; did you mean 'intruder'?"),
        ("sped(snout)", "at 'sped' (character 1): no such function; did you mean 'speed'?"),
        ("snout > 5", "at 'snout' (character 1): a name alone is no number; write e.g. speed(snout) or x(snout)"),
        ("x(snout) == 5", "'==' at character 10 means nothing here; numbers are hardly ever equal; give a range"),
        ("x(snout) > 5 & y(snout) > 5", "'&' at character 14 means nothing here; write `and`"),
        ("distance(snout, [1, 2])", "'[' at character 17 means nothing here; a fixed place is at(100, 200)"),
        ("x(snout)**2", "'**' at character 9 means nothing here"),
        ("score('left ear)", "at character 7 means nothing here; a quote is not closed"),
        ("x(snout) and y(snout) > 3", "at 'x' (character 1): expected a condition, and this is a number; compare it"),
        ("x(snout) > 3 > 2", "compares two numbers that never change"),
        ("(x(snout) > 3) + 2", "at '(' (character 1): expected a number, and this is a condition"),
        ("not x(snout)", "at 'x' (character 5): expected a condition"),
        ("x(snout) / (1 / 0) > 3", "at '/' (character 15): gives no number"),
        ("sqrt(-1) > x(snout)", "at 'sqrt' (character 1): gives no number"),
        ("x(snout) > 1e999", "at '1e999' (character 12): gives no number"),
        ("distance(snout)", "distance(point, point) has 2 arguments, and 1 are given"),
        ("distance(snout, tailbase, snout)", "at 'snout' (character 27): too many arguments; expected 2"),
        ("distance(snout, snout)", "at 'distance' (character 1): distance is of 2 different points"),
        ("distance(snout, 5)", "at '5' (character 17): expected a point: a keypoint's name"),
        ("distance(snout, at(x(snout), 5))", "at 'x' (character 20): expected a number that is known now"),
        ("speed(snout, window=5)", "speed has no argument window; did you mean 'window_ms'?; there is window_ms"),
        ("x(snout, window_ms=5)", "x has no argument window_ms; there is none"),
        ("speed(snout, window_ms=0)", "window_ms must be above 0 ms"),
        ("speed(snout, window_ms=5, window_ms=6)", "window_ms is given twice"),
        ("speed(window_ms=5, snout)", "expected a named argument after the first one of those"),
        ("zscore(x(snout))", "zscore needs over_ms, e.g. zscore(..., over_ms=1000)"),
        ("zscore(3, over_ms=5)", "zscore of a number that never changes"),
        ("posture(snout, 0, 0, tailbase, 1)", "each with its x and y in the template"),
        ("classifier('net.onnx', window=5)", "net.onnx: no such file; a classifier is looked up"),
        ("inside(snout, conrer)", "no zone is called \"conrer\"; did you mean 'corner'?"),
        ("inside(snout, corner, hysteresis=-1)", "hysteresis must be 0 px or more"),
        ("abs(x(snout), 3)", "abs is of 1 number, and 2 are given"),
        ("min(3)", "min is of 2 numbers or more"),
        ("sin(x(snout)) > 1", "at '>' (character 15): sine is never above 1: it lies between -1 and 1"),
        ("x(snout) >= 0 and distance(snout, tailbase) < -1", "distance is never below -1"),
        ("(" * 100 + "3" + ")" * 100, f"more than {DEEPEST} brackets inside each other"),
        ("x(snout)" + "+1" * 300, f"make conditions of at most {LONGEST} of it"),
        ("not " * 100 + "x(snout) > 3", "brackets inside each other"),
        ("__import__('os')", "no such function"),
    ],
)
def test_what_is_refused(text, sentence):
    with pytest.raises(Unfit) as found:
        parse(text, NAMES)
    assert sentence in str(found.value)
