"""Rules: the engine against its slow twin, time of a step, memory.

    python -m posewire_bench.rules [--frames 1000000] [--seed 0] [--steps 20000] [--endure 100000]

Needs the source checkout: the twin is `tests/reference_rules.py`. Exit status 1 if the two differ anywhere.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import math
import sys
import time
import tracemalloc
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
from numba.core.runtime import _nrt_python, rtsys

from posewire.clock import now_ns
from posewire.triggers.evaluator import NAMES, Evaluator
from posewire.triggers.rules import Condition, Point, Quantity, Rule, Rules, Zone
from posewire_bench.rule_worlds import CLASSIFIER, FRAME_RATE, MS, classify, random_rules, random_world
from posewire_bench.system import resident_mb

_WORLD = 400  # frames of a world
_TESTS = Path(__file__).parents[2] / "tests"
_KEYPOINTS = ("snout", "left ear", "right ear", "neck", "body", "tailbase", "left paw", "right paw", "tail")
SNOUT, NECK, BODY, TAILBASE, PAW = 0, 3, 4, 5, 6


def compare(seed: int) -> tuple[int, Counter[str], list[str]]:
    """One set of rules in one world: frames, outcomes, and what differs (of the first frame in which anything does)."""
    random = Random(seed)
    rules, animals = random_rules(random), random.choice([1, 2, 4, 5])
    given = {CLASSIFIER: classify}
    engine = Evaluator(rules, animals=animals, frame_rate=FRAME_RATE, classifiers=given)
    twin = _twin()(rules, animals=animals, frame_rate=FRAME_RATE, classifiers=given)
    found: Counter[str] = Counter()
    for n, step in enumerate(random_world(random, _WORLD)):
        count = engine.step(*step)
        mine = sorted((*outcome[:3], NAMES[outcome[3]], outcome[4]) for outcome in engine.outcomes[:count].tolist())
        told, holding, active, values = twin.step(*step)
        found.update(outcome[3] for outcome in mine)
        differences = [f"{name}: {a}, twin {b}" for name, a, b in (
            ("outcomes", mine, sorted(told)),
            ("holding", engine.holding.tolist(), holding),
            ("active", engine.active.tolist(), active),
        ) if a != b]  # fmt: skip
        differences += [
            f"value of rule {rule}: {a}, twin {b}"
            for rule, (a, b) in enumerate(zip(engine.values.tolist(), values, strict=True))
            if math.isnan(a) != math.isnan(b) or abs(a - b) > 1e-9 * max(abs(b), 1.0)
        ]
        if differences:
            return n + 1, found, [f"seed {seed}, frame {n}, {difference}" for difference in differences]
    return _WORLD, found, []


def _twin() -> Any:
    if str(_TESTS) not in sys.path:
        sys.path.append(str(_TESTS))
    return importlib.import_module("reference_rules").ReferenceEvaluator


def typical_rules() -> Rules:
    """Twenty rules as experimenters write them, for two animals of known roles and others."""
    corner = Zone("corner", ((0.0, 0.0), (200.0, 0.0), (200.0, 200.0), (0.0, 200.0)))
    nest = Zone("nest", ((100.0, 100.0), (220.0, 90.0), (260.0, 200.0), (180.0, 260.0), (90.0, 210.0)))
    port = Zone("port", ((500.0, 240.0),), 40.0)
    snout, neck, body, tailbase = Point(SNOUT), Point(NECK), Point(BODY), Point(TAILBASE)
    speed = Quantity("speed", (body,), window_ns=100 * MS)
    near = Quantity("distance", (snout, Point(TAILBASE, "other")))
    twice = _of("multiply", _number(2.0), near)
    paw = Quantity("y", (Point(PAW),))
    fast, slow = _above(speed, 200.0, 20.0), Condition("compare", quantity=speed, below=20.0)
    conditions = [
        Condition("inside", points=(snout,), zone=corner),
        Condition("enter", points=(body,), zone=nest, hysteresis=5.0),
        Condition("leave", points=(body,), zone=nest, hysteresis=5.0),
        Condition("inside", points=(snout,), zone=port),
        fast,
        slow,
        Condition("compare", quantity=near, below=30.0, hysteresis=5.0),
        _above(Quantity("approach", (snout, Point(TAILBASE, "intruder")), window_ns=100 * MS), 100.0, 20.0),
        Condition("compare", quantity=Quantity("angle", (snout, neck, tailbase)), below=120.0),
        Condition(
            "compare", quantity=Quantity("bearing", (tailbase, snout, Point(BODY, "other"))), above=-30.0, below=30.0
        ),
        Condition("compare", quantity=Quantity("heading", (tailbase, snout)), above=45.0, below=135.0),
        _above(Quantity("acceleration", (body,), window_ns=50 * MS), 500.0),
        _above(Quantity("zscore", inner=(speed,), window_ns=60_000 * MS), 2.0),
        Condition("peak", quantity=paw, hysteresis=4.0),
        Condition("rising", quantity=Quantity("phase", inner=(paw,), window_ns=2_000 * MS), level=180.0),
        _sequence(Condition("enter", points=(snout,), zone=corner), Condition("enter", points=(snout,), zone=nest)),
        _sequence(fast, slow, Condition("inside", points=(snout,), zone=port)),
        Condition("all", inner=(fast, Condition("not", inner=(Condition("inside", points=(body,), zone=nest),)))),
        # (speed + 2 * distance) / (1 + y), and the ratio of two lengths.
        _above(_of("divide", _of("add", speed, twice), _of("add", _number(1.0), paw)), 3.0),
        _above(_of("divide", Quantity("distance", (snout, neck)), Quantity("distance", (neck, tailbase))), 0.6),
    ]
    rules = tuple(
        Rule(
            f"rule {n}",
            ("light",),
            when=when,
            animal="resident" if n == 7 else "any",
            dwell_ns=50 * MS * (n % 3),
            min_score=0.3,
            min_id_score=0.5 * (n % 2),
            refractory_ns=500 * MS,
        )
        for n, when in enumerate(conditions)
    )
    return Rules(_KEYPOINTS, rules, {"resident": 0, "intruder": 1}, ())


def _above(quantity: Quantity, level: float, hysteresis: float = 0.0) -> Condition:
    return Condition("compare", quantity=quantity, above=level, hysteresis=hysteresis)


def _sequence(*inner: Condition) -> Condition:
    return Condition("sequence", inner=inner, within_ns=1_000 * MS)


def _of(kind: str, *inner: Quantity) -> Quantity:
    return Quantity(kind, inner=inner)


def _number(value: float) -> Quantity:
    return Quantity("number", numbers=(value,))


def walks(animals: int, frames: int) -> npt.NDArray[np.float32]:
    """Poses [frames, animals, K, 3] of animals that run about in 640 x 480 px; a keypoint in fifty is missing."""
    rng = np.random.default_rng(1)
    turn = np.cumsum(rng.normal(0.0, 0.1, (frames, animals)), axis=0)
    moved = np.cumsum(
        np.stack([np.cos(turn), np.sin(turn)], axis=-1) * rng.gamma(1.0, 2.0, (frames, animals, 1)), axis=0
    )
    # Walls reflect.
    span = np.array([640.0, 480.0])
    place = span - np.abs((moved + rng.uniform(0.0, span, (animals, 2))) % (2.0 * span) - span)
    shape = np.stack([np.linspace(40.0, -40.0, len(_KEYPOINTS)), rng.normal(0.0, 6.0, len(_KEYPOINTS))], axis=-1)
    across = np.stack([np.cos(turn), np.sin(turn), -np.sin(turn), np.cos(turn)], axis=-1).reshape(frames, animals, 2, 2)
    points = place[:, :, None] + shape @ across + rng.normal(0.0, 0.5, (frames, animals, len(_KEYPOINTS), 2))
    points[rng.random(points.shape[:3]) < 0.02] = np.nan
    scores = rng.uniform(0.25, 1.0, (*points.shape[:3], 1))
    return np.concatenate([points, scores], axis=-1).astype(np.float32)


def time_steps(steps: int, animals: int = 4) -> tuple[npt.NDArray[np.int64], int]:
    """ns of each `Evaluator.step` of `typical_rules`, poses as new to the caches as they come, and how many fired."""
    poses = walks(animals, steps)
    ids, id_scores = np.arange(animals), np.full(animals, 0.9, np.float32)
    engine = Evaluator(typical_rules(), animals=8)
    spent = np.zeros(steps, np.int64)
    fired = 0
    gc.collect()
    gc.disable()
    for n in range(steps):
        now = poses[n]
        begun = now_ns()
        count = engine.step(now, ids, id_scores, n * 10 * MS, 5 * MS)
        spent[n] = now_ns() - begun
        fired += int((engine.outcomes["code"][:count] == 0).sum())
    gc.enable()
    return spent, fired


def endure(frames: int) -> str:
    """Memory of one evaluator over so many frames, with ids that come and go."""
    _nrt_python.memsys_enable_stats()
    poses = walks(4, 1000)
    ids, id_scores = np.arange(4), np.full(4, 0.9, np.float32)
    engine = Evaluator(typical_rules(), animals=8)
    tracemalloc.start()
    early = _held()  # also imports what it needs
    for n in range(frames):
        ids[n % 4] += (n % 50 == 0) * 4
        engine.step(poses[n % 1000], ids, id_scores, n * 10 * MS, 5 * MS)
        if n == frames // 10:
            early = _held()
    late = _held()
    tracemalloc.stop()
    return (
        f"{frames} frames, ids that come and go: {late[0] - early[0]:+} bytes of Python's, {late[1] - early[1]:+} "
        f"allocations of Numba's, {late[2] - early[2]:+.2f} MB resident, since a tenth of them\n"
    )


def _held() -> tuple[int, int, float]:
    gc.collect()
    stats = rtsys.get_allocation_stats()
    return tracemalloc.get_traced_memory()[0], int(stats.alloc - stats.free), resident_mb() or math.nan


def main() -> int:
    """Run all of it and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1_000_000, help="to compare with the twin; 0: none")
    parser.add_argument("--seed", type=int, default=0, help="the first of the worlds'")
    parser.add_argument("--steps", type=int, default=20_000, help="to time; 0: none")
    parser.add_argument("--endure", type=int, default=100_000, help="frames for memory; 0: none")
    arguments = parser.parse_args()
    write = sys.stdout.write
    if arguments.steps:
        spent, fired = time_steps(arguments.steps)
        shares = "  ".join(f"p{share:g} {np.percentile(spent, share) / 1e3:.1f} us" for share in (50, 95, 99, 99.9))
        write(
            f"20 rules x 4 animals, {arguments.steps} steps: {shares}  max {spent.max() / 1e3:.1f} us; {fired} fired\n"
        )
    if arguments.endure:
        write(endure(arguments.endure))
    differences: list[str] = []
    found: Counter[str] = Counter()
    frames = worlds = 0
    begun = time.monotonic()
    while frames < arguments.frames:
        count, outcomes, different = compare(arguments.seed + worlds)
        frames, worlds = frames + count, worlds + 1
        found += outcomes
        differences += different
        if worlds % 250 == 0 or frames >= arguments.frames:
            told = ", ".join(f"{count} {name}" for name, count in found.most_common())
            write(
                f"{frames} frames, {worlds} sets of rules, {time.monotonic() - begun:.0f} s: {told}; "
                f"{len(differences)} differences\n"
            )
            sys.stdout.flush()
    for line in differences[:20]:
        write(line + "\n")
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
