"""What ONNX Runtime's providers are told: dictionaries of text, for each provider of a session in order."""

from __future__ import annotations

from pathlib import Path

from posewire.compute import Compute
from posewire.providers import PROVIDERS

Providers = list[tuple[str, dict[str, str]]]


def provider_options(compute: Compute, stream: int | None, engines: Path | None) -> Providers:
    """The providers of a session on ``compute.provider`` (cuda, tensorrt), each with its options.

    ``stream``: handle of the stream that copies are enqueued in too; None for ONNX Runtime's own. ``engines``: folder
    of TensorRT's engines. What TensorRT cannot take goes to CUDA, and the CPU comes last, for the arithmetic of shapes
    alone: `posewire.providers.misplaced` refuses anything else.
    """
    own = {"device_id": "0"} if stream is None else {"device_id": "0", "user_compute_stream": str(stream)}
    # TF32 keeps 10 bits of a float32: keypoints would differ from the CPU's by more than is promised.
    cuda = own | {"use_tf32": "0", "cudnn_conv_algo_search": "EXHAUSTIVE"}
    if compute.provider == "cuda":
        return [
            (PROVIDERS["cuda"], cuda | {"enable_cuda_graph": "1" if compute.cuda_graph else "0"}),
            (PROVIDERS["cpu"], {}),
        ]
    tensorrt = own | {
        "trt_fp16_enable": str(compute.fp16),
        "trt_cuda_graph_enable": str(compute.cuda_graph),
        "trt_engine_cache_enable": str(engines is not None),
        "trt_timing_cache_enable": str(engines is not None),
    }
    if engines is not None:
        tensorrt |= {"trt_engine_cache_path": str(engines), "trt_timing_cache_path": str(engines)}
    return [(PROVIDERS["tensorrt"], tensorrt), (PROVIDERS["cuda"], cuda), (PROVIDERS["cpu"], {})]
