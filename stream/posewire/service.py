"""The main job: source -> network -> keypoints on ZeroMQ, from start to report.

Two threads meet in the slot: the grabber owns the source; the thread that calls `Service.run` owns the pipeline and the
socket. Asides (``--show``, the status line) get what the loop has finished with.
"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import cv2

from posewire import __version__
from posewire.announce import Announcer
from posewire.clock import clock_info, now_ns
from posewire.config import CROP_WORDS, RunSettings, compute_of, crop_budget, decoding_rules
from posewire.frame import Frame, SourceInfo
from posewire.grabber import Grabber
from posewire.judge import Judge
from posewire.ledger import Ledger
from posewire.message import Stamps
from posewire.pack import PosePacker
from posewire.pipeline import Pipeline, StepStamps
from posewire.preprocess import parse_crop
from posewire.preview import Viewer
from posewire.publish import Publisher
from posewire.realtime import ask_for_all, give_back, usable_cores
from posewire.report import run_report
from posewire.session import load_model
from posewire.slot import Slot
from posewire.sources import open_source
from posewire_models.errors import PosewireError

_IDLE_S = 0.05  # how often the publisher is served while no frame comes
_SERVICE_NS = 20_000_000  # and the least time between two services while frames come
_PATIENCE_S = 3.0  # of getting ready in silence

if TYPE_CHECKING:
    from posewire.session_rules import SessionRules


def _rules_of(settings: RunSettings, pipeline: Pipeline, session: bytes) -> SessionRules:
    # Imported by those sessions alone that have rules: they have kernels to load.
    from posewire.session_rules import SessionRules

    return SessionRules(settings, pipeline, session)


class Service:
    """One session of `posewire run`. Built and run once, in one thread.

    ``say`` receives one-line remarks for people. ``stop`` ends the session from any thread or signal handler.
    """

    def __init__(self, settings: RunSettings, say: Callable[[str], None], stop: threading.Event) -> None:
        self.settings = settings
        self.session = os.urandom(16)
        self.ledger = Ledger()
        self.provider = ""
        self._say = say
        self._stop = stop
        cv2.setNumThreads(1)  # frames are small: OpenCV's pool would only fight with the network for the cores
        model = load_model(settings.model)
        self.pipeline = Pipeline(
            model,
            crop=None if settings.crop in CROP_WORDS else parse_crop(settings.crop),
            follow=settings.crop == "follow",
            follow_px=settings.follow_px,
            follow_every=settings.follow_every,
            budget_ms=crop_budget(settings, model.contract),
            compute=compute_of(settings),
            min_score=settings.min_score,
            animals=settings.animals,
            appearance=settings.appearance == "colour",
            rules=decoding_rules(settings, model.contract),
            lead_ms=settings.lead_ms,
        )
        self._packer = PosePacker(self.session, settings.stream)
        self._stamps = Stamps(0, 0, 0, 0, 0, 0)  # of the frame at hand
        self.publisher = Publisher(settings.publish, settings.stream, insecure=settings.insecure)
        self._slot = Slot()
        self._source = open_source(settings.source)
        self._grabber = Grabber(self._source, self._slot, pace=settings.pace, frames=settings.frames)
        # At maximum pace the next frame is decoded beside the network. At real pace there is time for it afterwards,
        # when the slot is asked for the next frame: beside the network it would only slow this pose.
        self._let_in = self._slot.let_in if settings.pace == "max" else None
        self._judge = Judge(self.pipeline)
        self._viewer: Viewer | None = None
        self._rules = None if settings.rules is None else _rules_of(settings, self.pipeline, self.session)
        self._announcer = Announcer(self.publisher, settings, self.session)
        self._first_ns: int | None = None
        self._last_ns = 0
        self._cores: set[int] | None = None  # of the process, while the loop keeps to one of them
        self._told: set[str] = set()  # why providers were not used: frames of every new size would tell it again

    @property
    def started(self) -> bool:
        """Whether the first frame has been asked for: from then on there is something to report."""
        return self._first_ns is not None

    def status(self) -> str:
        """The live line: what happened over the last frames. Called from another thread."""
        if not self.started:
            return ""
        rate, p50, p99 = self.ledger.recent()
        armed = "" if self._rules is None else f"  {self._rules.status}"
        return (
            f"{self.ledger.processed} frames  {rate:.1f}/s  total p50 {p50:.1f} ms, p99 {p99:.1f} ms  "
            f"skipped {self._slot.skipped}  subscriptions {self.publisher.subscriptions}{armed}"
        )

    def run(self, running: Callable[[], None]) -> None:
        """From opening the source to its end or the stop; ``running`` is called when the loop begins.

        Raises PosewireError. `report` is valid afterwards in any case.
        """
        failure: BaseException | None = None
        try:
            self.publisher.bind()
            info = self._grabber.start()
            self._warm_up(info)
            running()
            self._wait_for_subscribers()
            self._grabber.release()
            self._loop()
        except BaseException as error:
            failure = error
            raise
        finally:
            self._close(failure)

    def _warm_up(self, info: SourceInfo) -> None:
        for note in info.notes:
            self._say(note)
        name = self.pipeline.model.contract.name
        if "model" not in self.settings.model_fields_set and info.animals is None:
            self._say(f"no --model given: {name} is taken, which finds drawn animals")
        if info.animals is not None and info.animals > 1 and self.pipeline.model.contract.animals == "one":
            self._say(f"{info.animals} animals, but {name} finds one: its keypoints may come from any of them")
        # Silence would look like a hang: kernels that were never compiled on this machine take half a minute.
        note = "still getting ready: networks are warmed up, and the first start on a machine compiles its kernels"
        patience = threading.Timer(_PATIENCE_S, self._say, [note])
        patience.daemon = True
        patience.start()
        try:
            self._fit(info.width, info.height)
            if self._rules is not None:  # before cores are taken: the guard is not to be kept to one of them
                self._arm(info, self._rules)
        finally:
            patience.cancel()
        # One whole pass through packing, so that nothing is met for the first time by the first frame.
        pipeline = self.pipeline
        self._packer.pack(
            0, 0, self._stamps, pipeline.poses, pipeline.ids, pipeline.id_scores,
            None if pipeline.predictor is None else pipeline.poses,
        )  # fmt: skip
        if self.settings.show is not None:
            contract, wait = self.pipeline.model.contract, self.settings.pace == "max"
            self._viewer = Viewer(self.settings.show, contract.keypoints, contract.skeleton, info.fps, wait)
        if self.settings.realtime:
            self._be_realtime()
        # What exists now lives until the end: the collector need not look at it again in mid-stream.
        gc.collect()
        gc.freeze()
        self._say(
            f"{self.pipeline.model_now.contract.name} on {self.provider}, {info.width}x{info.height} from {info.name}; "
            f"listen with: posewire listen {self.publisher.endpoint} --stream {self.settings.stream}"
        )

    def _arm(self, info: SourceInfo, rules: SessionRules) -> None:
        model = self.pipeline.model
        about = {"model": model.contract.name, "model_sha256": model.sha256, "posewire": __version__}
        rules.start(info, self._clock, about, self.publisher.send_event, self._say)

    def _be_realtime(self) -> None:
        self._cores = usable_cores()
        self._say_once(*map(str, ask_for_all()))

    def _say_once(self, *remarks: str) -> None:
        for remark in remarks:
            if remark not in self._told:
                self._told.add(remark)
                self._say(remark)

    def _fit(self, width: int, height: int) -> None:
        if self._cores is not None:
            give_back(self._cores)  # or the helpers of the new network would share the loop's core
        self.pipeline.fit(width, height)
        if self._cores is not None:
            self._be_realtime()
        self.provider = self.pipeline.network.provider
        refused = (f"not used: {reason}" for reason in self.pipeline.network.refused)
        self._say_once(*refused, *self.pipeline.notes)
        self._clock = clock_info()
        self._size = width, height
        self._tell_meta()
        self.publisher.service(now_ns())

    def _tell_meta(self) -> None:
        """What the meta messages say from now on; a budget may change the model in mid-stream."""
        self._model = self.pipeline.model_now
        self._announcer.tell_meta(self.pipeline, self.provider, self._clock, self._size, self._grabber.info.name)

    def _tell_health(self, now: int) -> None:
        rules = None if self._rules is None else self._rules.health()
        predictor = self.pipeline.predictor
        score = None if predictor is None else predictor.figures()
        self._announcer.tell_health(now, self.ledger.processed, self._slot.skipped, rules, score)

    def _wait_for_subscribers(self) -> None:
        wanted = self.settings.wait_subscribers
        if wanted:
            self._say(f"waiting for {wanted} subscription(s) to pose/{self.settings.stream}")
        while self.publisher.subscriptions < wanted and not self._stop.is_set():
            self.publisher.service(now_ns())
            self._stop.wait(0.005)

    def _loop(self) -> None:
        deadline_ns = None
        if self.settings.duration is not None:
            deadline_ns = now_ns() + round(self.settings.duration * 1e9)
        stamps = StepStamps()
        due_ns = 0
        self._first_ns = now_ns()
        while not self._stop.is_set() and (deadline_ns is None or now_ns() < deadline_ns):
            frame = self._slot.take(_IDLE_S, let_in=False)
            if frame is None:
                if self._slot.ended:
                    break
            else:
                self._step(frame, stamps)
            changed = self._rules is not None and self._rules.poll(self._say)
            now = now_ns()
            if frame is None or now >= due_ns:
                self.publisher.service(now)
                due_ns = now + _SERVICE_NS
            if changed or now >= self._announcer.health_due_ns:
                self._tell_health(now)
        self._last_ns = now_ns()

    def _step(self, frame: Frame, stamps: StepStamps) -> None:
        picked = now_ns()
        pipeline = self.pipeline
        if not pipeline.fits(frame.image):
            height, width = frame.image.shape[:2]
            self._say(f"frame {frame.number} is {width}x{height}: making the network ready for this size")
            self._fit(width, height)
        time_ns = frame.grabbed_ns if frame.exposed_ns is None else frame.exposed_ns
        taken_ns: int | None = time_ns
        if self.settings.pace == "max" and self._grabber.info.fps > 0:
            # The source's own time, not that of the computer that races through it.
            time_ns, taken_ns = round(frame.number * 1e9 / self._grabber.info.fps), None
        pipeline.step(frame.image, stamps, self._let_in, time_ns, taken_ns)
        ruled = None
        if self._rules is not None:
            self._rules.step(frame, time_ns)
            ruled = now_ns()
        when, publisher, poses, ids = self._stamps, self.publisher, pipeline.poses, pipeline.ids
        predicted = pipeline.predicted
        when.grabbed, when.picked, when.prepared = frame.grabbed_ns, picked, stamps.prepared
        when.inferred, when.decoded = stamps.inferred, stamps.decoded
        when.exposed, when.exposed_err, when.exposed_from = frame.exposed_ns, frame.exposed_err_ns, frame.exposed_from
        when.sent = now_ns()
        publisher.send_pose(
            self._packer.pack(
                publisher.messages, frame.number, when, poses, ids, pipeline.id_scores, predicted, pipeline.lead_ns
            )
        )
        returned = now_ns()
        if pipeline.model_now is not self._model:
            self._tell_meta()
        self.ledger.add(when, returned, stamps.tracked, ruled)
        self._judge.add(frame, time_ns)
        if self._viewer is not None:
            text = f"frame {frame.number}   latency {(returned - frame.grabbed_ns) / 1e6:.1f} ms   {self.provider}"
            self._viewer.offer(frame.image, poses, text, ids, pipeline.id_scores, pipeline.box, predicted)
        self._grabber.recycle(frame)

    def _close(self, failure: BaseException | None) -> None:
        """Ends everything in the order of ownership; keeps the first error."""
        self._last_ns = self._last_ns or now_ns()
        if self._rules is not None:  # first of all: outputs safe
            self._rules.close("the session ended" if failure is None else f"the session failed: {failure}")
            if self._rules.health() is not None:
                self._tell_health(now_ns())
        if not self._grabber.stop(1.0):
            self._say(f"{self.settings.source}: the source does not answer; left behind")
        self._slot.close()
        self.publisher.close()
        for remark in self._source.remarks():
            self._say(remark)
        try:
            if self._viewer is not None:
                self._viewer.close()
                dropped = f", {self._viewer.dropped} left out" if self._viewer.dropped else ""
                if self._viewer.written:
                    self._say(f"wrote {self.settings.show} ({self._viewer.written} drawn{dropped})")
                else:
                    self._say(f"{self.settings.show} not written: no frame came")
        except PosewireError as error:
            if failure is None:
                raise
            self._say(str(error))
        gc.unfreeze()
        if self._cores is not None:
            give_back(self._cores)
        if failure is None and self._slot.error is not None:
            raise self._slot.error

    def report(self) -> dict[str, Any]:
        """The object of ``run --json``."""
        self._judge.settle()
        seconds = max(0.0, (self._last_ns - self._first_ns) / 1e9) if self._first_ns is not None else 0.0
        report = run_report(self.settings, self.pipeline, self.ledger, self._slot.skipped, seconds, self.publisher)
        report["session"] = self.session.hex()
        if self._rules is not None and (acted := self._rules.report()) is not None:
            report["rules"] = acted
        self._judge.complete(report)
        return report
