"""Reading ONNX Runtime's profile: where nodes really ran."""

from __future__ import annotations

import json
from collections import Counter

from posewire.providers import misplaced, nodes_by_provider, read_profile, reason_of

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


def event(operator, provider):
    return {"cat": "Node", "name": f"{operator}_kernel_time", "args": {"op_name": operator, "provider": provider}}


def test_nodes_are_counted_by_provider_and_other_events_are_not():
    events = [event("Conv", CUDA), event("Conv", CUDA), event("Shape", CPU), {"cat": "Session", "name": "run"}]
    assert nodes_by_provider(events) == {CUDA: Counter(Conv=2), CPU: Counter(Shape=1)}


def test_shape_arithmetic_on_the_cpu_is_no_fault_of_cuda():
    assert misplaced({CUDA: Counter(Conv=50), CPU: Counter(Shape=3, Gather=2)}, CUDA) is None


def test_a_heavy_node_on_the_cpu_is_told():
    reason = misplaced({CUDA: Counter(Conv=49), CPU: Counter(Conv=1, Resize=2)}, CUDA)
    assert reason == f"heavy nodes did not run on {CUDA}: 1 Conv, 2 Resize"


def test_a_session_that_fell_back_ran_nothing_on_cuda():
    assert "ran no node" in misplaced({CPU: Counter(Conv=50)}, CUDA)


def test_a_profile_is_read_and_removed(tmp_path):
    path = tmp_path / "profile.json"
    path.write_text(json.dumps([event("Conv", CPU)]))
    assert nodes_by_provider(read_profile(path)) == {CPU: Counter(Conv=1)}
    assert not path.exists()


TENSORRT = "TensorrtExecutionProvider"


def test_tensorrt_shows_one_fused_node_for_the_network():
    fused = Counter(TRTKernel_graph_pose_123_0=3)
    assert misplaced({TENSORRT: fused}, TENSORRT) is None
    assert misplaced({TENSORRT: fused, CUDA: Counter(Where=3), CPU: Counter(Shape=1)}, TENSORRT) is None


def test_heavy_nodes_that_tensorrt_left_to_cuda_are_told():
    reason = misplaced({TENSORRT: Counter(TRTKernel_graph_pose_123_0=3), CUDA: Counter(Conv=9)}, TENSORRT)
    assert reason == f"heavy nodes did not run on {TENSORRT}: 9 Conv"


def test_heavy_nodes_are_known_under_any_fused_name():
    for operator in ("FusedConv", "QLinearConv", "NhwcFusedConv", "ConvTranspose", "FusedGemm", "Upsample"):
        assert "heavy nodes" in misplaced({CUDA: Counter(Conv=1), CPU: Counter([operator])}, CUDA)


def test_a_few_light_nodes_prove_no_gpu():
    assert misplaced({CUDA: Counter(Cast=1)}, CUDA) == f"only Cast ran on {CUDA}, and no heavy node anywhere"
    assert misplaced({CPU: Counter(Cast=1)}, CPU) is None


def test_an_error_is_told_without_its_place_in_the_source():
    said = "/src/python/state.cc:729 void onnx::Register(Options&, const Map&) Please install\n TensorRT (10).\n"
    assert reason_of(RuntimeError(said)) == "Please install TensorRT (10)."
    assert reason_of(RuntimeError("[ONNXRuntimeError] : 1 : FAIL : Load model failed")) == (
        "[ONNXRuntimeError] : 1 : FAIL : Load model failed"
    )
