"""One pipeline as `posewire run` drives it, frame after frame, with a real socket behind it; and the same network with
nothing about it."""

from __future__ import annotations

import os
import time

import cv2
import numpy as np
import numpy.typing as npt

from posewire import __version__
from posewire.clock import clock_info, now_ns
from posewire.frame import Image
from posewire.ledger import Ledger
from posewire.message import MetaContent, ModelMeta, PoseContent, Stamps, pack_pose
from posewire.pack import PosePacker
from posewire.pipeline import Pipeline, StepStamps
from posewire.publish import Publisher
from posewire_bench.subscriber import LAST, PASSED_OVER
from posewire_models.errors import WorkError

Nanoseconds = npt.NDArray[np.int64]
STREAM = "main"
SERVICE_NS = 20_000_000  # between two looks at subscriptions while frames come, as in `posewire run`
_PATIENCE_S = 20.0


class Live:
    """Frames of one size in memory -> messages on a bound socket.

    `run` is what `posewire.service.Service` does with a frame, step for step. ``stages`` has the parts of every frame
    of the last `run`, int64 ns, by their names; ``after`` what came between two frames: the ledger, and subscriptions.
    """

    def __init__(self, pipeline: Pipeline, images: list[Image], publisher: Publisher, fps: float) -> None:
        cv2.setNumThreads(1)  # as in `posewire run`
        self.pipeline = pipeline
        self.images = images
        self._publisher = publisher
        self._frame_ns = round(1e9 / fps) if fps > 0 else 33_333_333
        self._session = os.urandom(16)
        self._packer = PosePacker(self._session, STREAM)
        self._stamps = Stamps(0, 0, 0, 0, 0, 0)
        self._frame = 0
        self.stages: dict[str, Nanoseconds] = {}
        self.after: Nanoseconds = np.empty(0, np.int64)
        self._prepared: list[Image] = []
        height, width = images[0].shape[:2]
        pipeline.fit(width, height)
        contract = pipeline.model.contract
        publisher.set_meta(
            MetaContent(
                session=self._session,
                stream=STREAM,
                keypoints=contract.keypoints,
                skeleton=contract.skeleton,
                size=(width, height),
                model=ModelMeta(
                    contract.name, pipeline.model.sha256, pipeline.network.provider, float(pipeline.min_score)
                ),
                clock=clock_info(),
                source="bench",
                config_sha256="",
                posewire=__version__,
            )
        )

    def run(self, count: int) -> Nanoseconds:
        """``count`` frames, from the frame in memory to the return of the send, each int64 ns."""
        pipeline, publisher, images = self.pipeline, self._publisher, self.images
        taken, after = np.empty(count, np.int64), np.empty(count, np.int64)
        stages = {name: np.zeros(count, np.int64) for name in ("prepare", "infer", "decode", "track", "publish")}
        stamps, when, ledger, pack = StepStamps(), self._stamps, Ledger(), self._packer.pack
        due_ns = 0
        for n in range(count):
            image = images[self._frame % len(images)]
            picked = now_ns()
            pipeline.step(image, stamps, None, self._frame * self._frame_ns)
            poses, ids, predicted = pipeline.poses, pipeline.ids, pipeline.predicted
            when.grabbed, when.picked, when.prepared = picked, picked, stamps.prepared
            when.inferred, when.decoded = stamps.inferred, stamps.decoded
            when.sent = now_ns()
            publisher.send_pose(
                pack(publisher.messages, self._frame, when, poses, ids, pipeline.id_scores, predicted, pipeline.lead_ns)
            )
            returned = now_ns()
            taken[n] = returned - picked
            ledger.add(when, returned, stamps.tracked)
            now = now_ns()
            if now >= due_ns:
                publisher.service(now)
                due_ns = now + SERVICE_NS
            after[n] = now_ns() - returned
            stages["prepare"][n] = stamps.prepared - picked
            stages["infer"][n] = stamps.inferred - stamps.prepared
            stages["decode"][n] = stamps.decoded - stamps.inferred
            stages["track"][n] = 0 if stamps.tracked is None else stamps.tracked - stamps.decoded
            stages["publish"][n] = returned - when.sent
            self._frame += 1
        self.stages, self.after = stages, after
        return taken

    def prepare(self) -> None:
        """Keep the network's input of every frame for `bare`."""
        stamps = StepStamps()
        self._prepared = []
        for n, image in enumerate(self.images):
            self.pipeline.step(image, stamps, None, n * self._frame_ns)
            self._prepared.append(self.pipeline.network.frames.copy())
        self.pipeline.forget()

    def bare(self, count: int) -> Nanoseconds:
        """The network alone, ``count`` times, on the inputs that `prepare` kept, each int64 ns.

        The input is put into the network's buffer before the time begins.
        """
        network, prepared = self.pipeline.network, self._prepared
        taken = np.empty(count, np.int64)
        for n in range(count):
            network.frames[:] = prepared[n % len(prepared)]
            begun = now_ns()
            network.run()
            taken[n] = now_ns() - begun
        return taken

    def wait_for(self, subscriptions: int) -> None:
        """Until so many subscribe to the poses. Raises WorkError if they do not come."""
        wait_for(self._publisher, subscriptions)

    def signal(self, frame: int = LAST) -> None:
        """A message that is no measurement: the last one, or one to be passed over."""
        signal(self._publisher, self._session, frame)


def wait_for(publisher: Publisher, subscriptions: int) -> None:
    """Serve the publisher until so many subscribe to the poses. Raises WorkError if they do not come."""
    deadline = time.monotonic() + _PATIENCE_S
    while publisher.subscriptions < subscriptions:
        if time.monotonic() > deadline:
            raise WorkError(f"{publisher.subscriptions} of {subscriptions} subscribers came within {_PATIENCE_S:g} s")
        publisher.service(now_ns())
        time.sleep(0.005)


def signal(publisher: Publisher, session: bytes, frame: int = PASSED_OVER) -> None:
    """Send a message without animals whose frame number says that it is no measurement."""
    now = now_ns()
    poses = np.zeros((0, 1, 3), np.float32)
    stamps = Stamps(now, now, now, now, now, now)
    publisher.send_pose(pack_pose(PoseContent(session, STREAM, publisher.messages, frame, stamps, poses)))
