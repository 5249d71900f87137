"""What ONNX Runtime's GPU providers are told."""

from __future__ import annotations

import mmap
from dataclasses import replace
from pathlib import Path

import onnxruntime
import pytest

from posewire.compute import Compute
from posewire.gpu import build
from posewire.gpu.options import provider_options

CUDA, TENSORRT = Compute("cuda"), Compute("tensorrt")


def test_cuda_shares_the_stream_and_keeps_to_float32():
    (name, options), cpu = provider_options(CUDA, 1234, None)
    assert (name, cpu) == ("CUDAExecutionProvider", ("CPUExecutionProvider", {}))
    assert options["user_compute_stream"] == "1234"
    assert options["use_tf32"] == "0"
    assert options["enable_cuda_graph"] == "1"
    assert provider_options(replace(CUDA, cuda_graph=False), 1, None)[0][1]["enable_cuda_graph"] == "0"


def test_tensorrt_falls_back_to_cuda_before_the_cpu():
    names = [name for name, _ in provider_options(TENSORRT, 1234, Path("engines"))]
    assert names == ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]


def test_each_switch_of_tensorrt_has_its_option():
    options = provider_options(TENSORRT, 7, Path("engines"))[0][1]
    assert options["trt_fp16_enable"] == options["trt_cuda_graph_enable"] == "True"
    assert options["trt_engine_cache_enable"] == options["trt_timing_cache_enable"] == "True"
    assert options["trt_engine_cache_path"] == options["trt_timing_cache_path"] == "engines"
    plain = provider_options(replace(TENSORRT, fp16=False, cuda_graph=False), None, None)[0][1]
    assert plain["trt_fp16_enable"] == plain["trt_cuda_graph_enable"] == plain["trt_engine_cache_enable"] == "False"
    assert "trt_engine_cache_path" not in plain
    assert "user_compute_stream" not in plain


@pytest.mark.parametrize(("compute", "library"), [(CUDA, "cuda"), (TENSORRT, "tensorrt")])
def test_the_installed_providers_know_every_option(compute, library):
    """A misspelt option would be an error on a GPU alone: the names stand in the provider's library."""
    folder = Path(onnxruntime.__file__).parent / "capi"
    paths = [path for path in folder.glob(f"*onnxruntime_providers_{library}.*") if path.suffix in (".so", ".dll")]
    if not paths:
        pytest.skip("this ONNX Runtime has no GPU providers")
    with paths[0].open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for option in provider_options(compute, 1, Path("engines"))[0][1]:
            assert content.find(option.encode()) >= 0, option


def test_the_order_for_an_engine_says_all_and_leaves_the_cuda_graph_out(tmp_path):
    compute = Compute("tensorrt", threads=2, fp16=False)
    task = build.order(tmp_path / "m.onnx", (1, 64, 96, 3), compute, tmp_path)
    assert Compute(**task["compute"]) == replace(compute, cuda_graph=False)
    assert task["shape"] == [1, 64, 96, 3]
    assert build.environment(compute)["NVIDIA_TF32_OVERRIDE"] == "0"
    assert "NVIDIA_TF32_OVERRIDE" not in build.environment(replace(compute, fp16=True))
