"""8-bit and half-precision exports: the contract kept, near fp32, measured, and refused where accuracy is lost."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest

from posewire_models.errors import InputError, WorkError
from posewire_models.modelfile import check_model

pytest.importorskip("tensorflow")
import onnx
from onnx import TensorProto

from posewire_models.peaks import best_peaks
from posewire_training import export as export_module
from posewire_training import precision as precision_module
from posewire_training.config import parse_project
from posewire_training.export import export, to_onnx
from posewire_training.graph import Graph
from posewire_training.half import halved
from posewire_training.network import build_network
from posewire_training.precision import Loss, moved_px, refuse_loss, run_source
from posewire_training.quantise import _dequantise_frames, float_nodes, quantised
from posewire_training.run_folder import path_from, read_arrays, read_json, read_settings, write_json
from posewire_training.validation import HeldOutError, as_seen

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module", autouse=True)
def convert_once(trained: Path) -> Iterator[None]:
    """All runs here hold the same weights, and TensorFlow's network is slow to convert."""
    record = read_json(trained / "run.json")
    made = export_module.checked_onnx(trained, read_settings(trained), record)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_module, "checked_onnx", lambda *arguments: made)
        yield


Outputs = list[npt.NDArray[np.float32]]


@pytest.fixture(scope="module")
def files(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same run in every precision."""
    folder = tmp_path_factory.mktemp("precisions")
    return {name: export(trained, output=folder, precision=name, allow_loss=True) for name in ("fp32", "fp16", "int8")}


def ran(model: Path | onnx.ModelProto, frames: npt.NDArray[np.uint8]) -> Outputs:
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    found: Outputs = session.run([port.name for port in session.get_outputs()], {"frames": frames})
    return found


@pytest.mark.parametrize("name", ["fp16", "int8"])
def test_the_file_keeps_the_contract_and_says_its_precision(files: dict[str, Path], name: str) -> None:
    assert files[name].name == f"dots-{name}.onnx"
    contract, violations = check_model(str(files[name]))
    assert violations == []
    assert contract is not None
    assert (contract.name, contract.precision) == (f"dots-{name}", name)
    assert files[name].stat().st_size < 0.7 * files["fp32"].stat().st_size


@pytest.mark.parametrize(("name", "heatmaps", "moved"), [("fp16", 0.01, 0.5), ("int8", 0.1, 5.0)])
def test_it_puts_out_nearly_what_fp32_does_and_the_card_says_how_nearly(
    files: dict[str, Path], trained: Path, name: str, heatmaps: float, moved: float
) -> None:
    card = json.loads(files[name].with_suffix(".json").read_text(), parse_constant=pytest.fail)
    frames = read_arrays(trained / "frames.npz")["frames"]
    whole, fewer = (ran(files[kind], frames) for kind in ("fp32", name))
    apart = [float(np.abs(a - b).max()) for a, b in zip(whole, fewer, strict=True)]
    assert 0 < apart[0] < heatmaps
    assert card["parity"] == pytest.approx(apart[0], rel=0.05)
    assert card["parity_offsets_px"] == pytest.approx(apart[1], rel=0.05)
    error = card["error_px"]
    assert error["fp32"] == pytest.approx(read_json(trained / "run.json")["error_px"]["mean"], rel=0.01)
    assert error["loss_percent"] == pytest.approx(100 * (error["value"] / error["fp32"] - 1), abs=0.1)
    assert error["frames"] == 2
    # A short training leaves every score low: all best peaks are to count.
    settings = read_settings(trained)
    settings = settings.model_copy(update={"network": settings.network.model_copy(update={"min_score": 0.0})})
    model, other = (onnx.load(files[kind]) for kind in ("fp32", name))
    assert moved_px(model, model, settings, list(frames)) == 0
    way = moved_px(model, other, settings, list(frames))
    assert way is not None
    assert 0 < way < moved


def test_what_is_8_bit_and_what_stays_float(files: dict[str, Path]) -> None:
    graph = Graph(onnx.load(files["int8"]))
    kept, eight = [], []
    for node in graph.nodes:
        if node.op_type == "Conv":
            weights = graph.producer(node.input[1])
            (eight if weights is not None and weights.op_type == "DequantizeLinear" else kept).append(node)
            if weights is not None:
                numbers, scales = (graph.constants[name] for name in weights.input[:2])
                assert numbers.dtype == np.int8
                assert scales.shape == numbers.shape[:1]
    assert len(kept) == 5  # three at the start, two heads
    assert len(eight) == 61
    assert "Cast" not in {node.op_type for node in graph.nodes if not node.name.startswith("peaks/")}
    assert not {"Clip", "Relu"} & {graph.producer(node.input[0]).op_type for node in eight}


def test_half_precision_computes_in_half_and_speaks_float(files: dict[str, Path]) -> None:
    model = onnx.load(files["fp16"])
    graph = Graph(model)
    weights = {str(graph.constants[node.input[1]].dtype) for node in graph.nodes if node.op_type == "Conv"}
    assert weights == {"float16"}
    assert {port.type.tensor_type.elem_type for port in model.graph.output} == {TensorProto.FLOAT}
    assert [graph.constants[node.input[2]].dtype for node in graph.nodes if node.op_type == "Resize"] == [
        np.float32
    ] * 2


def shifted(model: onnx.ModelProto, frames: list[npt.NDArray[np.uint8]]) -> onnx.ModelProto:
    """Quantised, and three pixels beside the mark."""
    graph = Graph(quantised(model, frames))
    node = graph.producer("offsets")
    while node.op_type != "Conv":
        node = graph.producer(node.input[0])
    graph.constants[node.input[2]] = graph.constants[node.input[2]] + np.float32(3)
    return graph.finished()


def test_a_file_that_lost_its_accuracy_is_refused_and_not_written(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against labels a pixel from where fp32 finds the keypoints."""
    settings, record = read_settings(trained), read_json(trained / "run.json")
    source = run_source(trained, settings, record)
    model, _ = export_module.checked_onnx(trained, settings, record)
    heatmaps, offsets = ran(model, np.stack(list(as_seen(settings, source.held_out))))
    points = best_peaks(heatmaps, offsets, settings.network.stride)[0][:, None] + np.float32([1, 0])
    labelled = replace(source, held_out=replace(source.held_out, points=points))
    monkeypatch.setattr(precision_module, "run_source", lambda *arguments: labelled)
    monkeypatch.setattr(precision_module, "quantised", shifted)
    with pytest.raises(WorkError, match=r"in int8 .* fp32 1.00 px: .* \(allowed 5 %\); nothing was written") as refused:
        export(trained, output=tmp_path / "model", precision="int8")
    assert refused.value.exit_status == 1
    assert not (tmp_path / "model").exists()
    written = export(trained, output=tmp_path / "asked.onnx", precision="int8", allow_loss=True)
    assert json.loads(written.with_suffix(".json").read_text())["error_px"]["loss_percent"] > 100
    assert export(trained, output=tmp_path / "half.onnx", precision="fp16").is_file()


def error(mean: float, found: float = 1.0) -> HeldOutError:
    return HeldOutError(mean, mean, 1.0, found, *np.zeros((2, 1, 1, 1), np.float32))


@pytest.mark.parametrize(
    ("before", "after", "refused"),
    [
        (error(2.0), error(2.09), False),
        (error(2.0), error(1.0), False),
        (error(0.0), error(0.0), False),
        (error(2.0), error(2.11), True),
        (error(0.0), error(0.1), True),
        (error(2.0), error(2.0, found=0.9), True),  # animals that are no longer found count as well
        (error(np.nan, np.nan), error(np.nan, np.nan), True),
    ],
)
def test_five_percent_are_allowed(before: HeldOutError, after: HeldOutError, refused: bool) -> None:
    loss = Loss(before, after)
    if refused:
        with pytest.raises(WorkError, match="allowed 5 %"):
            refuse_loss(loss, "run", "int8")
    else:
        refuse_loss(loss, "run", "int8")


def trained_on_all(trained: Path, run: Path) -> Path:
    """A copy of a run, as if it had held nothing out."""
    shutil.copytree(trained, run)
    fields = json.loads((run / "settings.json").read_text())
    fields["data"]["validation"] = 0
    write_json(run / "settings.json", fields)
    record = json.loads((run / "run.json").read_text()) | {"error_px": None, "project": str(trained.parent)}
    settings = read_settings(run)
    source = precision_module.open_source(settings, trained.parent)
    record |= {"data_sha256": source.train.sha256(), "held_out": {"how": source.how, "frames": []}}
    write_json(run / "run.json", record)
    return run


def test_a_run_of_all_frames_takes_its_loss_from_one_that_held_some_out(trained: Path, tmp_path: Path) -> None:
    run = trained_on_all(trained, tmp_path / "all")
    with pytest.raises(InputError, match=r"held no frames out, so what int8 costs .* give --error-from"):
        export(run, precision="int8")
    written = export(run, error_from=[trained], precision="int8", allow_loss=True)
    told = json.loads(written.with_suffix(".json").read_text())["error_px"]
    assert "brought to int8 in the same way; this file was trained on all of them" in told["held_out"]
    assert told["frames"] == 2
    unmeasured = export(run, output=tmp_path / "unmeasured.onnx", precision="fp16", allow_loss=True)
    assert json.loads(unmeasured.with_suffix(".json").read_text())["error_px"]["value"] is None


def test_data_that_is_gone_or_changed_is_told(trained: Path, tmp_path: Path) -> None:
    record, settings = read_json(trained / "run.json"), read_settings(trained)
    assert record["project"] == ".."  # moves with the run
    assert path_from(tmp_path / "elsewhere", trained.parent) == str(trained.parent.resolve())
    assert run_source(trained, settings, record).train.sha256() == record["data_sha256"]
    moved = tmp_path / "moved" / "run"
    shutil.copytree(trained, moved)
    with pytest.raises(InputError, match="its data is needed again, to calibrate and to measure: label file"):
        export(moved, precision="int8")
    with pytest.raises(InputError, match="not what it was trained on"):
        run_source(trained, settings, record | {"data_sha256": "another"})


def test_drawn_data_is_drawn_again_but_only_as_much_as_is_needed() -> None:
    settings = parse_project(
        {
            "name": "drawn",
            "keypoints": ["snout", "neck"],
            "phantom": {"width": 64, "height": 64, "frames": 5000, "validation_frames": 2},
        },
        "drawn",
    )
    source = run_source(Path("anywhere"), settings, {"data_sha256": "of all 5000"})
    assert len(source.train) == precision_module.CALIBRATION_FRAMES
    assert len(source.held_out) == 2


def test_an_unknown_precision_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--precision int9: expected fp32, fp16, int8; did you mean 'int8'\?"):
        export(tmp_path, precision="int9")


@pytest.fixture(scope="module")
def several() -> onnx.ModelProto:
    """A network of random weights for several animals: three outputs."""
    settings = parse_project(
        {
            "name": "pair",
            "animals": 2,
            "keypoints": ["a", "b", "c"],
            "skeleton": [["a", "b"], ["b", "c"]],
            "data": {"labels": ["x"]},
            "network": {"channels": 8},
        },
        "pair",
    )
    return to_onnx(build_network(settings.network, 3, 2), 3, 2)


def test_networks_of_several_animals_keep_all_three_heads_float(several: onnx.ModelProto) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), np.uint8)
    assert len(several.graph.output) == 3
    assert len(float_nodes(Graph(several))) == 3 + 2 + 3  # convolutions at the start, their activations, heads
    whole = ran(several, frames)
    for model in (quantised(several, list(frames)), halved(several)):
        found = ran(model, frames)
        assert [output.shape for output in found] == [output.shape for output in whole]
        assert np.abs(found[0] - whole[0]).max() < 0.05


def test_frames_read_as_8_bit_numbers_are_the_same_frames(several: onnx.ModelProto) -> None:
    """All but the cells that see the padding right and below, where half a grey value is off."""
    copy = onnx.ModelProto()
    copy.CopyFrom(several)
    graph = Graph(copy)
    _dequantise_frames(graph)
    changed = graph.finished()
    kinds = [node.op_type for node in changed.graph.node]
    assert kinds[:3] == ["Transpose", "DequantizeLinear", "Conv"]
    frames = np.random.default_rng(1).integers(0, 256, (1, 64, 64, 3), np.uint8)
    for a, b in zip(ran(several, frames), ran(changed, frames), strict=True):
        np.testing.assert_allclose(b, a, atol=2e-2)


def test_the_quantiser_says_nothing(
    several: onnx.ModelProto, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    quantised(several, [np.zeros((32, 32, 3), np.uint8)])
    assert capfd.readouterr().out == ""
    assert caplog.records == []
