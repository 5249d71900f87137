"""Names and paths -> model files; what ships is whole."""

from __future__ import annotations

import shutil

import pytest

from posewire_models import zoo
from posewire_models.errors import InputError, ModelError
from posewire_models.modelfile import check_model
from posewire_models.zoo import find_model, read_model, zoo_card, zoo_names


def test_the_zoo_holds_the_two_models_that_ship():
    assert {"mouse-topview", "synthetic-animal"} <= set(zoo_names())


@pytest.mark.parametrize("name", zoo_names())
def test_every_zoo_model_keeps_its_contract_its_card_and_its_size(name):
    contract, violations = check_model(name)
    assert violations == []
    card = zoo_card(name)
    assert card["name"] == name == contract.name
    assert card["keypoints"] == list(contract.keypoints)
    assert card["bytes"] == find_model(name).stat().st_size < 3_000_000


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("mouse-topveiw", "did you mean 'mouse-topview'"),
        ("nothing-like-it", "the zoo has"),
        ("folder/x.onnx", "no such file"),
    ],
)
def test_a_model_that_is_not_there_is_named_with_the_nearest(name, sentence):
    with pytest.raises(InputError, match=sentence):
        find_model(name)


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(InputError, match="a folder"):
        find_model(str(tmp_path))


def test_a_missing_file_offers_its_neighbour(tmp_path):
    (tmp_path / "mouse.onnx").write_bytes(b"x")
    with pytest.raises(InputError, match=r"did you mean 'mouse\.onnx'"):
        find_model(str(tmp_path / "mose.onnx"))


def test_an_empty_file_is_refused(tmp_path):
    path = tmp_path / "empty.onnx"
    path.write_bytes(b"")
    with pytest.raises(ModelError, match="the file is empty"):
        read_model(str(path))


def test_a_damaged_zoo_model_is_refused(tmp_path, monkeypatch):
    for suffix in (".onnx", ".json"):
        shutil.copy(find_model("mouse-topview").with_suffix(suffix), tmp_path)
    monkeypatch.setattr(zoo, "ZOO", tmp_path)
    with (tmp_path / "mouse-topview.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(ModelError, match="sha256"):
        read_model("mouse-topview")
