"""`bench pipeline`: frame in -> message out, against a bare loop of the same network.

Both run in one process, on one thread, with one network object, in turn: what differs is Posewire's own work, which is
preparing the frame, decoding, telling animals apart, packing and sending to a subscriber in a process of its own.
Frames lie in memory: reading them from a file and decoding the video are not timed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from posewire.preprocess import parse_crop
from posewire.session import load_model
from posewire_bench.lanes import LaneSettings, open_lane
from posewire_bench.outcome import Occasion, comparison, figure
from posewire_bench.peer import Peer, check_peer, open_peers
from posewire_bench.presets import preset_sizes, published
from posewire_bench.rounds import Plan, measure
from posewire_bench.sizes import Size, parse_size, parse_sizes
from posewire_bench.whole import Whole
from posewire_models.errors import InputError

_MOST_WHOLE_ROUNDS = 5


@dataclass(frozen=True)
class PipelineSettings:
    """What is measured. ``sizes``: pictures that reach the network, WxH, before padding; ``frame_size``: of the
    camera's frames, WxH; ``crops``: ``full``, ``follow`` or X,Y,W,H each; ``whole``: also the whole program;
    ``against``: ``dlclive``."""

    models: Sequence[str] = ("mouse-topview",)
    source: str = "synthetic"
    sizes: Sequence[str] = ()
    frame_size: str | None = None
    crops: Sequence[str] = ("full",)
    frames: int = 100
    provider: str = "auto"
    threads: int = 0
    preset: str | None = None
    whole: bool = False
    against: str | None = None
    peer_python: Path | None = None
    peer_model: Path | None = None


def bench_pipeline(
    settings: PipelineSettings, plan: Plan, *, say: Callable[[str], None] = lambda line: None
) -> dict[str, Any]:
    """Measure it. Raises InputError for a wrong setting, WorkError if a subscriber or a peer fails."""
    sizes: list[Size | None] = [*(parse_sizes(settings.sizes) or preset_sizes(settings.preset))]
    shared = [_shared(settings, crop, bool(sizes)) for crop in dict.fromkeys(settings.crops)]
    if settings.against is not None:
        check_peer(settings.against, settings.peer_python, settings.peer_model)
    models = [load_model(name) for name in dict.fromkeys(settings.models)]
    figures: list[dict[str, Any]] = []
    comparisons: list[dict[str, Any]] = []
    more: dict[str, Any] = {"published": published(settings.preset)} if settings.preset else {}
    with ExitStack() as stack:
        lanes = [open_lane(stack, one, model, size) for model in models for size in sizes or [None] for one in shared]
        notes = [note for lane in lanes for note in lane.notes()]
        rivals: list[Peer] = []
        if settings.against is not None and settings.peer_python is not None:
            rivals = open_peers(stack, settings.peer_python, settings.peer_model, lanes[0].live.images)
            notes += rivals[0].notes()
        occasion = Occasion("pipeline", {"rounds": plan.rounds, "seconds": plan.seconds, **_told(settings)})
        contestants = {name: run for lane in lanes for name, run in lane.contestants().items()}
        found = measure(contestants | {rival.name: rival.run for rival in rivals}, plan, say)
        for lane in lanes:
            of_lane, compared, lost = lane.figures(found)
            figures += of_lane
            comparisons += compared
            notes += lost
        if settings.whole:
            whole = Whole(settings.source, settings.models[0], settings.threads, settings.provider)
            more["whole_program"] = whole.rounds(min(plan.rounds, _MOST_WHOLE_ROUNDS), say)
            notes.append(f"The whole program, {more['whole_program']['command']}: {more['whole_program']['text']}")
    theirs = [figure(rival.name, found[rival.name], **rival.facts) for rival in rivals]
    if theirs:
        best = min(theirs, key=lambda one: float(one["p50"]))
        ours = [one for one in figures if one["name"].startswith("pipeline, ")]
        comparisons += [comparison(f"{one['name']} to {best['name']}", one, best) for one in ours]
    return occasion.report([*figures, *theirs], comparisons, list(dict.fromkeys(notes)), **more)


def _shared(settings: PipelineSettings, text: str, sized: bool) -> LaneSettings:
    camera = parse_size(settings.frame_size, "--frame-size") if settings.frame_size else None
    if text == "auto":
        raise InputError("--crop auto: chooses by itself what it measures; give full, follow or X,Y,W,H")
    follow = text == "follow"
    crop = None if follow else parse_crop(text)
    if sized and (follow or crop is not None):
        raise InputError("--crop and --size: both say which part reaches the network; give one of them")
    return LaneSettings(settings.source, settings.frames, camera, crop, settings.provider, settings.threads, follow)


def _told(settings: PipelineSettings) -> dict[str, Any]:
    keys = ("source", "frames", "frame_size", "crops", "provider", "threads", "preset", "against")
    return {key: getattr(settings, key) for key in keys}
