"""The tables ``[[rule]]`` of a rules file, to `posewire.triggers.rules.Rule`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from posewire.outputs.spec import OutputSpec
from posewire.triggers.condition_tables import read_condition
from posewire.triggers.names import Names
from posewire.triggers.possible import momentary, moments
from posewire.triggers.quantity_tables import read_quantity
from posewire.triggers.rules import ANY, Condition, Control, Rule
from posewire.triggers.tables import Table, Unfit, shown
from posewire_models.errors import nearest

# What a rule with a `value`, sent in every frame, has no use for.
_FOR_WHEN = ("dwell_ms", "refractory_ms", "repeat_ms", "min_id_score")
_CONTROLS = ("sham_percent", "block", "yoked", "random_per_minute", "matched")
_INSTEAD = ("yoked", "random_per_minute", "matched")


@dataclass(frozen=True)
class Defaults:
    """What rules have that say nothing else: keys of the same names at the top of the file."""

    max_age_ns: int = Rule.max_age_ns
    gap_ns: int = Rule.gap_ns
    min_score: float = Rule.min_score
    min_id_score: float = Rule.min_id_score


def read_defaults(table: Table, over: Defaults | None = None) -> Defaults:
    """The four of them, of the top of a file or of one rule. Raises InputError."""
    over = over or Defaults()
    return Defaults(
        table.duration("max_age_ms", over.max_age_ns, positive=True),
        table.duration("gap_ms", over.gap_ns, positive=True),
        table.number("min_score", "a score from 0 to 1", over.min_score, least=0.0, most=1.0),
        table.number("min_id_score", "a score from 0 to 1", over.min_id_score, least=0.0, most=1.0),
    )


def read_rule(table: Table, names: Names, outputs: Mapping[str, OutputSpec], defaults: Defaults) -> Rule:
    """One rule. Raises InputError with the line of what is wrong."""
    name = table.text("name", "a name of its own")
    table.name = f"rule {name!r}"
    if len(name.splitlines()) > 1:
        raise table.wrong("name", "a name on one line")
    targets = _outputs(table, outputs)
    animal = table.text("animal", f"{ANY!r} or one of the roles", ANY)
    with table.at("animal"):
        if animal != ANY:
            if animal not in names.roles:
                there = ", ".join([ANY, *names.roles])
                raise Unfit(f"no role is called {animal!r}{nearest(animal, names.roles)}; there are {there}")
            names.animal(animal)
    if table.has("when") == table.has("value"):
        raise table.error("", "expected one of when (a condition) and value (a number that an output follows)")
    use = table.choice("use", ("measured", "predicted"), "measured")
    own = read_defaults(table, defaults)
    from_ns = table.duration("armed_from_s", 0)
    until_ns = table.duration("armed_until_s", Rule.armed_until_ns)
    if from_ns >= until_ns:
        raise table.error("armed_until_s", "armed_until_s: must be later than armed_from_s, or the rule is never armed")
    rule = Rule(
        name,
        targets,
        animal=animal,
        predicted=use == "predicted",
        gap_ns=own.gap_ns,
        min_score=own.min_score,
        min_id_score=own.min_id_score,
        max_age_ns=own.max_age_ns,
        armed_from_ns=from_ns,
        armed_until_ns=until_ns,
    )
    rule = _deciding(rule, table, names, outputs) if "when" in table.data else _following(rule, table, names, outputs)
    table.done(also=(*_FOR_WHEN, *_CONTROLS, "from", "to"))
    return rule


def _outputs(table: Table, outputs: Mapping[str, OutputSpec]) -> tuple[str, ...]:
    if table.has("output") == table.has("outputs"):
        raise table.error(
            "",
            f"expected one of output = {shown(next(iter(outputs), 'light'))} and outputs = [...] (empty: event only)",
        )
    key = "output" if "output" in table.data else "outputs"
    value = table.data[key]
    wanted = [value] if key == "output" else value
    if not isinstance(wanted, list) or not all(isinstance(name, str) for name in wanted):
        raise table.wrong(key, "the name of an output" if key == "output" else "a list of names of outputs")
    for name in wanted:
        if name not in outputs:
            there = f"there are {', '.join(outputs)}" if outputs else "the file has none, see [outputs.NAME]"
            raise table.error(key, f"{key}: no output is called {name!r}{nearest(name, outputs)}; {there}")
        if wanted.count(name) > 1:
            raise table.error(key, f"{key}: {name!r} stands there twice")
    return tuple(wanted)


def _deciding(rule: Rule, table: Table, names: Names, outputs: Mapping[str, OutputSpec]) -> Rule:
    for name in rule.outputs:
        if outputs[name].mode == "follow":
            raise table.error(
                "when",
                f"when: output {name!r} follows a value in every frame; give value, or another mode of the output",
            )
    for key in ("from", "to"):
        if key in table.data:
            raise table.error(key, f"{key}: is for rules with value, not with when")
    when = read_condition(table.table("when", 'a condition, e.g. { inside = "corner", keypoint = "snout" }'), names)
    changes = {
        "dwell_ns": table.duration("dwell_ms", 0),
        "refractory_ns": table.duration("refractory_ms", 0),
        "repeat_ns": table.duration("repeat_ms", 0),
    }
    _refuse_moments(when, changes, table)
    return Rule(**{**rule.__dict__, **changes, "when": when, "control": _control(table, names)})


def _refuse_moments(when: Condition, changes: Mapping[str, int], table: Table) -> None:
    if not momentary(when):
        return
    for key, why in (("dwell", "last"), ("repeat", "last, to fire again")):
        if changes[f"{key}_ns"]:
            raise table.error(
                f"{key}_ms",
                f"{key}_ms: the condition is true in a single frame, as {' and '.join(moments(when))} is, and cannot "
                f"{why}; leave it out, or give a condition that lasts, e.g. inside",
            )


def _following(rule: Rule, table: Table, names: Names, outputs: Mapping[str, OutputSpec]) -> Rule:
    for name in rule.outputs:
        if outputs[name].mode != "follow":
            raise table.error(
                "value", f'value: output {name!r} is of mode {outputs[name].mode}; give when, or mode = "follow" there'
            )
    for key in (*_FOR_WHEN, *_CONTROLS):
        if key in table.data:
            raise table.error(key, f"{key}: is for rules with when, not with a value that is sent in every frame")
    value = read_quantity(table.table("value", 'a quantity, e.g. { speed = "snout" }'), names)
    low, high = table.pair("from", "[low, high], the numbers that are to become those of `to`")
    if low >= high:
        raise table.wrong("from", "[low, high], the lower one first; to turn it around, exchange those of `to`")
    first, last = table.pair("to", "[at the low end, at the high end], what the output gets")
    if first == last:
        raise table.wrong("to", "two different numbers")
    return Rule(**{**rule.__dict__, "value": value, "value_from": (low, high), "value_to": (first, last)})


def _control(table: Table, names: Names) -> Control:
    known = [key for key in _INSTEAD if table.has(key)]
    given = [key for key in table.data if key in known]
    if len(given) > 1:
        raise table.error(given[1], f"{' and '.join(given)}: each takes the place of the rule's decisions; give one")
    percent = table.number("sham_percent", "a number from 0 to 100", 0.0, least=0.0, most=100.0)
    if table.has("block") and not table.has("sham_percent"):
        raise table.error("block", "block: is the number of decisions among which shams are drawn; give sham_percent")
    block = table.whole("block", "how many decisions, 1 or more", Control.block, least=1, most=1_000_000)
    return Control(
        sham=percent / 100,
        block=block,
        yoked=_log(table, "yoked", names),
        random_per_minute=table.number("random_per_minute", "a number above 0", 0.0, above=0.0, most=60_000.0),
        matched=_log(table, "matched", names),
    )


def _log(table: Table, key: str, names: Names) -> str:
    """The path of another session's log, looked up from the rules file's folder; empty if none is given."""
    text = table.text(key, "the path of another session's log", "")
    if not text:
        return ""
    path = names.folder / text
    if not path.exists():
        raise table.error(key, f"{key}: {path}: no such log; it is looked up from the folder of the rules file")
    return str(path)
