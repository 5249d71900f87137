"""Providers prove themselves, or are refused with the mend."""

from __future__ import annotations

import os

import numpy as np
import pytest

import tiny_model
from posewire.providers import missing_driver
from posewire.session import Network, ProviderError, load_model, open_network
from posewire_models.errors import InputError, ModelError


@pytest.fixture
def model(tmp_path):
    return load_model(str(tiny_model.write(tmp_path / "dots.onnx")))


def test_auto_on_a_machine_without_a_gpu_is_the_cpu_and_says_why(model):
    if missing_driver() is None:
        pytest.skip("this machine has a GPU")
    network = open_network(model, 64, 64)
    assert network.provider == "cpu"
    assert len(network.refused) == 1
    assert network.refused[0].startswith("cuda: ")


@pytest.mark.parametrize("provider", ["cuda", "tensorrt"])
def test_a_named_provider_that_cannot_run_is_an_error_with_the_mend(model, provider):
    if missing_driver() is None:
        pytest.skip("this machine has a GPU")
    with pytest.raises(InputError, match=r"onnxruntime-gpu\[cuda,cudnn\]") as error:
        open_network(model, 64, 64, provider)
    assert error.value.exit_status == 2


@pytest.mark.gpu
def test_cuda_gives_what_the_cpu_gives(model):
    if reason := missing_driver():
        pytest.skip(reason)
    frames = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
    results = []
    for provider in ("cpu", "cuda"):
        network = open_network(model, 64, 64, provider)
        assert network.provider == provider
        network.frames[:] = frames
        network.run()
        results.append(network.heatmaps.copy())
    np.testing.assert_allclose(*results, atol=1e-3)


def test_an_unknown_provider_offers_the_nearest(model):
    with pytest.raises(InputError, match="did you mean 'cuda'"):
        open_network(model, 64, 64, "cdua")


def test_more_threads_than_cores_are_refused(model):
    with pytest.raises(InputError, match="--threads"):
        open_network(model, 64, 64, "cpu", 1 + (os.cpu_count() or 1))


def test_outputs_land_in_the_bound_buffers(model):
    network = Network(model, 64, 32, "cpu", 1)
    heatmaps = network.heatmaps
    network.frames[0] = tiny_model.draw({"green": (20, 12)}, 64, 32)
    network.run()
    assert network.heatmaps is heatmaps
    assert heatmaps.shape == (1, 4, 8, 3)
    assert heatmaps[0, ..., 1].max() > 0.9


def test_the_warm_up_leaves_no_file_behind(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.rglob("*"))
    Network(model, 64, 64, "cpu", 1)
    assert set(tmp_path.rglob("*")) == before


def test_a_session_that_breaks_in_the_warm_up_is_a_provider_error(tmp_path):
    """Fixed to a shape that the network cannot take, the session fails and the reason is told."""
    model = load_model(str(tiny_model.write(tmp_path / "dots.onnx")))
    with pytest.raises(ProviderError):
        Network(model, 0, 0, "cpu", 1)


def test_a_model_that_breaks_its_contract_does_not_load(tmp_path):
    with pytest.raises(ModelError, match="stride"):
        load_model(str(tiny_model.write(tmp_path / "dots.onnx", stride=-1)))
