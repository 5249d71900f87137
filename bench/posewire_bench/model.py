"""`bench model`: the network alone, with its input and outputs bound, as the runtime runs it.

What is timed is one run of the network from the bound input to the bound outputs: on a GPU with the copies there and
back. Preparing a frame, decoding and sending are not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from posewire.clock import now_ns
from posewire.providers import PROVIDERS
from posewire.session import Model, Network, default_threads, load_model, open_network
from posewire_bench.outcome import Occasion, comparison, figure
from posewire_bench.presets import preset_sizes, published
from posewire_bench.rounds import Plan, measure
from posewire_bench.sizes import Size, parse_sizes
from posewire_models.errors import InputError
from posewire_models.grid import padded_size


def bench_model(
    models: Sequence[str],
    sizes: Sequence[str],
    plan: Plan,
    *,
    provider: str = "auto",
    threads: Sequence[int] = (0,),
    batch: int = 1,
    preset: str | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Every model at every input size with every number of threads, all in turn; without a size, the size each model
    was trained at. ``provider``: as in `open_network`, or ``all``: each that runs here. Raises InputError."""
    if not 1 <= batch <= 256:
        raise InputError(f"--batch {batch}: expected 1 to 256")
    wanted = parse_sizes(sizes) or preset_sizes(preset)
    networks: dict[str, tuple[Network, dict[str, Any]]] = {}
    notes: list[str] = []
    for name in dict.fromkeys(models):
        model = load_model(name)
        for asked in wanted or [Size(*model.contract.input_hint["size"])]:
            size = Size(*(padded_size(side, model.contract.pad_multiple) for side in asked))
            for network, count in _networks(model, size, provider, threads, batch, notes):
                facts = {
                    "model": model.contract.name,
                    "sha256": model.sha256,
                    "input": list(size),
                    "provider": network.provider,
                    "threads": count or default_threads(),
                    "batch": batch,
                }
                networks[_name(facts, asked, batch)] = network, facts
    occasion = Occasion("model", {"rounds": plan.rounds, "seconds": plan.seconds, "batch": batch, "provider": provider})
    found = measure({name: _run(network) for name, (network, _) in networks.items()}, plan, say)
    figures = [figure(name, found[name], **networks[name][1]) for name in found]
    first, *others = figures
    comparisons = [comparison(f"{one['name']} to {first['name']}", one, first) for one in others]
    told = {"published": published(preset)} if preset else {}
    return occasion.report(figures, comparisons, list(dict.fromkeys(notes)), **told)


def _networks(
    model: Model, size: Size, provider: str, threads: Sequence[int], batch: int, notes: list[str]
) -> Iterator[tuple[Network, int]]:
    """A network for every number of threads, and for ``all`` on every provider; notes what does not run and why."""
    for one in PROVIDERS if provider == "all" else (provider,):
        for count in dict.fromkeys(threads if one in ("cpu", "auto") else (0,)):
            try:
                network = open_network(model, *size, one, count, batch)
            except InputError as error:
                if provider != "all" or one == "cpu":
                    raise
                notes.append(f"not used: {error}")
                break
            notes += [*(f"not used: {reason}" for reason in network.refused), *network.notes]
            yield network, count


def _name(facts: dict[str, Any], asked: Size, batch: int) -> str:
    size = Size(*facts["input"])
    padded = "" if size == asked else f" (for {asked})"
    cores = f", {facts['threads']} threads" if facts["threads"] > 1 else ", 1 thread"
    return (
        f"{facts['model']} {size}{padded}, {facts['provider']}"
        + (cores if facts["provider"] == "cpu" else "")
        + (f", batch {batch}" if batch > 1 else "")
    )


def _run(network: Network) -> Callable[[int], npt.NDArray[np.int64]]:
    rng = np.random.default_rng(0)
    network.frames[:] = rng.integers(0, 256, network.frames.shape, np.uint8)

    def run(count: int) -> npt.NDArray[np.int64]:
        taken = np.empty(count, np.int64)
        for n in range(count):
            begun = now_ns()
            network.run()
            taken[n] = now_ns() - begun
        return taken

    return run
