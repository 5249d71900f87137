"""A dry run from the call to its result: rules are read, poses decided on, decisions counted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from posewire.dryrun.quantities import Quantities
from posewire.dryrun.rehearsal import Rehearsal
from posewire.dryrun.summary import Story
from posewire.dryrun.supply import Moment, Options, Supply
from posewire.dryrun.thresholds import Thresholds
from posewire.outputs.kinds import open_device
from posewire.outputs.spec import OutputSpec
from posewire.session_rules import MOST_ANIMALS
from posewire.triggers.file import RulesFile, read_file
from posewire.triggers.possible import quantities
from posewire.triggers.rules import Quantity, Rule
from posewire_models.errors import InputError, WorkError

if TYPE_CHECKING:
    from posewire.predict import Predictor

_NOISE_PX = 1.0  # what a place is off by, where no network tells


class DryRun:
    """One dry run; `run` is called once. ``say`` hears one-line remarks; ``stop`` ends it with what came until then.

    Afterwards ``supply`` has the poses that were decided on, and ``file`` is the rules file.
    """

    file: RulesFile

    def __init__(self, options: Options, say: Callable[[str], None], stop: threading.Event) -> None:
        """Raises InputError for options that cannot be."""
        if options.fps is not None and not 0 < options.fps < 100_000:
            raise InputError(f"--fps {options.fps:g}: expected frames per second, above 0")
        for name, ms in (("--latency-ms", options.latency_ms), ("--lead-ms", options.lead_ms)):
            if ms is not None and not 0 <= ms <= 10_000:
                raise InputError(f"{name} {ms:g}: expected ms, from 0 on")
        self._options, self._say, self._stop = options, say, stop
        self.supply = Supply(options, say, stop)
        self._tried = 0

    def status(self) -> str:
        """For the status line. Any thread may ask."""
        return f"frame {self._tried}" if self._tried else ""

    def run(self, running: Callable[[], None]) -> dict[str, Any]:
        """Everything but the pictures; ``running`` is called when frames are about to come. Raises PosewireError."""
        supply, options = self.supply, self._options
        try:
            supply.open()
            poses = supply.poses
            self.file = read_file(options.rules, poses.keypoints, poses.size, poses.animals, poses.fps)
            grays = self._check()
            moments = supply.moments(images=bool(grays))
            for doubt in self.file.doubts:
                self._say(f"{options.rules}:{doubt.line}: {doubt.what}: {doubt.text}")
            running()
            return self._try(moments)
        finally:
            supply.close()

    def _check(self) -> list[str]:
        """What a session would refuse, as well as it is known without it; the rules that look at the image."""
        options, rules = self._options, self.file.rules
        if any(rule.predicted for rule in rules.rules) and options.lead_ms is None:
            raise InputError(f"{options.rules}: a rule uses predicted keypoints; give --lead-ms, or use = 'measured'")
        grays = [rule.name for rule in rules.rules if any(one.kind == "gray" for one in _quantities(rule))]
        if grays and self.supply.video is None:
            raise InputError(
                f"--on {options.on}: rule {grays[0]!r} looks at gray values, which poses do not tell; give the video "
                "(its poses may come from this file: --on VIDEO --poses FILE)"
            )
        for spec in rules.outputs:
            self._look_at(spec)
        return grays

    def _look_at(self, spec: OutputSpec) -> None:
        try:
            device = open_device(spec, "dry-run")  # looks at its options, and opens nothing
        except WorkError as error:  # a package that only the machine with the device needs
            self._say(f"not looked at: {error}")
            return
        if spec.mode in ("while", "toggle") and not device.watchdog:
            why = f"a session will want --unsafe for mode {spec.mode}"
            self._say(f"output {spec.name!r}: has no watchdog of its own; {why}")

    def _try(self, moments: Iterator[Moment]) -> dict[str, Any]:
        options, poses, rules = self._options, self.supply.poses, self.file.rules
        story, thresholds = Story(rules), Thresholds(rules)
        animals = 1 if poses.animals == "one" else options.animals or MOST_ANIMALS
        latency_ns = round(options.latency_ms * 1e6)
        base = Rehearsal(rules, frame_rate=poses.fps, animals=animals, latency_ns=latency_ns, tell=story.hear)
        tried = [base]
        if thresholds.rules is not None:
            others, hear = thresholds.rules, thresholds.hear
            tried.append(Rehearsal(others, frame_rate=poses.fps, animals=animals, latency_ns=latency_ns, tell=hear))
        compared = Quantities(rules, animals=animals, frame_rate=poses.fps)
        predictor = None if options.lead_ms is None else self._predictor(animals)
        lead_ns = latency_ns + round((options.lead_ms or 0.0) * 1e6)  # it is predicted from when poses are known
        first_ns = last_ns = None
        for number, time_ns, found, ids, id_scores, image in moments:
            first_ns, last_ns = time_ns if first_ns is None else first_ns, time_ns
            story.seconds = (time_ns - first_ns) / 1e9
            predicted = None if predictor is None else predictor.step(found, ids, time_ns, time_ns + lead_ns)
            for one in tried:
                one.step(number, time_ns, found, ids, id_scores, predicted, image)
            compared.step(time_ns, found, ids, id_scores, predicted, image)
            self._tried += 1
        for one in tried:
            one.end()
        if self._stop.is_set():
            self._say(f"stopped after {self._tried} frames: what follows is of those")
        seconds = 0.0
        if first_ns is not None and last_ns is not None:
            seconds = (last_ns - first_ns) / 1e9 + (1.0 / poses.fps if poses.fps else 0.0)
        return {
            "on": options.on,
            "rules_file": str(options.rules),
            "sha256": rules.sha256,
            "frames": self._tried,
            "seconds": seconds,
            "fps": poses.fps,
            "latency_ms": options.latency_ms,
            "blind": rules.blind,
            **story.told(base.figures(), seconds),
            "quantities": compared.table(),
            "thresholds": thresholds.table(),
        }

    def _predictor(self, animals: int) -> Predictor:
        from posewire.predict import Predictor  # kernels that nobody else needs

        model = self.supply.model
        noise_px = _NOISE_PX if model is None else 0.1 * model.contract.stride / model.contract.scale
        return Predictor(len(self.supply.poses.keypoints), noise_px=noise_px, slots=animals)


def _quantities(rule: Rule) -> list[Quantity]:
    found = quantities(rule.when) if rule.when is not None else []
    waiting = [rule.value] if rule.value is not None else []
    while waiting:
        quantity = waiting.pop()
        found.append(quantity)
        waiting += quantity.inner
    return found
