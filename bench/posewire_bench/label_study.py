"""How many labels a network needs: `python -m posewire_bench.label_study PROJECT.toml --work FOLDER`.

Trains the project's network on 5, 10, 20, 50 and all labelled frames, from ImageNet's weights and from nothing, several
seeds each (a seed chooses the frames and the views), and measures each on the same held-out frames: those that the
project holds out. Every finished training leaves a small file in the work folder: a study may be stopped and taken up.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from posewire_bench.studies import summary, toml_of
from posewire_models.files import write_whole
from posewire_training.config import Project, find_data, read_project
from posewire_training.run_folder import read_json, write_json
from posewire_training.source import Source, open_source
from posewire_training.train import train

COUNTS = (5, 10, 20, 50)


def study(
    project: Path, work: Path, counts: tuple[int, ...], starts: tuple[str, ...], seeds: int, steps: int
) -> list[dict[str, Any]]:
    """Train what is not trained yet; returns a row for each start and number of labels."""
    settings = read_project(project)
    source = open_source(settings, project.absolute().parent)
    rows = []
    for count in (*(n for n in counts if n < len(source.train)), len(source.train)):
        for start in starts:
            errors = [
                _one(project, settings, source, work / f"{count}-{Path(start).name}-{seed}", count, start, seed, steps)
                for seed in range(seeds)
            ]
            rows.append({"labels": count, "start": start, **summary(errors)})
    return rows


def _one(
    project: Path, settings: Project, source: Source, run: Path, count: int, start: str, seed: int, steps: int
) -> float:
    """Mean error (px) of one training on ``count`` frames of a seed's choice."""
    result = run.with_suffix(".json")
    if result.is_file():
        return float(read_json(result)["mean_px"])
    chosen = np.random.default_rng([seed, 5]).permutation(len(source.train))[:count]
    fields = settings.model_dump(mode="json", exclude_none=True, exclude_unset=True)
    data = fields["data"] | {
        "root": str(_root(project, settings)),
        "validation_images": list(source.held_out.names),
        "train_images": [source.train.names[i] for i in chosen],
    }
    schedule = fields.get("schedule", {}) | {"seed": seed, "steps": steps, "checkpoint_every": steps}
    schedule["validate_every"] = steps
    network = fields.get("network", {}) | {"weights": start}
    run.mkdir(parents=True, exist_ok=True)
    file = run / "project.toml"
    write_whole(file, toml_of(fields | {"data": data, "schedule": schedule, "network": network}).encode())
    train(file, run=run / "run", quiet=True)
    error = read_json(run / "run" / "run.json")["error_px"]["mean"]
    write_json(result, {"labels": count, "start": start, "seed": seed, "steps": steps, "mean_px": error})
    return float(error)


def _root(project: Path, settings: Project) -> Path:
    """The folder that the project's label files are relative to."""
    data = settings.data
    assert data is not None  # a study is of labelled images
    first = data.labels[0].file
    found = find_data(first, project.absolute().parent, data.root, "label file")
    return found.parents[len(Path(first).parts) - 1]


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("project", type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS))
    parser.add_argument("--starts", nargs="+", default=["imagenet", "none"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1500)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    rows = study(
        arguments.project,
        arguments.work,
        tuple(arguments.counts),
        tuple(arguments.starts),
        arguments.seeds,
        arguments.steps,
    )
    for row in rows:
        sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
