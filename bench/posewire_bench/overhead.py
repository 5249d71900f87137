"""What Posewire adds to the network, and what its readers cost it: ratios of whole-program runs.

    python -m posewire_bench.overhead [--source VIDEO] [--model NAME] [--frames N] [--rounds N]

Three figures, as one JSON object:

``stages``       p50 of ``prepare`` + ``decode`` + ``publish`` against p50 of ``infer``, at maximum pace;
``real``         frames skipped at real pace;
``subscribers``  p50 of ``total`` with five subscribers that connect and never read against none, at real pace, the two
                 in turn so that a drift of the machine meets both.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from typing import Any

import zmq

from posewire_bench.program import machine, run_report

_DEAF = """
import sys, zmq
context = zmq.Context()
sockets = [context.socket(zmq.SUB) for _ in range(int(sys.argv[2]))]
for socket in sockets:
    socket.subscribe("")
    socket.connect(sys.argv[1])
sys.stdin.read()
"""


def stages(source: str, model: str, frames: int) -> dict[str, Any]:
    """p50 of each stage at maximum pace, and their sum without the network against the network."""
    report = run_report("--source", source, "--model", model, "--frames", frames, "--pace", "max", "--publish", _any())
    p50 = {name: stage["p50"] for name, stage in report["latency_ms"].items() if stage}
    own = p50["prepare"] + p50["decode"] + p50["publish"]
    return {"p50_ms": p50, "own_ms": own, "infer_ms": p50["infer"], "share": own / p50["infer"], "fps": report["fps"]}


def real(source: str, model: str, frames: int) -> dict[str, Any]:
    """Frames offered and skipped at the source's own rate."""
    report = run_report("--source", source, "--model", model, "--frames", frames, "--publish", _any())
    offered, skipped = report["frames"]["offered"], report["frames"]["skipped"]
    return {**report["frames"], "skipped_share": skipped / offered, "total_ms": report["latency_ms"]["total"]}


def subscribers(source: str, model: str, frames: int, rounds: int, count: int = 5) -> dict[str, Any]:
    """p50 of ``total`` with deaf subscribers and without, ``rounds`` of each in turn."""
    found: dict[str, list[float]] = {"none": [], "deaf": []}
    for _ in range(rounds):
        for kind, number in (("none", 0), ("deaf", count)):
            endpoint = _any(resolved=True)
            listener = subprocess.Popen([sys.executable, "-c", _DEAF, endpoint, str(number)], stdin=subprocess.PIPE)
            try:
                arguments = ("--source", source, "--model", model, "--frames", frames, "--publish", endpoint)
                report = run_report(*arguments, "--wait-subscribers", number)
            finally:
                assert listener.stdin is not None
                listener.stdin.close()
                listener.wait(10)
            found[kind].append(report["latency_ms"]["total"]["p50"])
    none, deaf = (statistics.median(found[kind]) for kind in ("none", "deaf"))
    return {"none_ms": found["none"], "deaf_ms": found["deaf"], "ratio": deaf / none}


def _any(resolved: bool = False) -> str:
    if not resolved:
        return "tcp://127.0.0.1:*"
    with zmq.Context() as context, context.socket(zmq.PUB) as socket:
        return f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", default="synthetic:fps=30")
    parser.add_argument("--model", default="synthetic-animal")
    parser.add_argument("--frames", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    source, model, frames = arguments.source, arguments.model, arguments.frames
    result = {
        "machine": machine(),
        "stages": stages(source, model, frames),
        "real": real(source, model, frames),
        "subscribers": subscribers(source, model, min(frames, 300), arguments.rounds),
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
