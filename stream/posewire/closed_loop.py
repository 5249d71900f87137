"""From poses to stimuli: rules, controls, limits, the guard, and what is told of it. Called by the loop's thread alone.

A decision goes out in this order: rule -> control (a sham?) -> gate of each output -> guard process -> log ->
``event/`` message. What the guard tells of it later (sent, acknowledged, failed, made safe) becomes an event as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire.clock import now_ns
from posewire.eventmessage import Event
from posewire.following import Follower
from posewire.frame import Floats, Frame
from posewire.known_outputs import KnownOutputs
from posewire.outputs.acting import Link
from posewire.outputs.device import Act
from posewire.outputs.gate import MARGIN_NS, Permit
from posewire.outputs.link import GuardLink, Report
from posewire.outputs.past import read_past
from posewire.outputs.spec import NEVER_NS
from posewire.tally import Tally
from posewire.telling import Teller
from posewire.triggers.controls import Shams, schedule_of
from posewire.triggers.evaluator import AGE, ENDED, FIRED, NAMES, Evaluator
from posewire.triggers.rules import Rules

RESUME_NS = 250_000_000  # from losing an output to trying it again
LONGEST = "longest"  # the reason of an end that nobody decided: the longest time was over
RESUMED = "resumed"  # the reason of a decision by which an output that was cut is on again
_DISARMED = "disarmed"
_ORDERLY = ("not started", "closed")


class ClosedLoop:
    """Rules at work in one session.

    ``log``: the file that the guard writes. ``unsafe``: outputs without a hardware watchdog may be of mode ``while``.
    ``animals``: the most in a frame. ``tell`` publishes an event, whose ``seq`` it gives. ``clock`` and ``make_link``
    are other ones where nothing is to happen: in a dry run.
    """

    def __init__(
        self,
        rules: Rules,
        *,
        session: bytes,
        stream: str,
        log: Path,
        unsafe: bool,
        animals: int,
        tell: Callable[[Event], None],
        clock: Callable[[], int] = now_ns,
        make_link: Callable[..., Link] = GuardLink,
    ) -> None:
        """Raises InputError for a control whose log cannot be used."""
        self.rules = rules
        self.log = log
        self._stream, self._clock, self._make_link = stream, clock, make_link
        self._teller = Teller(rules, session, stream, tell, clock)
        self._unsafe, self._animals = unsafe, animals
        self._frame: Frame | None = None  # the one at hand
        self._first_ns: int | None = None
        places = {spec.name: n for n, spec in enumerate(rules.outputs)}
        self._names = [rule.name for rule in rules.rules]
        self._outputs = [[places[name] for name in rule.outputs] for rule in rules.rules]
        self._ages = [self._oldest(n) for n in range(len(rules.outputs))]
        self.tally = Tally(rules)
        self._known = KnownOutputs(rules.outputs, self._ages, self.tally)
        self._gates = self._known.gates
        self._shams = [Shams(rule.control.sham, rule.control.block, rules.seed, rule.name) for rule in rules.rules]
        self._schedules = [
            schedule_of(rule, rules.seed, read_past, self._holds(n)) for n, rule in enumerate(rules.rules)
        ]
        self._scheduled = [n for n, schedule in enumerate(self._schedules) if schedule is not None]
        self._followers = [
            Follower(n, rule, [(output, self._gates[output]) for output in self._outputs[n]])
            for n, rule in enumerate(rules.rules)
            if rule.value is not None
        ]
        self._held: list[set[int]] = [set() for _ in rules.rules]  # animals for which a rule fired and has not ended
        self._cut: dict[int, int] = {}  # rules that hold outputs of mode while which went off, and when
        self._windowed = [n for n, rule in enumerate(rules.rules) if rule.armed_until_ns < NEVER_NS]
        self._events = 0
        self._evaluator: Evaluator | None = None
        self._link: Link | None = None
        self._armed = False

    def _oldest(self, output: int) -> int:
        """How old a pose may be that an output depends on, in ns: what the strictest of its rules says."""
        rules = zip(self.rules.rules, self._outputs, strict=True)
        return min((rule.max_age_ns for rule, outputs in rules if output in outputs), default=MARGIN_NS)

    def _holds(self, rule: int) -> bool:
        return any(self.rules.outputs[output].mode == "while" for output in self._outputs[rule])

    @property
    def armed(self) -> bool:
        """Whether decisions reach the outputs."""
        return self._armed

    @property
    def trouble(self) -> str:
        """Why they do not any more; empty while they do, and after an orderly end."""
        return "" if self._link is None or self._link.trouble in _ORDERLY else self._link.trouble

    def start(self, frame_rate: float, header: Mapping[str, Any]) -> list[str]:
        """Compile the rules; start the guard, with all outputs in their safe state. Returns a line for each output.

        ``header`` goes to the beginning of the log. Raises InputError or WorkError if an output cannot be opened.
        """
        rules = self.rules
        self._evaluator = Evaluator(rules, animals=self._animals, frame_rate=frame_rate or 100.0)
        about = {
            "rules_path": rules.path, "rules_sha256": rules.sha256, "rules": rules.text, "seed": rules.seed,
            "blind": rules.blind, "outputs": [asdict(spec) for spec in rules.outputs],
        }  # fmt: skip
        self._link = self._make_link(
            rules.outputs,
            log=self.log,
            header={**header, **about},
            max_age_ns=self._ages,
            stream=self._stream,
            unsafe=self._unsafe,
        )
        lines = self._link.start()
        self._armed = True
        self._teller.link = self._link
        self._teller.say("armed")
        return lines

    def step(
        self,
        frame: Frame,
        time_ns: int,
        poses: Floats,
        ids: npt.NDArray[np.int64] | None,
        id_scores: Floats | None,
        predicted: Floats | None,
    ) -> None:
        """One frame with its poses, taken at ``time_ns`` of the source's time: decide, act, tell."""
        assert self._evaluator is not None
        assert self._link is not None
        if self._first_ns is None:
            self._first_ns = time_ns
        self._frame = frame
        self._teller.at(frame, time_ns - self._first_ns)
        taken = taken_ns(frame)
        age = self._clock() - taken
        count = self._evaluator.step(poses, ids, id_scores, time_ns, age, frame.image, predicted)
        self._link.vouch(taken)
        if count:
            self._hear_all()  # whether outputs are off by now is asked before they are told to act
            self._deal(count)
        for n in self._windowed:
            if self._held[n] and time_ns - self._first_ns >= self.rules.rules[n].armed_until_ns:
                self._held[n].clear()
                self._end(n, -1)
        if self._cut:
            self._resume(age, self._clock())
        if self._scheduled:
            self._replay(time_ns - self._first_ns, age)
        for follower in self._followers:
            value = float(self._evaluator.values[follower.rule])
            follower.step(value, frame.number, self._clock(), self._link, self.tally)

    def poll(self) -> None:
        """Let the guard know, and hear it: to be called after every frame's pose was sent, and at least every 50 ms."""
        if self._link is None:
            return
        now = self._clock()
        for output in self._known.lapsed(now):
            of = self._known.started[output]
            self._teller.say("ended", outputs=[output], reason=LONGEST, decided=now, value=0.0, of=of)
        self._link.beat()
        self._hear_all()
        if self._armed and not self._link.armed:
            self._armed = False
            for output in range(len(self._gates)):
                self.tally.stopped(output, self._clock())
            self._teller.say("disarmed", reason=self._link.trouble)

    def disarm(self, why: str) -> None:
        """Outputs safe, and no act any more in this session."""
        if self._link is not None:
            self._link.disarm(why)

    def close(self, reason: str) -> None:
        """Outputs safe, log closed. May be called twice."""
        if self._link is not None:
            self.poll()
            self._armed = False
            self._link.close(reason)
            self._hear_all()

    def figures(self, *, blind: bool) -> dict[str, Any]:
        """What happened so far; with ``blind`` nothing that tells the arm."""
        return {
            "armed": self._armed,
            "trouble": self.trouble,
            **self.tally.figures(self._gates, self._clock(), blind=blind),
        }

    # Decisions -------------------------------------------------------------------------------------------------------

    def _deal(self, count: int) -> None:
        assert self._evaluator is not None
        for outcome in self._evaluator.outcomes[:count]:
            rule, code, animal = int(outcome["rule"]), int(outcome["code"]), int(outcome["animal"])
            if self._schedules[rule] is not None:
                continue  # its decisions count for nothing
            if code == FIRED:
                self._held[rule].add(animal)
                self._fire(rule, animal)
            elif code == ENDED:
                self._held[rule].discard(animal)
                if not self._held[rule]:
                    self._end(rule, animal)
            else:
                self._withhold(rule, animal, NAMES[code])

    def _resume(self, age_ns: int, now_ns: int) -> None:
        """Poses are fresh again: what was cut is on again for those rules that hold, within its limits."""
        for rule, cut_ns in list(self._cut.items()):
            if age_ns <= self.rules.rules[rule].max_age_ns and now_ns - cut_ns >= RESUME_NS:
                del self._cut[rule]
                if self._held[rule] and self._evaluator is not None and self._evaluator.active[rule]:
                    self._fire(rule, min(self._held[rule]), again=True)

    def _replay(self, since_first_ns: int, age_ns: int) -> None:
        for rule in self._scheduled:
            schedule = self._schedules[rule]
            assert schedule is not None
            for starts in schedule.due(since_first_ns):
                if not starts:
                    self._end(rule, -1)
                elif age_ns > self.rules.rules[rule].max_age_ns:
                    self._withhold(rule, -1, NAMES[AGE])
                else:
                    self._fire(rule, -1)

    def _fire(self, rule: int, animal: int, *, again: bool = False) -> None:
        """Every output that permits it acts; why the others do not is told. ``again``: those of mode ``while`` alone,
        for a stimulus that was cut, which is therefore no sham."""
        decided = self._clock()
        event, self._events = self._events, self._events + 1
        wanted = [n for n in self._outputs[rule] if not again or self.rules.outputs[n].mode == "while"]
        permits = [(output, self._gates[output].start(rule, decided)) for output in wanted]
        # What is refused takes no place in a block of shams; what turns an output off is as its start was.
        begins = not wanted or any(isinstance(permit, Permit) and permit.what != "off" for _, permit in permits)
        sham = begins and not again and self._shams[rule].next()
        acting: list[int] = []
        refused: list[tuple[int, str]] = []
        off = False
        for output, permit in permits:
            if isinstance(permit, str):
                refused.append((output, permit))
                continue
            off = permit.what == "off"
            hidden = self._known.shamming[output] if off else sham
            if not hidden and not self._act(output, event, permit, rule, animal, decided):
                self._gates[output].cut(decided)
                refused.append((output, _DISARMED))
                continue
            acting.append(output)
            sham = sham or hidden
            self._known.begin(output, event, hidden)
            if not hidden:
                self.tally.started(output, permit, decided)
        if acting or not wanted:
            counts = self.tally.shams if sham else self.tally.fired
            counts[rule] += 1
            kind, reason = "sham" if sham else "fired", RESUMED if again else ""
            value = 0.0 if off else 1.0
            self._teller.say(kind, event, rule, acting, animal, reason=reason, decided=decided, value=value)
        for output, reason in refused:
            self._withhold(rule, animal, reason, event, [output], decided)

    def _end(self, rule: int, animal: int) -> None:
        """Outputs that were on for a rule are off, unless another rule holds them."""
        decided = self._clock()
        ended: list[int] = []
        for output in self._outputs[rule]:
            permit = self._gates[output].end(rule, decided)
            if permit is not None:
                ended.append(output)
                if self._known.shamming[output]:
                    self._gates[output].settled(decided)
                else:
                    self._act(output, self._events, permit, rule, animal, decided)
                    self.tally.stopped(output, decided)
        if ended:
            event, self._events = self._events, self._events + 1
            of = self._known.started[ended[0]]
            self._teller.say("ended", event, rule, ended, animal, decided=decided, value=0.0, of=of)

    def _act(self, output: int, event: int, permit: Permit, rule: int, animal: int, decided: int) -> bool:
        assert self._frame is not None
        assert self._link is not None
        what, name, number = permit.what, self._names[rule], self._frame.number
        off = what == "off"
        done = self._link.act(
            output, Act(event, what, 0.0 if off else 1.0, permit.longest_ns, name, animal, number, decided)
        )
        self.tally.act(event, None if off else taken_ns(self._frame), decided)
        return done

    def _withhold(
        self, rule: int, animal: int, reason: str, event: int = -1, outputs: list[int] | None = None, decided: int = 0
    ) -> None:
        self.tally.held_back(rule, reason)
        self._teller.say("withheld", event, rule, outputs, animal, reason=reason, decided=decided or self._clock())

    def _hear_all(self) -> None:
        assert self._link is not None
        for report in self._link.poll():
            self._hear(report)

    def _hear(self, report: Report) -> None:
        if report.output < 0:
            return  # of no output: `armed` and `trouble` tell it
        if self._known.hear(report) and self._armed:  # those rules that hold it try again
            self._cut |= {
                n: report.time_ns
                for n, outputs in enumerate(self._outputs)
                if report.output in outputs and self._held[n]
            }
        self._teller.heard(report)


def taken_ns(frame: Frame) -> int:
    """When a frame was taken: `exposed`, else `grabbed`, in ns of the session's clock."""
    return frame.grabbed_ns if frame.exposed_ns is None else frame.exposed_ns
