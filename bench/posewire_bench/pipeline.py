"""`bench pipeline`: frame in -> message out, against a bare loop of the same network.

Both run in one process, on one thread, with one network object, in turn: what differs is Posewire's own work, which is
preparing the frame, decoding, telling animals apart, packing and sending to a subscriber in a process of its own. Frames
lie in memory; reading or decoding them is not timed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from posewire.frame import Image, SourceInfo
from posewire.pipeline import Pipeline
from posewire.preprocess import Geometry, parse_crop
from posewire.preprocess import plan as plan_geometry
from posewire.publish import Publisher
from posewire.session import Model, default_threads, load_model
from posewire_bench.frames import read_frames
from posewire_bench.live import STREAM, Live
from posewire_bench.outcome import Occasion, comparison, figure
from posewire_bench.peer import Peer, peers
from posewire_bench.presets import preset_sizes, published
from posewire_bench.resampling import Floats
from posewire_bench.rounds import Plan, Series, measure
from posewire_bench.sizes import Size, geometry_for, parse_size, parse_sizes
from posewire_bench.subscriber import Subscriber
from posewire_bench.whole import Whole
from posewire_models.errors import InputError

ANY_PORT = "tcp://127.0.0.1:*"


@dataclass(frozen=True)
class PipelineSettings:
    """What is measured. ``sizes``: pictures that reach the network, WxH, before padding; ``frame_size``: of the camera's
    frames, WxH; ``crop``: ``full`` or X,Y,W,H; ``whole``: also the whole program; ``against``: ``dlclive``."""

    models: Sequence[str] = ("mouse-topview",)
    source: str = "synthetic"
    sizes: Sequence[str] = ()
    frame_size: str | None = None
    crop: str = "full"
    frames: int = 100
    provider: str = "auto"
    threads: int = 0
    endpoint: str = ANY_PORT
    preset: str | None = None
    whole: bool = False
    against: str | None = None
    peer_python: Path | None = None
    peer_model: Path | None = None


@dataclass
class _Lane:
    """One model at one size, and what its rounds leave beside the durations."""

    name: str
    live: Live
    facts: dict[str, Any]
    stages: dict[str, list[Floats]] = field(default_factory=dict)

    def run(self, count: int) -> Any:
        taken = self.live.run(count)
        for name, values in {**self.live.stages, "after the send": self.live.after}.items():
            if values.any():
                self.stages.setdefault(name, []).append(values / 1e6)
        return taken


def bench_pipeline(
    settings: PipelineSettings, plan: Plan, *, say: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Measure it. Raises InputError for a wrong setting, WorkError if a subscriber or a peer fails."""
    wanted = parse_sizes(settings.sizes) or preset_sizes(settings.preset)
    camera = parse_size(settings.frame_size, "--frame-size") if settings.frame_size else None
    crop = parse_crop(settings.crop)
    if crop is not None and wanted:
        raise InputError("--crop and --size: both say which part reaches the network; give one of them")
    models = [load_model(name) for name in dict.fromkeys(settings.models)]
    notes: list[str] = []
    with ExitStack() as stack:
        lanes: list[_Lane] = []
        listeners: list[Subscriber] = []
        for model in models:
            for size in wanted or [None]:
                geometry, images, info = _frames(settings, model, size, camera)
                publisher = stack.enter_context(Publisher(settings.endpoint, STREAM))
                pipeline = Pipeline(
                    model, crop=geometry.crop, provider=settings.provider, threads=settings.threads
                )
                live = Live(pipeline, images, publisher, info.fps)
                notes += [f"not used: {reason}" for reason in pipeline.network.refused]
                listeners.append(stack.enter_context(Subscriber(publisher.endpoint)))
                live.wait_for(1)
                live.prepare()
                lanes.append(_Lane(_name(model, geometry, pipeline, settings.threads), live,
                                   _facts(model, geometry, pipeline, settings.threads)))  # fmt: skip
        first = lanes[0]
        rivals: list[Peer] = []
        if settings.against is not None:
            images = first.live.images
            rivals = [stack.enter_context(one) for one in peers(settings.against, settings.peer_python,
                                                                settings.peer_model, images)]  # fmt: skip
            notes += rivals[0].notes()
        whole = Whole(settings.source, settings.models[0], settings.threads, settings.provider) if settings.whole else None
        occasion = Occasion("pipeline", _told(settings, plan))
        contestants = {}
        for lane in lanes:
            contestants[f"pipeline, {lane.name}"] = lane.run
            contestants[f"bare network, {lane.name}"] = lane.live.bare
        for rival in rivals:
            contestants[rival.name] = rival.run
        found = measure(contestants, plan, say)
        for lane in lanes:
            lane.live.signal()
        heard = [listener.found() for listener in listeners]
        programs = whole.rounds(min(plan.rounds, 5), say) if whole is not None else None
    figures, comparisons = [], []
    for lane, messages in zip(lanes, heard, strict=True):
        facts = lane.facts
        pair = [figure(name, found[name], **facts) for name in (f"pipeline, {lane.name}", f"bare network, {lane.name}")]
        warm_up, rounds = found[f"pipeline, {lane.name}"].warm_up, plan.rounds
        parts = [figure(f"- {name}, {lane.name}", Series(values[-rounds:], warm_up), work=False, **facts, part=True)
                 for name, values in lane.stages.items()]  # fmt: skip
        arrived = _arrived(messages, [len(one) for one in found[f"pipeline, {lane.name}"].rounds], warm_up)
        parts.append(figure(f"- frame to reader's hand, {lane.name}", arrived, work=False, **facts, part=True))
        figures += [*pair, *parts]
        comparisons.append(comparison(f"pipeline to bare network, {lane.name}", *pair))
        if messages["lost"]:
            notes.append(f"{messages['lost']} messages were lost on the wire, {lane.name}")
    if rivals:
        figures += [figure(rival.name, found[rival.name], **rival.facts) for rival in rivals]
        best = min(figures[-len(rivals) :], key=lambda one: float(one["p50"]))
        comparisons.append(comparison(f"{figures[0]['name']} to {best['name']}", figures[0], best))
    more: dict[str, Any] = {"published": published(settings.preset)} if settings.preset else {}
    if programs is not None:
        more["whole_program"] = programs
        notes.append(f"The whole program, {programs['command']}: {programs['text']}")
    return occasion.report(figures, comparisons, list(dict.fromkeys(notes)), **more)


def _frames(
    settings: PipelineSettings, model: Model, size: Size | None, camera: Size | None
) -> tuple[Geometry, list[Image], SourceInfo]:
    if size is not None:
        geometry = geometry_for(model.contract, size, camera)
        images, info = read_frames(settings.source, settings.frames, Size(*geometry.frame))
    else:
        images, info = read_frames(settings.source, settings.frames, camera)
        height, width = images[0].shape[:2]
        geometry = plan_geometry(model.contract, width, height, parse_crop(settings.crop))
    return geometry, images, info


def _name(model: Model, geometry: Geometry, pipeline: Pipeline, threads: int) -> str:
    provider = pipeline.network.provider
    frame, crop, padded = Size(*geometry.frame), geometry.crop, Size(*geometry.padded)
    part = "" if (crop.width, crop.height) == geometry.frame else f" crop {Size(crop.width, crop.height)} of"
    cores = f", {threads or default_threads()} thread{'s' * ((threads or default_threads()) > 1)}"
    return f"{model.contract.name},{part} {frame} -> {padded}, {provider}{cores if provider == 'cpu' else ''}"


def _facts(model: Model, geometry: Geometry, pipeline: Pipeline, threads: int) -> dict[str, Any]:
    crop = geometry.crop
    return {
        "model": model.contract.name,
        "sha256": model.sha256,
        "frame": list(geometry.frame),
        "crop": [crop.x, crop.y, crop.width, crop.height],
        "picture": list(geometry.resized),
        "input": list(geometry.padded),
        "provider": pipeline.network.provider,
        "threads": threads or default_threads(),
    }


def _told(settings: PipelineSettings, plan: Plan) -> dict[str, Any]:
    return {
        "rounds": plan.rounds,
        "seconds": plan.seconds,
        "source": settings.source,
        "frames": settings.frames,
        "provider": settings.provider,
        "threads": settings.threads,
        "against": settings.against,
    }


def _arrived(messages: dict[str, Any], counts: Sequence[int], warm_up: int) -> Series:
    """From the frame in the publisher's memory to the pose in the subscriber's hand, by rounds."""
    taken = (np.asarray(messages["in_hand"], np.float64) - np.asarray(messages["grabbed"], np.float64)) / 1e6
    frames = np.asarray(messages["frame"], np.int64)
    starts = warm_up + np.concatenate([[0], np.cumsum(counts)])
    rounds = [taken[(frames >= a) & (frames < b)] for a, b in zip(starts, starts[1:], strict=False)]
    return Series([one for one in rounds if len(one)], warm_up)
