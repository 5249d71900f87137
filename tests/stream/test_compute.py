"""How networks are computed: which peaks come from where, the rig's table, and the same poses either way."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import peaked_model
import several_model
import tiny_model
from paths import shared
from posewire.compare import largest_difference_px
from posewire.compute import Compute
from posewire.config import compute_of, run_settings
from posewire.decode import Decoder
from posewire.pipeline import Pipeline
from posewire.preprocess import Crop, plan
from posewire.providers import PROVIDERS
from posewire.session import Network, load_model, output_shapes
from posewire.sources import open_source
from posewire_models.errors import InputError
from posewire_models.zoo import zoo_card, zoo_names

GRAPH, HOST = Compute("cpu", 1, peaks="graph"), Compute("cpu", 1, peaks="host")
PLACES = {"blue": (101.3, 60.7), "green": (150.2, 98.6), "red": (203.9, 171.4)}
ONE = [name for name in zoo_names() if zoo_card(name)["animals"] == "one"]


@pytest.fixture
def model(tmp_path):
    return load_model(str(peaked_model.write(tmp_path / "dots.onnx", pad_multiple=64)))


@pytest.mark.parametrize(
    ("compute", "provider", "has_peaks", "expected"),
    [
        (Compute(), "cpu", True, False),  # the maps are in the memory anyway
        (Compute(), "cuda", True, True),
        (Compute(), "cuda", False, False),
        (Compute(peaks="host"), "cuda", True, False),
        (Compute(peaks="graph"), "cpu", True, True),
        (Compute(), "tensorrt", True, False),  # half precision would put keypoints half a pixel off
        (Compute(fp16=False), "tensorrt", True, True),
        (Compute(peaks="graph", fp16=False), "tensorrt", True, True),
    ],
)
def test_where_peaks_are_computed(compute, provider, has_peaks, expected):
    assert provider in PROVIDERS
    assert compute.peaks_in_graph(provider, "one", has_peaks) is expected


def test_several_animals_never_have_peaks_of_one():
    assert not Compute().peaks_in_graph("cuda", "many", True)


@pytest.mark.parametrize(
    ("provider", "animals", "has_peaks", "sentence"),
    [
        ("cpu", "one", False, "no output 'peaks'; export it again, or give host"),
        ("cpu", "many", True, "for models of one animal"),
        ("tensorrt", "one", True, "fp16 = false"),
    ],
)
def test_peaks_that_were_asked_for_and_cannot_be_are_refused(provider, animals, has_peaks, sentence):
    with pytest.raises(InputError, match=sentence):
        Compute(peaks="graph").peaks_in_graph(provider, animals, has_peaks)


def rig(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "rig.toml"
    path.write_text(text)
    return path


def test_the_rigs_table_and_the_options_become_one(tmp_path):
    text = """
        threads = 1
        [compute]
        spinning = "off"
        peaks = "graph"
        fp16 = false
        cuda_graph = false
        pinned = false
        engine_cache = "engines"
    """
    found = compute_of(run_settings(rig(tmp_path, text), {"provider": "cpu"}))
    assert found == Compute("cpu", 1, "off", "graph", False, False, False, "engines")
    assert compute_of(run_settings(None, {})) == Compute()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "pined = false",
            r"rig.toml: \[compute\] pined: no such key; did you mean 'pinned'\?; there are spinning, peaks",
        ),
        ("peaks = 'gpu'", r"rig.toml: \[compute\] peaks = 'gpu'.*'auto', 'graph' or 'host'"),
        ("fp16 = 1", r"rig.toml: \[compute\] fp16 = 1: .*boolean"),
        ("provider = 'cuda'", r"rig.toml: \[compute\] provider: no such key"),
    ],
)
def test_a_wrong_key_of_the_table_is_named(tmp_path, text, sentence):
    with pytest.raises(InputError, match=sentence):
        run_settings(rig(tmp_path, f"[compute]\n{text}"), {})


def test_only_what_is_asked_for_has_a_buffer(model):
    contract = model.contract
    assert output_shapes(contract, 64, 32, 2, peaks=True) == {"peaks": (2, 3, 3)}
    assert output_shapes(contract, 64, 32, 2, peaks=False) == {"heatmaps": (2, 4, 8, 3), "offsets": (2, 4, 8, 3, 2)}
    network = Network(model, 64, 64, compute=GRAPH)
    assert network.peaks is not None
    assert network.peaks.shape == (1, 3, 3)
    assert network.heatmaps.size == network.offsets.size == 0
    maps = Network(model, 64, 64, compute=HOST)
    assert maps.peaks is None
    assert maps.heatmaps.shape == (1, 8, 8, 3)


def test_several_animals_have_fields_too(tmp_path):
    contract = load_model(str(several_model.write(tmp_path / "herd.onnx"))).contract
    assert output_shapes(contract, 64, 32, 1, peaks=False)["pafs"] == (1, 4, 8, 2, 2)


def test_a_session_that_nobody_asks_for_peaks_does_not_compute_them(model):
    """ONNX Runtime runs all nodes of a file: these would cost the CPU a twentieth of the frame."""
    shown = []
    for compute in (HOST, GRAPH):
        session = Network(model, 64, 64, compute=compute)._session
        shown.append([port.name for port in (*session.get_outputs(), *session.get_overridable_initializers())])
    assert shown == [["heatmaps", "offsets"], ["heatmaps", "offsets", "peaks", "valid_cells"]]


@pytest.mark.parametrize(("spinning", "entry"), [("on", "1"), ("off", "0"), ("auto", None)])
def test_spinning_is_passed_on(model, spinning, entry):
    network = Network(model, 64, 64, compute=Compute("cpu", 1, spinning))
    options = network._session.get_session_options()
    if entry is None:
        with pytest.raises(RuntimeError, match="allow_spinning"):
            options.get_session_config_entry("session.intra_op.allow_spinning")
    else:
        assert options.get_session_config_entry("session.intra_op.allow_spinning") == entry


@pytest.mark.parametrize("crop", [None, Crop(61, 33, 201, 177)])
def test_peaks_of_the_graph_give_the_same_poses(model, crop):
    image = tiny_model.draw(PLACES, 307, 211)
    one, other = (Pipeline(model, crop=crop, compute=compute) for compute in (GRAPH, HOST))
    np.testing.assert_allclose(one(image), other(image), atol=1e-3)
    np.testing.assert_allclose(one.poses[0, :, :2], [PLACES[name] for name in tiny_model.KEYPOINTS], atol=0.1)
    assert one(image) is one(image)


def test_peaks_of_the_graph_do_not_lie_in_the_padding(model):
    """65 px are padded to 128: the dot beyond them may only be in the network's input by mistake."""
    pipeline = Pipeline(model, compute=GRAPH)
    pipeline(np.zeros((65, 65, 3), np.uint8))
    pipeline.network.frames[0] = tiny_model.draw({"blue": (100, 100)}, 128, 128)
    pipeline.network.run()
    assert pipeline.network.peaks is not None
    assert (pipeline.network.peaks[0, 0, :2] < 72).all()
    assert pipeline.network.peaks[0, 0, 2] < 0.5


def test_below_min_score_peaks_of_the_graph_are_nan_with_their_score(model):
    poses = Pipeline(model, compute=GRAPH)(tiny_model.draw({"blue": (30, 30)}))
    assert np.isfinite(poses[0, 0]).all()
    assert np.isnan(poses[0, 1:, :2]).all()
    assert (poses[0, 1:, 2] == 0).all()


def test_a_score_of_nan_is_published_as_score_0(model):
    decoder = Decoder(model.contract, plan(model.contract, 64, 64), 0.3)
    decoder.place(np.array([[[1, 2, np.nan], [10, 20, 0.5], [3, 4, 0.1]]], np.float32))
    assert decoder.peaks[0, 1].tolist() == [10, 20, 0.5]
    assert decoder.peaks[0, 0, 2] == decoder.poses[0, 0, 2] == 0
    assert np.isnan(decoder.poses[0, [0, 2], :2]).all()


def drawn(count: int = 3) -> list[np.ndarray]:
    source = open_source(f"synthetic:size=331x245,frames={count},seed=5")
    source.open()
    return [frame.image.copy() for _ in range(count) if (frame := source.read()) is not None]


@pytest.mark.parametrize("name", ONE)
def test_zoo_models_find_the_same_either_way(name):
    """On frames that most of them know nothing of: all best peaks count."""
    model = load_model(name)
    one, other = (Pipeline(model, compute=compute) for compute in (GRAPH, HOST))
    for image in drawn():
        one(image)
        other(image)
        np.testing.assert_allclose(one.peaks, other.peaks, atol=1e-3)


def test_real_frames_give_the_same_either_way():
    video = cv2.VideoCapture(str(shared("dlc-openfield") / "videos" / "m3v1mp4.mp4"))
    images = [video.read()[1] for _ in range(12)]
    assert largest_difference_px(load_model("mouse-topview"), images, GRAPH, HOST) < 1e-3


def test_a_difference_is_measured_in_pixels_of_the_frame(tmp_path):
    """The graph's peaks of this file are told to lie 4 px (of the input) further right and below."""
    import onnx
    from onnx import numpy_helper

    path = peaked_model.write(tmp_path / "dots.onnx", scale=0.5)
    file = onnx.load(path)
    centre = next(entry for entry in file.graph.initializer if entry.name == "peaks/first_centre")
    centre.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(centre) + np.float32(3), centre.name))
    onnx.save(file, path)
    image = tiny_model.draw(PLACES, radius=8.25)
    apart = largest_difference_px(load_model(str(path)), [image], GRAPH, HOST)
    assert apart == pytest.approx(6 * 2**0.5, abs=1e-2)
    assert np.isnan(largest_difference_px(load_model(str(path)), [np.zeros_like(image)], GRAPH, HOST))
