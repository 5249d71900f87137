"""What may well be meant otherwise in rules that are possible: warnings of `rules check`, each with its line."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from posewire.outputs.spec import OutputSpec
from posewire.triggers.possible import animals_of, bounds, conditions, describe, momentary
from posewire.triggers.rules import ANY, OTHER, SELF, Rule, Rules
from posewire.triggers.zone_tables import edges_cross

_OLD_NS = 1_000_000_000  # a pose of that age tells nothing of where an animal is


@dataclass(frozen=True)
class Doubt:
    """One warning: where, of what (``rule 'a'``), and what is doubtful."""

    line: int
    what: str
    text: str


def doubts_of(rules: Rules, animals: str, fps: float, lines: Mapping[str, int]) -> list[Doubt]:
    """All warnings on a file's rules. ``animals``: the model's, ``one``, ``many`` or unknown; ``fps`` 0: unknown."""
    outputs = {spec.name: spec for spec in rules.outputs}
    return [
        Doubt(lines[rule.name], f"rule {rule.name!r}", text)
        for rule in rules.rules
        for text in (
            *_times(rule, fps),
            *_useless(rule),
            *_once(rule, outputs),
            *_animals(rule, animals),
            *_always(rule, outputs),
        )
    ]


def _times(rule: Rule, fps: float) -> Iterator[str]:
    """Times that the frame rate is too slow for."""
    if not fps:
        return
    period_ns = 1e9 / fps
    if rule.max_age_ns < 2 * period_ns:
        yield (
            f"max_age_ms = {rule.max_age_ns / 1e6:.15g} is less than two frames at {fps:g} frames/s "
            f"({2 * period_ns / 1e6:.4g} ms): most poses may be too old"
        )
    if rule.gap_ns <= period_ns:
        yield (
            f"gap_ms = {rule.gap_ns / 1e6:.15g} is no longer than a frame at {fps:g} frames/s "
            f"({period_ns / 1e6:.4g} ms): every frame begins anew, so that nothing that takes time comes true"
        )


def _useless(rule: Rule) -> Iterator[str]:
    """Settings that undo what they are for."""
    if rule.max_age_ns > _OLD_NS:
        yield (
            f"max_age_ms = {rule.max_age_ns / 1e6:.15g} protects from nothing: what is done may be about a pose that "
            f"is {rule.max_age_ns / 1e9:.4g} s old, and outputs stay on for so long when poses stop coming"
        )
    if rule.control.sham >= 1.0:
        yield "sham_percent = 100: every decision is a sham, and nothing is ever sent"


def _once(rule: Rule, outputs: Mapping[str, OutputSpec]) -> Iterator[str]:
    """Limits within which it can fire only once."""
    if rule.when is None:
        return
    armed_ns = rule.armed_until_ns - rule.armed_from_ns
    if rule.refractory_ns >= armed_ns:
        yield "refractory_ms is as long as it is armed: it can fire only once"
    if rule.repeat_ns and rule.repeat_ns < rule.refractory_ns:
        yield "repeat_ms is shorter than refractory_ms, which forbids it until then"
    for name in rule.outputs:
        spec = outputs[name]
        if spec.mode == "pulse" and spec.max_dose_ns < 2 * spec.count * spec.width_ns:
            yield f"the dose of output {name!r} is enough for one start only in a session"
        if spec.max_count == 1 and spec.count_window_ns >= armed_ns:
            yield f"output {name!r} may be started only once in the time that the rule is armed"


def _animals(rule: Rule, animals: str) -> Iterator[str]:
    """Rules of which it is not clear whom they are about."""
    about = animals_of(rule.when, rule.value)
    roles = sorted(about - {SELF, OTHER})
    if rule.animal == ANY and animals != "one":
        if SELF not in about and OTHER not in about and (roles or animals == "many"):
            whose = f"it is about {' and '.join(roles)} alone" if roles else "it is about no animal"
            yield f"{whose}, and is tried on every animal: it comes true of all at once; give animal = one of the roles"
        elif roles:
            yield f"it is tried on every animal, {' and '.join(roles)} included; give animal = another role if need be"
        if rule.value is not None and animals == "many":
            yield "the value is that of the first animal for which it is known; give animal = one of the roles"
    elif rule.animal in roles:
        yield f"points of {rule.animal!r} are those of the animal that it is tried on"


def _always(rule: Rule, outputs: Mapping[str, OutputSpec]) -> Iterator[str]:
    """Conditions that say nothing, or that never end."""
    if rule.when is None:
        return
    if momentary(rule.when):
        for name in rule.outputs:
            if outputs[name].mode == "while":
                yield f"the condition is true in a single frame, so that output {name!r} is on for one frame"
    crossed = []
    for part in conditions(rule.when):
        if part.zone is not None and part.zone.name not in crossed and edges_cross(part.zone.points):
            crossed.append(part.zone.name)
            yield f"edges of zone {part.zone.name!r} cross each other: are its corners in the right order?"
        if part.kind != "compare" or part.quantity is None:
            continue
        range_ = bounds(part.quantity)
        what = describe(part.quantity)
        if _stays(part.above, part.below, *range_):
            yield f"{what} {_always_is(part.above, part.below)}: true wherever it is known"
        elif part.hysteresis and _stays(part.above - part.hysteresis, part.below + part.hysteresis, *range_):
            yield f"{what} never leaves again what a hysteresis of {part.hysteresis:g} allows: once true, it stays true"


def _always_is(low: float, high: float) -> str:
    if math.isinf(high):
        return f"is always above {low:g}"
    return f"is always below {high:g}" if math.isinf(low) else f"always lies between {low:g} and {high:g}"


def _stays(low: float, high: float, least: float, most: float) -> bool:
    """Whether every value lies between the ends that a true comparison is left at."""
    return (low < least or low == -math.inf) and (high > most or high == math.inf)
