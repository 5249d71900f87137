"""From run to ONNX: the same numbers, named dimensions, few nodes, and a card that tells the truth."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from posewire_models.contract import contract_violations
from posewire_models.decoding import decoding_of, decoding_problems
from posewire_models.errors import InputError, WorkError
from posewire_models.modelfile import check_model

pytest.importorskip("tensorflow")
import onnx

from posewire_training import export as export_module
from posewire_training.card import card_error
from posewire_training.card_facts import made_by
from posewire_training.config import parse_project
from posewire_training.export import decoding_for, export
from posewire_training.network import build_network
from posewire_training.run_folder import read_arrays, read_settings, write_arrays, write_json

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export(trained, output=tmp_path_factory.mktemp("exported"))


def test_the_file_keeps_the_contract(exported: Path) -> None:
    assert exported.name == "dots.onnx"
    assert check_model(str(exported))[1] == []
    fields = json.loads(onnx.load(exported).metadata_props[0].value)
    assert contract_violations(fields) == {}
    assert fields["keypoints"] == ["bright", "dark"]
    assert fields["skeleton"] == [[0, 1]]
    assert fields["pad_multiple"] == 32
    assert fields["stride"] == 8
    assert fields["color"] == "bgr"


def test_dimensions_have_their_names(exported: Path) -> None:
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    assert [(port.name, port.type, port.shape) for port in session.get_inputs()] == [
        ("frames", "tensor(uint8)", ["N", "H", "W", 3])
    ]
    assert [(port.name, port.type, port.shape) for port in session.get_outputs()] == [
        ("heatmaps", "tensor(float)", ["N", "h", "w", 2]),
        ("offsets", "tensor(float)", ["N", "h", "w", 2, 2]),
        ("peaks", "tensor(float)", ["N", 2, 3]),
    ]


@pytest.mark.parametrize("shape", [(1, 32, 32), (2, 64, 96), (1, 416, 160), (3, 96, 32)])
def test_any_padded_size_gives_what_tensorflow_gives(
    exported: Path, trained: Path, shape: tuple[int, int, int]
) -> None:
    from posewire_training.network import to_network

    model = export_module.network_of(trained, read_settings(trained), {"keypoints": ["bright", "dark"], "skeleton": []})
    frames = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    logits, offsets = model(to_network(frames), training=False)
    session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
    found = session.run(["heatmaps", "offsets"], {"frames": frames})
    assert found[0].shape == (shape[0], shape[1] // 8, shape[2] // 8, 2)
    np.testing.assert_allclose(found[0], 1 / (1 + np.exp(-np.asarray(logits))), atol=1e-3)
    np.testing.assert_allclose(found[1], np.asarray(offsets).reshape(found[1].shape), atol=0.02)


def test_the_graph_is_lean(exported: Path) -> None:
    """Batch norms, paddings and shape computations are folded away: they would cost time on every frame."""
    counts = [node.op_type for node in onnx.load(exported).graph.node if not node.name.startswith("peaks/")]
    assert set(counts) <= {
        "Cast",
        "Mul",
        "Sub",
        "Add",
        "Transpose",
        "Conv",
        "Clip",
        "Relu",
        "Resize",
        "Sigmoid",
        "Reshape",
    }
    assert counts.count("Transpose") == 3
    assert counts.count("Resize") == 2
    assert counts.count("Mul") == 1


def test_the_card_tells_parity_error_and_hash(exported: Path, trained: Path) -> None:
    card = json.loads(exported.with_suffix(".json").read_text())
    content = exported.read_bytes()
    assert card["sha256"] == hashlib.sha256(content).hexdigest()
    assert card["bytes"] == len(content)
    assert len(content) < 3_000_000
    assert 0 <= card["parity"] < 1e-3
    assert card["parity_frames"] == 2
    record = json.loads((trained / "run.json").read_text())
    assert card["error_px"]["value"] == pytest.approx(record["error_px"]["mean"], abs=1e-3)
    assert card["error_px"]["frames"] == 2
    assert "random frames of 8" in card["error_px"]["held_out"]
    assert card["speed"]["median_ms"] > 0
    assert card["speed"]["size"] == record["input_size"]
    assert [line.split(" --run")[0] for line in card["made_by"]] == [
        f"posewire train {record['project_file']}",
        f"posewire export runs/{trained.name}",
    ]
    picture = exported.with_name(card["picture"]).read_text()
    assert picture.startswith("<svg")


def test_the_card_tells_the_commands_of_parts_and_whole(trained: Path, tmp_path: Path) -> None:
    fields = json.loads((trained / "settings.json").read_text())
    parts = []
    for name, data in (("part 1", {"folds": 2, "fold": 1}), ("part-2", {"folds": 2, "fold": 2}), ("all", {})):
        run = tmp_path / name
        run.mkdir()
        (run / "settings.json").write_text(json.dumps(fields | {"data": fields["data"] | {"validation": 0} | data}))
        (run / "run.json").write_text(json.dumps({"project_file": "my mouse.toml"}))
        parts.append(run)
    assert made_by(parts[2], parts[:2], "--precision int8") == [
        "posewire train 'my mouse.toml' --fold 1/2 --run 'runs/part 1' --no-export",
        "posewire train 'my mouse.toml' --fold 2/2 --run runs/part-2 --no-export",
        "posewire train 'my mouse.toml' --all --run runs/all --no-export",
        "posewire export runs/all --error-from 'runs/part 1' --error-from runs/part-2 --precision int8",
    ]


def test_a_network_that_differs_is_not_kept(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_module, "MOST_FIELD_DIFFERENCE", 0.0)
    with pytest.raises(WorkError, match=r"ONNX Runtime differs from TensorFlow .*nothing was written"):
        export(trained, output=tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_output_may_be_a_file_and_nothing_is_printed(
    trained: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    written = export(trained, output=tmp_path / "deep" / "mine.onnx")
    assert written == tmp_path / "deep" / "mine.onnx"
    assert json.loads(written.with_suffix(".json").read_text())["name"] == "mine"
    assert capfd.readouterr().out == ""
    (tmp_path / "file.txt").touch()
    with pytest.raises(InputError, match="is a file"):
        export(trained, output=tmp_path / "file.txt")


def test_the_error_may_come_from_a_run_that_held_frames_out(trained: Path, tmp_path: Path) -> None:
    """The shipped networks learn from every frame; their error is that of a twin which did not."""
    record = json.loads((trained / "run.json").read_text())
    whole_record = record | {"error_px": None}
    held_out = read_settings(trained)
    fields = held_out.model_dump(mode="json")
    whole = parse_project(fields | {"data": fields["data"] | {"validation": 0}}, "whole")
    assert card_error(whole, whole_record)["value"] is None
    error = card_error(whole, whole_record, [trained])
    assert error["value"] == pytest.approx(record["error_px"]["mean"], abs=1e-3)
    assert "trained on all of them" in error["held_out"]
    wider = parse_project(fields | {"network": fields["network"] | {"channels": 8}}, "wider")
    with pytest.raises(InputError, match=r"settings differ \(network\.channels\)"):
        card_error(wider, whole_record, [trained])
    blind = tmp_path / "blind"
    shutil.copytree(trained, blind)
    (blind / "run.json").write_text(json.dumps(whole_record))
    with pytest.raises(InputError, match="held no frames out"):
        card_error(held_out, record, [blind])


def test_what_is_no_run_is_refused(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no training run"):
        export(tmp_path)
    young = tmp_path / "young"
    shutil.copytree(trained, young)
    (young / "checkpoint.npz").unlink()
    with pytest.raises(InputError, match="no checkpoint yet"):
        export(young)
    state = read_arrays(trained / "checkpoint.npz")
    write_arrays(young / "checkpoint.npz", state | {"average/000": np.zeros(3, np.float32)})
    with pytest.raises(InputError, match="does not fit"):
        export(young)


def test_gray_networks_of_another_stride(tmp_path: Path) -> None:
    settings = parse_project(
        {"name": "gray", "data": {"labels": ["x"]}, "network": {"color": "gray", "stride": 4, "channels": 8}}, "gray"
    )
    model = build_network(settings.network, 3)
    proto = export_module.to_onnx(model, 3, 0)
    frames = np.random.default_rng(1).integers(0, 256, (2, 64, 32, 1), np.uint8)
    parity = export_module.compare(model, proto, frames)
    assert parity.heatmaps < 1e-3
    assert parity.offsets_px < 0.05
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    assert session.get_inputs()[0].shape == ["N", "H", "W", 1]
    assert [found.shape for found in session.run(None, {"frames": frames})] == [(2, 16, 8, 3), (2, 16, 8, 3, 2)]


def test_networks_of_several_animals_put_out_fields(tmp_path: Path) -> None:
    settings = parse_project(
        {"name": "two", "data": {"labels": ["x"]}, "animals": 2, "network": {"stride": 4, "channels": 8}}, "two"
    )
    model = build_network(settings.network, 3, 2)
    model.get_layer("pafs").set_weights([np.random.default_rng(0).normal(size=(1, 1, 8, 4)), np.arange(4)])
    proto = export_module.to_onnx(model, 3, 2)
    frames = np.random.default_rng(1).integers(0, 256, (2, 64, 32, 3), np.uint8)
    assert export_module.compare(model, proto, frames).kept
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    found = dict(zip((port.name for port in session.get_outputs()), session.run(None, {"frames": frames}), strict=True))
    assert found["heatmaps"].shape == (2, 16, 8, 3)
    assert found["pafs"].shape == (2, 8, 4, 2, 2)  # its own stride, 8
    assert np.abs(found["pafs"]).max() > 1


def test_the_temperature_is_inside_the_graph(trained: Path, tmp_path: Path) -> None:
    """Scores of the file are those of the network, tempered; peaks stay where they are."""
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    record = json.loads((run / "run.json").read_text())
    heatmaps = []
    for temperature in (1.0, 2.5):
        write_json(run / "run.json", record | {"calibration": {"temperature": temperature}})
        written = export(run, output=tmp_path / f"t{temperature}.onnx")
        assert json.loads(written.with_suffix(".json").read_text())["temperature"] == temperature
        session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
        frames = read_arrays(run / "frames.npz")["frames"]
        heatmaps.append(session.run(["heatmaps"], {"frames": frames})[0].astype(np.float64))
    logits = np.log(heatmaps[0]) - np.log1p(-heatmaps[0])
    np.testing.assert_allclose(heatmaps[1], 1 / (1 + np.exp(-logits / 2.5)), atol=1e-4)


@pytest.mark.parametrize("keypoints", [1, 2, 5, 12, 24])
def test_the_rules_of_several_animals_can_be_kept(keypoints: int) -> None:
    rules = decoding_for(keypoints)
    assert decoding_problems(rules, keypoints - 1) == []
    assert decoding_of(rules).min_parts >= 2
    assert rules["min_parts"] == decoding_of(rules).min_parts <= max(2, keypoints // 2)
