"""One model at one size in `bench pipeline`: a live pipeline with its subscriber, and what its rounds come to."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from posewire.frame import Image, SourceInfo
from posewire.pipeline import Pipeline
from posewire.preprocess import Crop, Geometry
from posewire.preprocess import plan as plan_geometry
from posewire.publish import Publisher
from posewire.session import Model, default_threads
from posewire_bench.frames import read_frames
from posewire_bench.live import STREAM, Live, Nanoseconds
from posewire_bench.outcome import comparison, figure
from posewire_bench.resampling import Floats
from posewire_bench.rounds import Contestant, Series
from posewire_bench.sizes import Size, geometry_for
from posewire_bench.subscriber import Subscriber

ANY_PORT = "tcp://127.0.0.1:*"


@dataclass(frozen=True)
class LaneSettings:
    """What all lanes of a measurement share. ``camera``: size of the frames, if it is not the source's own; ``crop``:
    the part of them that is looked at, if no size of a picture is asked for; ``follow``: a crop follows the animal."""

    source: str
    frames: int
    camera: Size | None
    crop: Crop | None
    provider: str
    threads: int
    follow: bool = False


@dataclass
class Lane:
    """``name``: model, sizes and provider. `contestants` are to be measured; `figures` is asked once they were.

    A crop that ``follow`` s has no bare network beside it: its looks are of several shapes.
    """

    name: str
    live: Live
    listener: Subscriber
    facts: dict[str, Any]
    follow: bool = False
    _stages: dict[str, list[Floats]] = field(default_factory=dict)

    def contestants(self) -> dict[str, Contestant]:
        """The pipeline and the bare network, by the names of their figures."""
        pipeline: dict[str, Contestant] = {f"pipeline, {self.name}": self._run}
        return pipeline if self.follow else {**pipeline, f"bare network, {self.name}": self.live.bare}

    def figures(self, found: Mapping[str, Series]) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
        """Figures of both and of the pipeline's parts, how the two compare, and notes.

        Ends the subscriber. Raises WorkError if that does not answer.
        """
        self.live.signal()
        heard = self.listener.found()
        pair = [figure(name, found[name], **self.facts) for name in self.contestants()]
        series = found[f"pipeline, {self.name}"]
        parts = {name: values[-len(series.rounds) :] for name, values in self._stages.items()}  # without the warm-up
        parts["frame to reader's hand"] = _arrived(heard, [len(one) for one in series.rounds], series.warm_up)
        figures = pair + [
            figure(f"- {name}, {self.name}", Series(rounds, series.warm_up), work=False, **self.facts, part=True)
            for name, rounds in parts.items()
            if rounds
        ]
        notes = [f"{heard['lost']} messages were lost on the wire, {self.name}"] if heard["lost"] else []
        view = self.live.pipeline.view
        if self.follow and view is not None:
            notes.append(
                f"Looks, {self.name}, warm-up and frames from the last to the first again included: {view.figures()}"
            )
        compared = [] if self.follow else [comparison(f"pipeline to bare network, {self.name}", *pair)]
        return figures, compared, notes

    def notes(self) -> list[str]:
        """Why providers were not used, and how the network is computed."""
        pipeline = self.live.pipeline
        return [*(f"not used: {reason}" for reason in pipeline.network.refused), *pipeline.notes]

    def _run(self, count: int) -> Nanoseconds:
        taken = self.live.run(count)
        for name, values in {**self.live.stages, "after the send": self.live.after}.items():
            if values.any():
                self._stages.setdefault(name, []).append(values / 1e6)
        return taken


def open_lane(stack: ExitStack, settings: LaneSettings, model: Model, size: Size | None) -> Lane:
    """A warmed-up lane whose pictures are of ``size`` before padding, or of what the frames make them; closed by
    ``stack``. Raises InputError, and WorkError if the subscriber does not come."""
    geometry, images, info = _frames(settings, model, size)
    publisher = stack.enter_context(Publisher(ANY_PORT, STREAM))
    crop_of = None if settings.follow else geometry.crop
    pipeline = Pipeline(
        model, crop=crop_of, follow=settings.follow, provider=settings.provider, threads=settings.threads
    )
    live = Live(pipeline, images, publisher, info.fps)
    listener = stack.enter_context(Subscriber(publisher.endpoint))
    live.wait_for(1)
    if not settings.follow:
        live.prepare()
    provider, threads = pipeline.network.provider, settings.threads or default_threads()
    frame, crop = Size(*geometry.frame), geometry.crop
    facts = {
        "model": model.contract.name,
        "sha256": model.sha256,
        "frame": list(frame),
        "crop": [crop.x, crop.y, crop.width, crop.height],
        "picture": list(geometry.resized),
        "input": list(geometry.padded),
        "provider": provider,
        "threads": threads,
    }
    part = "" if (crop.width, crop.height) == frame else f" crop {Size(crop.width, crop.height)} of"
    cores = f", {threads} thread{'s' * (threads > 1)}" if provider == "cpu" else ""
    what = f"a crop that follows in {frame}" if settings.follow else f"{frame} -> {Size(*geometry.padded)}"
    name = f"{model.contract.name},{part} {what}, {provider}{cores}"
    return Lane(name, live, listener, {**facts, "follow": settings.follow}, settings.follow)


def _frames(settings: LaneSettings, model: Model, size: Size | None) -> tuple[Geometry, list[Image], SourceInfo]:
    if size is not None:
        geometry = geometry_for(model.contract, size, settings.camera)
        return geometry, *read_frames(settings.source, settings.frames, Size(*geometry.frame))
    images, info = read_frames(settings.source, settings.frames, settings.camera)
    height, width = images[0].shape[:2]
    return plan_geometry(model.contract, width, height, settings.crop), images, info


def _arrived(heard: Mapping[str, Any], counts: Sequence[int], warm_up: int) -> list[Floats]:
    """From the frame in the publisher's memory to the pose in the subscriber's hand, ms, by rounds."""
    taken = (np.asarray(heard["in_hand"], np.float64) - np.asarray(heard["grabbed"], np.float64)) / 1e6
    frames = np.asarray(heard["frame"], np.int64)
    starts = (warm_up + np.concatenate([[0], np.cumsum(counts)])).tolist()
    rounds = [taken[(frames >= a) & (frames < b)] for a, b in itertools.pairwise(starts)]
    return [one for one in rounds if len(one)]
