"""Model metadata: every violation at once, nothing filled in."""

from __future__ import annotations

import json

import pytest

import tiny_model
from posewire_models.contract import PROVENANCE, contract_violations, parse_metadata
from posewire_models.errors import ModelError


def parse(fields, strict=False):
    return parse_metadata({"posewire": json.dumps(fields)}, "model x.onnx", strict)


def test_a_contract_survives_writing_and_reading():
    contract = parse(tiny_model.fields(skeleton=[[0, 2]], scale=0.5))
    assert parse(json.loads(contract.to_json()), strict=True) == contract


def test_all_violations_are_found_at_once():
    fields = tiny_model.fields(stride=0, color="BGR", scale="half", min_score=1.5)
    del fields["keypoints"]
    assert set(contract_violations(fields)) == {"keypoints", "stride", "color", "scale", "min_score"}


@pytest.mark.parametrize("field", sorted(set(tiny_model.fields()) - {"contract"}))
def test_each_missing_field_is_named(field):
    fields = tiny_model.fields()
    del fields[field]
    assert contract_violations(fields)[field].startswith(f"{field}: missing; expected")
    if field in PROVENANCE:
        parse(fields)
    with pytest.raises(ModelError, match=f"x.onnx.*{field}"):
        parse(fields, strict=True)


def test_another_version_is_refused_before_anything_else():
    with pytest.raises(ModelError, match="reads version 1, the file says 2"):
        parse({"contract": 2})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"skeleton": [[0, 9]]}, "points outside"),
        ({"pad_multiple": 12}, "not a multiple of stride"),
        ({"animals": "many"}, "paf_stride: needed"),
        ({"keypoints": ["a", "a", "b"]}, "stands more than once"),
        ({"scale": True}, "expected a factor"),
    ],
)
def test_fields_that_contradict_each_other_are_refused(changes, sentence):
    with pytest.raises(ModelError, match=sentence):
        parse(tiny_model.fields(**changes))


@pytest.mark.parametrize("metadata", [{}, {"posewire": "{"}, {"posewire": "[1]"}])
def test_metadata_that_is_none_is_refused_with_the_mend(metadata):
    with pytest.raises(ModelError, match="export"):
        parse_metadata(metadata, "model x.onnx")


def test_files_that_do_not_say_their_precision_are_in_fp32():
    assert parse(tiny_model.fields(), strict=True).precision == "fp32"
    assert parse(tiny_model.fields(precision="int8"), strict=True).precision == "int8"
    with pytest.raises(ModelError, match="precision: 8; expected fp32, fp16 or int8"):
        parse(tiny_model.fields(precision=8), strict=True)


def test_the_temperature_is_told_or_one():
    assert parse(tiny_model.fields(), strict=True).temperature == 1.0
    assert parse(tiny_model.fields(temperature=0.8), strict=True).temperature == 0.8
    with pytest.raises(ModelError, match="temperature: 0; expected a number above 0"):
        parse(tiny_model.fields(temperature=0), strict=True)
