"""`bench all`: every verb one after the other, with settings that suit most machines; one report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from posewire.doctor import examine
from posewire_bench.decode import bench_decode
from posewire_bench.model import bench_model
from posewire_bench.outcome import Occasion
from posewire_bench.pipeline import PipelineSettings, bench_pipeline
from posewire_bench.rounds import Plan
from posewire_bench.sizes import Size
from posewire_bench.wire import WireSettings, bench_wire

_SIZES = ("256x256", "320x256", "640x480")
_QUICK_SIZES = ("256x256",)


def bench_all(
    models: Sequence[str],
    *,
    quick: bool = False,
    provider: str = "auto",
    threads: int = 0,
    source: str = "synthetic",
    plan: Plan | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """All verbs, the network alone on every provider that runs here.

    ``quick``: fewer sizes, rounds and seconds; ``plan``: of every verb, if not theirs. Raises InputError, WorkError.
    """
    given, plan = plan, plan or (Plan(7, 2.0) if quick else Plan(15, 6.0))
    sizes = _QUICK_SIZES if quick else _SIZES
    pipeline = PipelineSettings(
        models=models, source=source, sizes=sizes, provider=provider, threads=threads, frames=50 if quick else 100
    )
    crowded = WireSettings(subscribers=20, stuck=1)
    occasion = Occasion("all", {"quick": quick, "models": list(models), "provider": provider, "threads": threads})

    def told(verb: str) -> Callable[[str], None]:
        return lambda line: say(f"{verb}: {line}")

    parts = {
        "model": bench_model(models, sizes, plan, provider="all" if provider == "auto" else provider, threads=[threads],
                             say=told("model")),
        "decode": bench_decode([1, 4] if quick else [1, 4, 20], 15, Size(128, 128), given or replace(plan, seconds=1.0),
                               say=told("decode")),
        "wire": bench_wire(crowded, given or replace(plan, seconds=4.0 if quick else 20.0), say=told("wire")),
        "pipeline": bench_pipeline(replace(pipeline, whole=not quick), plan, say=told("pipeline")),
    }  # fmt: skip
    figures, comparisons, notes = [], [], []
    for verb, part in parts.items():
        figures += [{**one, "name": _in(verb, one["name"])} for one in part["figures"]]
        comparisons += [
            {**one, **{key: _in(verb, one[key]) for key in ("name", "of", "to")}} for one in part["comparisons"]
        ]
        notes += [note for note in part["notes"] if not note.startswith(("Other programs", "The host"))]
    more = {
        verb: part[key] for verb, part in parts.items() for key in ("whole_program", "memory", "others") if key in part
    }
    say("doctor")
    return occasion.report(figures, comparisons, list(dict.fromkeys(notes)), parts=more, doctor=examine())


def _in(verb: str, name: str) -> str:
    return f"- {verb}: {name[2:]}" if name.startswith("- ") else f"{verb}: {name}"
