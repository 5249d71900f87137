"""What must hold on a GPU: the CPU's keypoints by every way to compute them. Skipped where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from posewire.compare import MOST_FP16_PX, MOST_FP32_PX, largest_difference_px
from posewire.compute import Compute
from posewire.providers import missing_driver
from posewire.session import Network, load_model, network_on
from posewire.sources import open_source

pytestmark = [pytest.mark.gpu, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module", autouse=True)
def gpu() -> None:
    if reason := missing_driver():
        pytest.skip(reason)


@pytest.fixture(scope="module")
def model():
    return load_model("synthetic-animal")


@pytest.fixture(scope="module")
def images():
    source = open_source("synthetic:size=331x245,frames=5,seed=5")
    source.open()
    return [frame.image.copy() for _ in range(5) if (frame := source.read()) is not None]


@pytest.mark.parametrize("peaks", ["graph", "host"])
@pytest.mark.parametrize("pinned", [True, False])
@pytest.mark.parametrize("cuda_graph", [True, False])
def test_cuda_finds_what_the_cpu_finds(model, images, cuda_graph, pinned, peaks):
    compute = Compute("cuda", peaks=peaks, cuda_graph=cuda_graph, pinned=pinned)
    assert largest_difference_px(model, images, compute) < MOST_FP32_PX


@pytest.mark.parametrize(
    ("fp16", "cuda_graph", "peaks"),
    [(False, True, "graph"), (False, False, "host"), (True, True, "host"), (True, False, "auto")],
)
def test_tensorrt_finds_what_the_cpu_finds(model, images, tmp_path_factory, fp16, cuda_graph, peaks):
    engines = str(tmp_path_factory.getbasetemp() / "engines")
    compute = Compute("tensorrt", peaks=peaks, fp16=fp16, cuda_graph=cuda_graph, engine_cache=engines)
    most = MOST_FP16_PX if fp16 else MOST_FP32_PX
    assert largest_difference_px(model, images, compute) < most


def test_a_cuda_graph_is_replayed_with_new_frames_and_says_nothing(model):
    """Every run sees its own frame, the outputs stay in their place, and no note tells of a graph that failed."""
    networks = [network_on(name, model, 256, 192) for name in ("cuda", "cpu")]
    assert networks[0].notes == ()
    assert networks[0].peaks is not None
    for seed in range(3):
        found = []
        for network in networks:
            network.frames[:] = np.random.default_rng(seed).integers(0, 256, network.frames.shape, np.uint8)
            network.run()
            found.append(best(network))
        np.testing.assert_allclose(*found, atol=1e-3)


def best(network: Network) -> np.ndarray:
    return (network.heatmaps.max(axis=(1, 2)) if network.peaks is None else network.peaks[..., 2]).copy()


@pytest.mark.parametrize("batch", [1, 3])
def test_several_animals_get_all_their_maps_back(batch):
    model = load_model("synthetic-animals")
    frames = np.random.default_rng(1).integers(0, 256, (batch, 128, 160, model.contract.channels), np.uint8)
    found = []
    for name in ("cuda", "cpu"):
        network = network_on(name, model, 160, 128, batch)
        network.frames[:] = frames
        network.run()
        found.append([network.heatmaps.copy(), network.offsets.copy(), network.pafs.copy()])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-3)


def test_a_kept_engine_is_used_again(model, tmp_path, capfd):
    compute = Compute("tensorrt", engine_cache=str(tmp_path))
    network_on("tensorrt", model, 256, 192, compute=compute)
    assert "takes minutes" in capfd.readouterr().err
    assert len(list(tmp_path.glob("*/*.engine"))) == 1
    network_on("tensorrt", model, 256, 192, compute=compute)
    assert "takes minutes" not in capfd.readouterr().err
