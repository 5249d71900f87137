"""What a network has to compute and to move, against what this processor can do.

    python -m posewire_bench.arithmetic MODEL [--size 480x384] [--threads 1]

Counted from the ONNX graph (needs the extra ``training`` for the package onnx): multiplications with additions of all
convolutions, as 2 floating-point operations each; bytes that go into and come out of every convolution once, and their
weights. Measured: the time of the network, a matrix product of NumPy in fp32 (what the same number of cores reaches
where everything is in favour), and a copy of 256 MB (what memory delivers). ``share`` is the network's rate of the
matrix product's.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from typing import Any

import numpy as np
import onnx
from onnx import shape_inference

from posewire.clock import now_ns
from posewire.session import Model, load_model, open_network
from posewire_bench.program import machine

_PRODUCT = """
import sys, time, numpy
n = 2048
a, b = numpy.ones((n, n), numpy.float32), numpy.ones((n, n), numpy.float32)
best = 1e9
for _ in range(8):
    t = time.perf_counter(); a @ b; best = min(best, time.perf_counter() - t)
print(2 * n**3 / best)
"""


def counted(model: Model, width: int, height: int) -> dict[str, Any]:
    """Operations and bytes of all convolutions for an input of ``width`` x ``height`` px, by kind of convolution."""
    proto = onnx.load_from_string(model.data)
    for dimension, size in zip(
        proto.graph.input[0].type.tensor_type.shape.dim, (1, height, width, model.contract.channels), strict=True
    ):
        dimension.dim_value = size
    proto = shape_inference.infer_shapes(proto)
    shapes = {
        value.name: [dimension.dim_value for dimension in value.type.tensor_type.shape.dim]
        for value in [*proto.graph.value_info, *proto.graph.output, *proto.graph.input]
    }
    weights = {tensor.name: list(tensor.dims) for tensor in proto.graph.initializer}
    kinds: dict[str, dict[str, float]] = {}
    for node in proto.graph.node:
        if node.op_type != "Conv" or node.input[1] not in weights:
            continue
        kernel, out, into = weights[node.input[1]], shapes[node.output[0]], shapes[node.input[0]]
        kind = "depthwise" if kernel[1] == 1 else "1x1" if kernel[2:] == [1, 1] else "other"
        entry = kinds.setdefault(kind, {"gigaflop": 0.0, "megabytes": 0.0, "layers": 0})
        entry["gigaflop"] += 2e-9 * float(np.prod(out)) * float(np.prod(kernel[1:]))
        entry["megabytes"] += 4e-6 * float(np.prod(out) + np.prod(into) + np.prod(kernel))
        entry["layers"] += 1
    return kinds


def measured(model: Model, width: int, height: int, threads: int) -> dict[str, float]:
    """Milliseconds of the network (median of 60), GFLOP/s of a matrix product on ``threads`` cores, GB/s of a copy."""
    network = open_network(model, width, height, "cpu", threads)
    times = []
    for _ in range(60):
        begun = now_ns()
        network.run()
        times.append((now_ns() - begun) / 1e6)
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):  # settings for old libraries, which slow a current one
        environment.pop(name, None)
    product = subprocess.run(
        [sys.executable, "-c", _PRODUCT], capture_output=True, text=True, check=True, env=environment
    )
    source, target = np.ones(32_000_000), np.zeros(32_000_000)
    copies = []
    for _ in range(5):
        begun = now_ns()
        np.copyto(target, source)
        copies.append(2 * source.nbytes / (now_ns() - begun))
    return {
        "network_ms": statistics.median(times),
        "product_gflops": float(product.stdout) / 1e9,
        "copy_gb_s": max(copies),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--size", default="480x384", help="network input, WIDTHxHEIGHT")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    model = load_model(arguments.model)
    kinds = counted(model, width, height)
    figures = measured(model, width, height, arguments.threads)
    gigaflop = sum(kind["gigaflop"] for kind in kinds.values())
    rate = gigaflop / figures["network_ms"] * 1e3
    result = {
        "machine": machine(),
        "model": model.contract.name,
        "size": [width, height],
        "threads": arguments.threads,
        "convolutions": kinds,
        "gigaflop": gigaflop,
        "megabytes": sum(kind["megabytes"] for kind in kinds.values()),
        **figures,
        "network_gflops": rate,
        "share": rate / figures["product_gflops"],
    }
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
