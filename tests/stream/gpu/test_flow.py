"""The way of a frame to the device and of its outputs back, on the CPU: a stand-in for the CUDA driver, whose device
memory is the host's and whose copies are made when they are enqueued, or at `wait`."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

import peaked_model
import several_model
import tiny_model
from posewire.compute import Compute
from posewire.gpu import driver, network
from posewire.gpu.network import GpuNetwork
from posewire.providers import PROVIDERS, ProviderError
from posewire.session import Network, load_model

PLACES = {"blue": (20, 12), "green": (41.5, 30.2), "red": (33, 50)}


class StandIn:
    """The functions of the driver's library that `Device` calls. Downloads wait for `cuStreamSynchronize`."""

    def __init__(self, page_locked=True):
        self.calls = []
        self._page_locked = page_locked
        self._blocks = {}
        self._waiting = []

    def __getattr__(self, name):
        def call(*arguments):
            self.calls.append(name)
            return 0

        if not name.startswith("cu"):
            raise AttributeError(name)
        return call

    def cuStreamCreate(self, stream, flags):
        stream._obj.value = 77
        return 0

    def cuMemHostAlloc(self, pointer, size, flags):
        if not self._page_locked:
            return 2
        block = ctypes.create_string_buffer(size.value)
        pointer._obj.value = ctypes.addressof(block)
        self._blocks[ctypes.addressof(block)] = block
        return 0

    def cuMemFreeHost(self, pointer):
        del self._blocks[pointer.value]

    def cuMemcpyHtoDAsync_v2(self, address, source, size, stream):
        assert stream.value == 77
        self.calls.append("up")
        ctypes.memmove(address.value, source, size.value)
        return 0

    def cuMemcpyDtoHAsync_v2(self, target, address, size, stream):
        self.calls.append("down")
        self._waiting.append((target, address.value, size.value))
        return 0

    def cuStreamSynchronize(self, stream):
        self.calls.append("wait")
        for copy in self._waiting:
            ctypes.memmove(*copy)
        self._waiting.clear()
        return 0


@pytest.fixture
def opened(monkeypatch):
    """How to make a GpuNetwork on a stand-in, and the stand-in."""

    def make(model, page_locked=True, **changes):
        library = StandIn(page_locked)
        monkeypatch.setattr(driver.ctypes, "CDLL", lambda name: library)
        gpu = driver.Device()
        monkeypatch.undo()
        monkeypatch.setattr(network, "device", lambda: gpu)
        monkeypatch.setattr(network, "load_cuda", lambda: None)
        monkeypatch.setattr(network, "_MEMORY", "cpu")
        monkeypatch.setattr(network, "provider_options", lambda *told: [(PROVIDERS["cpu"], {})])
        return GpuNetwork(model, 64, 64, 1, Compute("cpu", 1, **changes), (60, 60)), library

    return make


@pytest.mark.parametrize("peaks", ["graph", "host"])
@pytest.mark.parametrize("page_locked", [True, False])
def test_a_frame_goes_up_and_only_what_is_needed_comes_down(tmp_path, opened, peaks, page_locked):
    model = load_model(str(peaked_model.write(tmp_path / "dots.onnx")))
    found, library = opened(model, page_locked, peaks=peaks)
    plain = Network(model, 64, 64, compute=Compute("cpu", 1, peaks=peaks), seen=(60, 60))
    for shift in (0, 3):
        image = tiny_model.draw({name: (x + shift, y) for name, (x, y) in PLACES.items()}, 64, 64)
        library.calls.clear()
        for one in (found, plain):
            one.frames[0] = image
            one.run()
        down = 1 if peaks == "graph" else 2
        assert library.calls == ["cuCtxSetCurrent", "up", *["down"] * down, "wait"]
        for ours, theirs in zip(outputs(found), outputs(plain), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert outputs(found)[0].any()
    assert found.notes == () if page_locked else "no page-locked memory (CUDA error 2" in found.notes[0]


def outputs(found):
    return [found.heatmaps, found.offsets] if found.peaks is None else [found.peaks]


def test_without_page_locked_memory_none_is_asked_for(tmp_path, opened):
    model = load_model(str(peaked_model.write(tmp_path / "dots.onnx")))
    found, library = opened(model, pinned=False)
    assert library._blocks == {}
    assert found.notes == ()


def test_page_locked_memory_is_given_back_with_the_network(tmp_path, opened):
    model = load_model(str(several_model.write(tmp_path / "herd.onnx")))
    found, library = opened(model)
    assert len(library._blocks) == 4  # frames, heatmaps, offsets, pafs
    assert found.pafs.shape == (1, 8, 8, 2, 2)
    del found
    assert library._blocks == {}


def test_what_the_driver_refuses_is_told_with_its_number(monkeypatch):
    library = StandIn()
    library.cuInit = lambda flags: 999
    monkeypatch.setattr(driver.ctypes, "CDLL", lambda name: library)
    with pytest.raises(ProviderError, match="CUDA error 999 in cuInit"):
        driver.Device()
