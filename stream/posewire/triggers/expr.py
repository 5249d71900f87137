"""Expressions of a rules file, ``speed(snout) > 50 and distance(snout, tailbase) < 80``, to the records of rules.py.

    or         = and { "or" and }                       comparison = sum { ("<" | "<=" | ">" | ">=") sum }
    and        = not { "and" not }                      sum        = product { ("+" | "-") product }
    not        = "not" not | comparison                 product    = unary { ("*" | "/") unary }
    primary    = NUMBER | NAME "(" arguments ")" | "(" or ")"        unary = ("-" | "+") unary | primary

Numbers that are known are computed at once. ``a >= b`` is ``not a < b``, which is unknown where a or b is.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from posewire.triggers import build
from posewire.triggers.arguments import CALLS, Arguments, Call
from posewire.triggers.names import Names
from posewire.triggers.rules import Condition, Point, Quantity
from posewire.triggers.tables import Unfit
from posewire.triggers.tokens import Token, tokens
from posewire_models.errors import nearest

DEEPEST = 40  # brackets in brackets
LONGEST = 400  # words and signs
_FUNCTIONS = {"abs": "absolute", "sqrt": "square_root", "sin": "sine", "cos": "cosine"}
_EXTREMES = {"min": "minimum", "max": "maximum"}
_OPERATORS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}
_COMPARISONS = ("<", "<=", ">", ">=")
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}

_KNOWN: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "divide": lambda a, b: a / b if b else math.nan,
    "minimum": min,
    "maximum": max,
    "negate": lambda a: -a,
    "absolute": abs,
    "square_root": lambda a: math.sqrt(a) if a >= 0 else math.nan,
    "sine": lambda a: math.sin(math.radians(a)),
    "cosine": lambda a: math.cos(math.radians(a)),
}


def parse(text: str, names: Names) -> Quantity | Condition:
    """What an expression says: a number of each frame, or a condition. Raises Unfit, with the place in the text."""
    return _Parser(text, names).whole()


class _Parser:
    """Recursive descent over the tokens; ``next`` is the one not yet taken."""

    def __init__(self, text: str, names: Names) -> None:
        self.names = names
        self.tokens = tokens(text)
        if len(self.tokens) > LONGEST:
            raise Unfit(f"has {len(self.tokens)} words and signs; make conditions of at most {LONGEST} of it")
        self.at = 0
        self.depth = 0

    @property
    def next(self) -> Token:
        return self.tokens[self.at]

    def wrong(self, message: str, token: Token | None = None) -> Unfit:
        token = token or self.next
        where = "at the end" if token.kind == "end" else f"at {token.word!r} (character {token.at})"
        return Unfit(f"{where}: {message}")

    def accept(self, *words: str) -> Token | None:
        """Take the next token if it is one of these signs or bare words."""
        token = self.next
        if token.kind in ("sign", "name") and token.word in words:
            self.at += 1
            return token
        return None

    def expect(self, sign: str, why: str) -> None:
        if not self.accept(sign):
            raise self.wrong(f"expected {sign!r} {why}")

    def whole(self) -> Quantity | Condition:
        if self.next.kind == "end":
            raise Unfit("is empty; expected e.g. speed(snout) > 50")
        found = self.either()
        if self.next.kind != "end":
            raise self.wrong("expected an operator or the end")
        return found

    def either(self) -> Quantity | Condition:
        return self.joined("or", "any", self.both)

    def both(self) -> Quantity | Condition:
        return self.joined("and", "all", self.negated)

    def joined(self, word: str, kind: str, part: Callable[[], Quantity | Condition]) -> Quantity | Condition:
        begin = self.next
        first = part()
        if not (self.next.kind == "name" and self.next.word == word):
            return first
        inner = [self.condition(first, begin)]
        while self.accept(word):
            begin = self.next
            inner.append(self.condition(part(), begin))
        return Condition(kind, inner=tuple(inner))

    def negated(self) -> Quantity | Condition:
        if not self.accept("not"):
            return self.comparison()
        self.deeper()
        begin = self.next
        inner = self.condition(self.negated(), begin)
        self.depth -= 1
        return Condition("not", inner=(inner,))

    def comparison(self) -> Quantity | Condition:
        begin = self.next
        left = self.sum()
        if not self.comparing():
            return left
        found = []
        one = self.quantity(left, begin)
        while sign := self.accept(*_COMPARISONS):
            begin = self.next
            other = self.quantity(self.sum(), begin)
            try:
                found.append(self.compared(one, sign.word, other))
            except Unfit as error:
                raise self.wrong(str(error), sign) from None
            one = other
        return found[0] if len(found) == 1 else Condition("all", inner=tuple(found))

    def comparing(self) -> bool:
        return self.next.kind == "sign" and self.next.word in _COMPARISONS

    def compared(self, one: Quantity, sign: str, other: Quantity) -> Condition:
        if one.kind == "number" and other.kind == "number":
            raise Unfit("compares two numbers that never change")
        if one.kind == "number":
            one, other, sign = other, one, _TURNED[sign]
        level = 0.0
        if other.kind == "number":
            level = other.numbers[0]
        else:
            one = Quantity("subtract", inner=(one, other))
        # `a >= b` is false where `a < b` is true, and unknown with it: so is its opposite.
        if sign in (">", "<="):
            found = build.compare(one, level, math.inf, self.names)
        else:
            found = build.compare(one, -math.inf, level, self.names)
        return Condition("not", inner=(found,)) if "=" in sign else found

    def sum(self) -> Quantity | Condition:
        return self.chain(("+", "-"), self.product)

    def product(self) -> Quantity | Condition:
        return self.chain(("*", "/"), self.unary)

    def chain(self, signs: tuple[str, ...], part: Callable[[], Quantity | Condition]) -> Quantity | Condition:
        begin = self.next
        found = part()
        while sign := self.accept(*signs):
            left = self.quantity(found, begin)
            second = self.next
            found = self.arithmetic(_OPERATORS[sign.word], (left, self.quantity(part(), second)), sign)
        return found

    def unary(self) -> Quantity | Condition:
        sign = self.accept("-", "+")
        if sign is None:
            return self.primary()
        self.deeper()
        begin = self.next
        inner = self.quantity(self.unary(), begin)
        self.depth -= 1
        return self.arithmetic("negate", (inner,), sign) if sign.word == "-" else inner

    def primary(self) -> Quantity | Condition:
        token = self.next
        self.at += 1
        if token.kind == "number":
            return Quantity("number", numbers=(self.finite(float(token.word), token),))
        if token.kind == "sign" and token.word == "(":
            self.deeper()
            found = self.either()
            self.expect(")", "that closes the bracket")
            self.depth -= 1
            return found
        if token.kind == "name" and self.next.word == "(" and self.next.kind == "sign":
            self.deeper()
            self.at += 1
            found = self.call(token)
            self.depth -= 1
            return found
        self.at -= 1
        if token.kind in ("name", "text"):
            raise self.wrong(f"a name alone is no number; write e.g. speed({token.word}) or x({token.word})")
        raise self.wrong("expected a number, a function or a bracket")

    def call(self, name: Token) -> Quantity | Condition:
        word = name.word
        if word in CALLS:
            arguments = Arguments(word, self.names)
            self.arguments(arguments, CALLS[word])
            try:
                return arguments.made()
            except Unfit as error:
                raise self.wrong(str(error), name) from None
        known = [*CALLS, *_FUNCTIONS, *_EXTREMES]
        if word not in known:
            raise self.wrong(f"no such function{nearest(word, known)}; there are {', '.join(known)}", name)
        inner = [self.argument()]
        while self.accept(","):
            inner.append(self.argument())
        self.expect(")", f"that closes {word}(")
        if word in _FUNCTIONS:
            if len(inner) != 1:
                raise self.wrong(f"{word} is of 1 number, and {len(inner)} are given", name)
            return self.arithmetic(_FUNCTIONS[word], tuple(inner), name)
        if len(inner) < 2:
            raise self.wrong(f"{word} is of 2 numbers or more", name)
        found = inner[0]
        for other in inner[1:]:
            found = self.arithmetic(_EXTREMES[word], (found, other), name)
        return found

    def argument(self) -> Quantity:
        begin = self.next
        return self.quantity(self.sum(), begin)

    def arguments(self, into: Arguments, call: Call) -> None:
        """What stands between the brackets of a quantity or a zone's condition."""
        while not self.accept(")"):
            if into.begun:
                self.expect(",", f"or ')' in {into.kind}(...)")
            begin = self.next
            try:
                following = self.tokens[self.at + 1] if begin.kind != "end" else begin
                if begin.kind == "name" and following.kind == "sign" and following.word == "=":
                    self.at += 2
                    into.option(begin.word, self.constant())
                    continue
                what = call.takes(into.count)
                if what == "point":
                    into.add(self.point())
                elif what == "number":
                    into.add(self.constant())
                elif what == "quantity":
                    into.add(self.argument())
                elif begin.kind in ("name", "text"):
                    self.at += 1
                    into.add(begin.word)
                else:
                    raise Unfit(f"expected {what}")
            except Unfit as error:
                raise error if str(error).startswith("at ") else self.wrong(str(error), begin) from None

    def point(self) -> Point:
        token = self.next
        if token.kind not in ("name", "text"):
            raise Unfit('expected a point: a keypoint\'s name (in quotes if need be: "left ear") or at(100, 200)')
        self.at += 1
        if token.kind == "name" and token.word == "at" and self.accept("("):
            x = self.constant()
            self.expect(",", "between x and y")
            y = self.constant()
            self.expect(")", "that closes at(")
            return self.names.point([x, y])
        return self.names.named(token.word)

    def constant(self) -> float:
        begin = self.next
        found = self.argument()
        if found.kind != "number":
            raise self.wrong("expected a number that is known now", begin)
        return found.numbers[0]

    def arithmetic(self, kind: str, inner: tuple[Quantity, ...], token: Token) -> Quantity:
        if any(part.kind != "number" for part in inner):
            return Quantity(kind, inner=inner)
        return Quantity("number", numbers=(self.finite(_KNOWN[kind](*(part.numbers[0] for part in inner)), token),))

    def finite(self, number: float, token: Token) -> float:
        if not math.isfinite(number):
            raise self.wrong("gives no number", token)
        return number

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.wrong(f"more than {DEEPEST} brackets inside each other; make two conditions of it")

    def quantity(self, found: Quantity | Condition, begin: Token) -> Quantity:
        if isinstance(found, Condition):
            raise self.wrong("expected a number, and this is a condition", begin)
        return found

    def condition(self, found: Quantity | Condition, begin: Token) -> Condition:
        if isinstance(found, Quantity):
            raise self.wrong("expected a condition, and this is a number; compare it, e.g. with > 50", begin)
        return found
