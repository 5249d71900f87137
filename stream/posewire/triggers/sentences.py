"""Each rule and each output in one plain sentence, in which every setting stands that is not the usual one."""

from __future__ import annotations

import math
from pathlib import PurePath

from posewire.outputs.spec import NEVER_NS, OutputSpec
from posewire.triggers.possible import animals_of, momentary
from posewire.triggers.rules import ANY, OTHER, Control, Rule, Rules
from posewire.triggers.words import Words, number, percent, time, times

_WINDOWS = {1_000_000_000: "a second", 60_000_000_000: "a minute", 3_600_000_000_000: "an hour"}


def sentence(rule: Rule, rules: Rules) -> str:
    """What a rule does: when, what then, and what forbids it. ``rules`` is the file that it stands in."""
    words = Words(rules.keypoints, "" if rule.animal == ANY else rule.animal)
    outputs = [next(spec for spec in rules.outputs if spec.name == name) for name in rule.outputs]
    main = _following(rule, words, outputs) if rule.value is not None else _deciding(rule, words, outputs)
    return f"{rule.name}: {'; '.join([main, *_conditions(rule, rules)])}."


def _following(rule: Rule, words: Words, outputs: list[OutputSpec]) -> str:
    if rule.value is None:
        raise ValueError("only a rule with a value is followed")
    names = _listed([spec.name for spec in outputs]) or "a value in the event messages"
    low, high = rule.value_from
    first, last = rule.value_to
    what = f"{words.quantity(rule.value)}, {number(low)} to {words.level(high, rule.value)} as"
    return f"in every frame {names} follow{'s' if len(outputs) < 2 else ''} {what} {number(first)} to {number(last)}"


def _deciding(rule: Rule, words: Words, outputs: list[OutputSpec]) -> str:
    if rule.when is None:
        raise ValueError("only a rule with a condition decides")
    condition = words.condition(rule.when)
    when = _instead(rule.control)
    lasting = outputs and all(spec.mode == "while" for spec in outputs)
    begin = "while" if lasting and not momentary(rule.when) else "when"
    after = f", after {time(rule.dwell_ns)} of it" if rule.dwell_ns else ""
    acts = _listed([_act(spec) for spec in outputs]) or "an event is published and nothing else happens"
    again = f", and again every {time(rule.repeat_ns)} as long as it lasts" if rule.repeat_ns else ""
    if when:
        return f"{when}, {acts}; its own condition ({condition}{after}{again}) counts for nothing"
    return f"{begin} {condition}{after}, {acts}{again}"


def _instead(control: Control) -> str:
    """When a rule comes whose decisions something takes the place of; empty for all others."""
    found = []
    if control.yoked:
        found.append(f"at the times of {PurePath(control.yoked).name}")
    if control.random_per_minute:
        found.append(f"at random times, {number(control.random_per_minute)} a minute")
    if control.matched:
        found.append(f"at random times, as often as in {PurePath(control.matched).name}")
    return " and ".join(found)


def _act(spec: OutputSpec) -> str:
    """What an output does when it is told to, with the limits of all its rules together."""
    limits = _limits(spec)
    text = {
        "while": f"{spec.name} is on",
        "pulse": f"{spec.name} gives {_train(spec)}",
        "toggle": f"{spec.name} is turned on, or off if it was on",
        "follow": f"{spec.name} follows",
    }[spec.mode]
    return f"{text} ({', '.join(limits)} at most)" if limits else text


def _train(spec: OutputSpec) -> str:
    late = f" {time(spec.delay_ns)} later" if spec.delay_ns else ""
    if spec.count == 1:
        return f"a pulse of {time(spec.width_ns)}{late}"
    return f"{spec.count} pulses of {time(spec.width_ns)}, one every {time(spec.period_ns)},{late}".rstrip(",")


def _limits(spec: OutputSpec) -> list[str]:
    limits = []
    if spec.max_on_ns != NEVER_NS:
        limits.append(f"for {time(spec.max_on_ns)} at a stretch")
    if spec.max_count != OutputSpec.max_count:
        window = _WINDOWS.get(spec.count_window_ns, f"in any {time(spec.count_window_ns)}")
        limits.append(f"{times(spec.max_count)} {window}")
    if spec.max_duty != 1.0:
        limits.append(f"{percent(spec.max_duty)} of any {time(spec.duty_window_ns)}")
    if spec.max_dose_ns != NEVER_NS:
        limits.append(f"{time(spec.max_dose_ns)} in a session")
    return limits


def _conditions(rule: Rule, rules: Rules) -> list[str]:
    """What else holds for a rule, one clause each."""
    found = []
    about = animals_of(rule.when, rule.value)
    if rule.animal == ANY and (rules.roles or OTHER in about):
        found.append("tried on each animal by itself" if rule.when is not None else "of the first animal that has it")
    if rule.refractory_ns:
        found.append(f"not again for {time(rule.refractory_ns)}")
    if rule.control.sham:
        found.append(f"{_shams(rule.control)} (decided and logged, not sent)")
    found.append(f"{'never' if rule.when is not None else 'not'} on a pose older than {time(rule.max_age_ns)}")
    if rule.predicted:
        found.append("on predicted keypoints")
    if rule.min_score:
        found.append(f"keypoints of a score below {number(rule.min_score)} count as unknown")
    if rule.min_id_score and rule.when is not None:
        found.append(f"only for an id of score {number(rule.min_id_score)} or more")
    if rule.gap_ns != Rule.gap_ns:
        found.append(f"what is unknown for more than {time(rule.gap_ns)} begins anew")
    if rule.armed_from_ns or rule.armed_until_ns != Rule.armed_until_ns:
        begin = f"from {time(rule.armed_from_ns)}" if rule.armed_from_ns else ""
        end = f"until {time(rule.armed_until_ns)}" if rule.armed_until_ns != Rule.armed_until_ns else ""
        found.append(f"only {' '.join(part for part in (begin, end) if part)} after the session's first frame")
    return found


def _shams(control: Control) -> str:
    if control.sham >= 1.0:
        return "every time it is a sham"
    if control.block == 1:
        return f"each time it is a sham with a chance of {percent(control.sham)}"
    count = round(control.sham * control.block, 9)
    some = number(count) if count == int(count) else f"{math.floor(count)} or {math.ceil(count)}"
    mean = "" if count == int(count) else f" ({percent(control.sham)} on average)"
    return f"{some} of every {control.block} times{mean}, drawn by chance, it is a sham"


def output_sentence(spec: OutputSpec) -> str:
    """What an output is, how it acts, and what all rules on it together never exceed."""
    options = ", ".join(f"{key} = {value}" for key, value in spec.options.items())
    parts = [f"{spec.kind}{f' ({options})' if options else ''}"]
    parts.append(
        {
            "while": "on as long as a rule holds",
            "pulse": f"{_train(spec)} at each decision",
            "toggle": "on at a decision, off at the next",
            "follow": "a value in every frame",
        }[spec.mode]
    )
    if spec.mode == "follow":
        if spec.slew_per_s:
            parts.append(f"changing by {number(spec.slew_per_s)} a second at most")
        parts.append(f"{number(spec.safe)} as long as nothing vouches for the poses")
    else:
        limits = _limits(spec)
        parts.append(f"all rules together {', '.join(limits)} at most" if limits else "without any limit")
    return f"{spec.name}: {'; '.join(parts)}."


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
