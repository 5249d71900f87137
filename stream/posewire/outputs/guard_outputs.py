"""One output within the guard: what it was told, what is still to come, and whether somebody vouches for it."""

from __future__ import annotations

from collections.abc import Callable

from posewire.clock import now_ns
from posewire.outputs.device import BEAT_NS, Act, Device, Done
from posewire.outputs.guard_drivers import Direct, Driver, Outcome, Request, Threaded
from posewire.outputs.guard_timers import Train, train_ns
from posewire.outputs.spec import NEVER_NS, OutputSpec

NO_EVENT = -1
STUCK_NS = 50_000_000  # a device that has not come back for so long is not counted upon
# How often a device is asked anew for a safe state that it does not take: soon at first, then with the beats.
_RETRY_NS, _RETRY_SOON_NS = 2_000_000, 100_000_000
# How much later than by its own clock a device that times itself may come to rest.
_SLACK_NS = 20_000_000
# The first question for the answer of a device on which nobody can wait; then after twice as long, up to a beat.
_FIRST_ASK_NS = 1_000_000

# kind, event, time_ns, device_us, text: see `posewire.outputs.link.Report`; and "edge", which is logged only.
Tell = Callable[[str, int, int, "int | None", str], None]


class Output:
    """Executes the acts of one output, and ends them when nobody vouches for the poses any more.

    All calls come from one thread and give it the time. ``tell`` hears what happened. Call `turn` when `due_ns` has
    come, and after everything else. It never decides whether an act is permitted, but an act that comes too late, or
    while no pose is fresh, is refused, and no stretch of ``on`` is longer than the act's or the output's longest.
    A newer act takes the place of what was still to come of an older one.
    """

    def __init__(
        self,
        spec: OutputSpec,
        device: Device,
        max_age_ns: int,
        tell: Tell,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], int] = now_ns,
    ) -> None:
        self.spec = spec
        self.device = device
        self.trouble = ""  # why no act is taken any more
        self._max_age_ns = max_age_ns
        self._tell = tell
        self._driver: Driver = Threaded(device, self._heard, wake)
        if not device.blocking:
            self._driver = Direct(device, self._heard, clock)
        self._number = 0  # of the newest request
        self._on = False  # on, or not known to be in the safe state
        self._event = NO_EVENT  # of the newest request
        self._fresh_ns = 0  # until then somebody vouches
        self._train: Train | None = None
        self._begun = False  # whether the first edge of the train has been asked for
        self._act: Act | None = None  # what the train, or the end of `on`, belongs to
        self._since_ns = 0  # on since
        self._off_ns = NEVER_NS  # when it has to go off
        self._rest_ns = 0  # until then a device that times itself may be on
        self._owed = ""  # why the safe state is owed: asked for, not there yet
        self._owed_ns = 0
        self._retry_ns = NEVER_NS
        self._told = False  # that the safe state cannot be reached
        self._ask_ns, self._ask_step_ns = NEVER_NS, 0

    @property
    def restless(self) -> bool:
        """Whether it is not known to be in its safe state, or something is still to come."""
        return self._on or self._train is not None

    @property
    def owes_safe(self) -> bool:
        """Whether its safe state was asked for and is not reached yet."""
        return bool(self._owed)

    def open(self) -> str:
        """Open the device; one line on what it is. Raises what the device raises."""
        return self._driver.open()

    def fileno(self) -> int | None:
        """What to wait on for its answers."""
        return None if self._driver.gone else self._driver.fileno()

    def vouch(self, taken_ns: int) -> None:
        """The newest processed frame was taken at ``taken_ns``."""
        self._fresh_ns = taken_ns + self._max_age_ns

    def act(self, act: Act, now: int) -> None:
        """Do it, or tell why not."""
        refused = self._refusal(act, now)
        if refused:
            self._tell("failed", act.event, now, None, refused)
            return
        self._supersede(act, now)
        self._ask_step_ns, self._ask_ns = _FIRST_ASK_NS, now + _FIRST_ASK_NS
        if self.device.times_itself:
            self._act_alone(act, now)
        elif act.what == "pulse":
            if self._on:
                # However little the end of the last pulse is late: two of them never become one.
                self._ask(_edge(act, "off"), now)
            first_ns = max(now, min(now, act.decided_ns) + self.spec.delay_ns)
            self._train, self._begun, self._act = Train(self.spec, first_ns), False, act
            self._step(now)
        else:
            if act.what == "on":
                self._act = act
                self._since_ns = self._since_ns if self._on else now
                self._off_ns = min(now + act.longest_ns, self._since_ns + self.spec.max_on_ns)
            self._ask(act, now, first=True)

    def beat(self) -> None:
        """Every `BEAT_NS`."""
        if not self._driver.gone:
            self._driver.beat()

    def hear(self, now: int) -> None:
        """Look for answers of the device."""
        for done in self._driver.collect():
            self._answer(done)
        if now >= self._ask_ns:
            self._ask_step_ns = min(2 * self._ask_step_ns, BEAT_NS)
            self._ask_ns = now + self._ask_step_ns

    def due_ns(self) -> int:
        """When `turn` has something to do by itself; no answer of the device is lost before."""
        if self._driver.gone:
            return NEVER_NS
        due = self._ask_ns if self._ask_step_ns < BEAT_NS and self.fileno() is None else NEVER_NS
        if self._owed:
            return min(due, self._retry_ns)
        if self._train is not None:
            due = min(due, self._train.due_ns)
        due = min(due, self._off_ns)
        return min(due, self._fresh_ns + 1) if self.restless else due

    def turn(self, now: int) -> None:
        """Do what is due: the safe state first."""
        self.hear(now)
        if self._driver.gone:
            return
        stuck = self._driver.busy_ns and now - self._driver.busy_ns > STUCK_NS
        if self._owed:
            if stuck and not self._told:
                self._tell_stuck(now)
            if now >= self._retry_ns:
                self._ask_safe(now)
            return
        if self.device.times_itself and self._on and now > self._rest_ns:
            self._on = False
        if self.restless and now > self._fresh_ns:
            self.go_safe(f"no fresh pose for {self._max_age_ns / 1e6:g} ms", now)
        elif stuck and self.restless:
            self.go_safe("the device does not answer", now)
            self._tell_stuck(now)
        else:
            self._step(now)
            if now >= self._off_ns and self._act is not None:
                self._ask(_edge(self._act, "off"), now)

    def go_safe(self, why: str, now: int) -> None:
        """Forget what is still to come, and ask for the safe state until it is there."""
        if self._driver.gone:
            return
        self._cut_short(why, now)
        self._forget()
        if not self._owed:
            self._owed, self._owed_ns, self._told = why, now, False
            self._ask_safe(now)

    def disarm(self, why: str, now: int) -> None:
        """The safe state, and no act any more."""
        self.trouble = self.trouble or why
        self.go_safe(why, now)

    def close(self, timeout_s: float) -> None:
        """Let go of the device; waits for one of its own thread for ``timeout_s`` at most."""
        self._driver.close(timeout_s)

    def _refusal(self, act: Act, now: int) -> str:
        if self.trouble:
            return self.trouble
        if act.what not in ("pulse", "on", "off", "value"):
            return f"no act {act.what!r}"
        if self._owed:
            return f"its safe state is not reached yet ({self._owed})"
        if act.what == "off":
            return ""
        if now - act.decided_ns > self._max_age_ns:
            return f"decided {(now - act.decided_ns) / 1e6:.0f} ms ago: older than {self._max_age_ns / 1e6:g} ms"
        return f"no fresh pose for {self._max_age_ns / 1e6:g} ms" if now > self._fresh_ns else ""

    def _act_alone(self, act: Act, now: int) -> None:
        longest_ns = {"pulse": train_ns(self.spec), "on": min(act.longest_ns, self.spec.max_on_ns)}
        self._rest_ns = now + longest_ns.get(act.what, NEVER_NS) + _SLACK_NS
        self._ask(act, now, first=True)

    def _supersede(self, act: Act, now: int) -> None:
        self._cut_short(f"event {act.event} came", now)
        self._forget()

    def _cut_short(self, why: str, now: int) -> None:
        """Tell of the train that is not finished."""
        if self._train is not None and self._act is not None:
            if self._begun:
                self._tell("edge", self._act.event, now, None, f"not finished: {why}")
            else:
                self._tell("failed", self._act.event, now, None, f"not begun: {why}")

    def _forget(self) -> None:
        self._train, self._act, self._off_ns = None, None, NEVER_NS

    def _step(self, now: int) -> None:
        """The edge of the train that is due, if one is; the next one has its turn later."""
        train, act = self._train, self._act
        if train is None or act is None or now < train.due_ns:
            return
        rising, first = train.rising, not self._begun
        self._begun = True
        train.done(now)
        if train.over:
            self._forget()
        self._ask(_edge(act, "on" if rising else "off"), now, first=first)

    def _ask(self, act: Act, now: int, first: bool = False) -> None:
        self._number += 1
        until_ns = NEVER_NS if act.what == "off" else (act.decided_ns if first else now) + self._max_age_ns
        request = Request(act, self._number, first, until_ns, self._on)
        if act.what == "off":
            self._off_ns = NEVER_NS
        else:
            # Not known to be off from the moment it is asked for, until it is known again.
            self._on = act.what != "value" or act.value != self.spec.safe
        self._event = act.event
        self._driver.ask(request)

    def _ask_safe(self, now: int) -> None:
        self._number += 1
        self._retry_ns = NEVER_NS
        self._driver.ask(Request(None, self._number, False, NEVER_NS, True))

    def _heard(self, outcome: Outcome) -> None:
        request, now = outcome.request, outcome.time_ns
        if outcome.what == "gone":
            self.trouble = f"output {self.spec.name}: {outcome.text}"
            event = request.act.event if request is not None and request.act is not None else NO_EVENT
            self._forget()
            self._owed, self._on = "", False
            if event != NO_EVENT:
                self._tell("failed", event, now, None, outcome.text)
            self._tell("disarmed", NO_EVENT, now, None, outcome.text)
        elif request is None or request.act is None:
            self._safe_outcome(request, outcome)
        elif outcome.what == "done":
            act = request.act
            done = act.what if act.what != "value" else f"value {act.value:g}"
            self._tell("sent" if request.first else "edge", act.event, now, None, done)
            if request.number == self._number and act.what == "off":
                self._on = False
        else:
            self._refused(request, request.act, outcome)

    def _safe_outcome(self, request: Request | None, outcome: Outcome) -> None:
        if outcome.what == "done":
            if request is not None and request.number == self._number:
                self._on = False
            self._tell("safe", self._event, outcome.time_ns, None, self._owed)
            self._owed, self._retry_ns = "", NEVER_NS
            return
        if not self._told:
            self._told = True
            text = f"safe state ({self._owed}): {outcome.text}; asked again until it does"
            self._tell("failed", NO_EVENT, outcome.time_ns, None, text)  # it may be on still: no act has ended
        soon = outcome.time_ns - self._owed_ns < _RETRY_SOON_NS
        self._retry_ns = outcome.time_ns + (_RETRY_NS if soon else BEAT_NS)

    def _refused(self, request: Request, act: Act, outcome: Outcome) -> None:
        self._tell("failed", act.event, outcome.time_ns, None, f"{act.what}: {outcome.text}")
        if self._owed:
            return
        if request.number == self._number:
            self._on = request.was_on
        if act.what == "value":
            return  # the next frame brings a new one
        self._forget()
        if self._on or act.what == "off":
            self.go_safe(f"{act.what} of event {act.event} failed", outcome.time_ns)

    def _answer(self, done: Done) -> None:
        kind = "failed" if done.problem else "acknowledged"
        self._tell(kind, done.event, done.acked_ns, done.device_us, done.problem)

    def _tell_stuck(self, now: int) -> None:
        self._told = True
        text = f"safe state ({self._owed}): the device has not come back for {STUCK_NS / 1e6:g} ms; only its own "
        self._tell("failed", NO_EVENT, now, None, text + "watchdog can end what it does")


def _edge(act: Act, what: str) -> Act:
    return Act(act.event, what, act.value, act.longest_ns, act.rule, act.animal, act.frame, act.decided_ns)
