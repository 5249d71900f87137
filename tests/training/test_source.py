"""What is learned from and what is held out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from drawn import write_project
from posewire_models.errors import InputError
from posewire_training.config import parse_project, read_project
from posewire_training.source import open_source


def test_a_random_share_is_held_out_and_the_seed_chooses_it(tmp_path: Path) -> None:
    settings = read_project(write_project(tmp_path, images=10, data={"validation": 0.3, "seed": 1}))
    source = open_source(settings, tmp_path)
    assert len(source.held_out) == 3
    assert len(source.train) == 7
    assert not set(source.train.names) & set(source.held_out.names)
    assert source.how == "3 random frames of 10 (seed 1)"
    assert open_source(settings, tmp_path).held_out.names == source.held_out.names
    other = read_project(write_project(tmp_path, images=10, data={"validation": 0.3, "seed": 2}))
    assert open_source(other, tmp_path).held_out.names != source.held_out.names


def test_no_validation_trains_on_all(tmp_path: Path) -> None:
    source = open_source(read_project(write_project(tmp_path, images=4, data={"validation": 0})), tmp_path)
    assert len(source.train) == 4
    assert len(source.held_out) == 0


def test_named_images_are_held_out(tmp_path: Path) -> None:
    settings = read_project(write_project(tmp_path, images=4, data={"validation_images": ["img2.png"]}))
    source = open_source(settings, tmp_path)
    assert source.held_out.names == ("clip/img2.png",)
    for wrong in ("img9.png", "mg2.png"):
        settings = read_project(write_project(tmp_path, images=4, data={"validation_images": [wrong]}))
        with pytest.raises(InputError, match="names 0 labelled images"):
            open_source(settings, tmp_path)


def test_drawn_animals_bring_their_own_skeleton_and_unseen_seeds() -> None:
    fields = {"name": "drawn", "phantom": {"width": 160, "height": 128, "frames": 4, "validation_frames": 2}}
    source = open_source(parse_project(fields, "drawn"), Path())
    assert len(source.train) == 4
    assert len(source.held_out) == 2
    assert source.body.edges
    assert source.body.symmetric
    assert source.train.points.shape == (4, 1, len(source.body.keypoints), 2)
    assert not np.isnan(source.train.points).any()
    seeds = [{name.split("/")[0] for name in part.names} for part in (source.train, source.held_out)]
    assert not seeds[0] & seeds[1]
    assert source.train.sha256() == open_source(parse_project(fields, "drawn"), Path()).train.sha256()


def test_some_of_the_drawn_keypoints_keep_their_edges() -> None:
    fields = {
        "name": "drawn",
        "keypoints": ["neck", "snout", "left_ear", "right_ear"],
        "phantom": {"width": 160, "height": 128, "frames": 1, "validation_frames": 1},
    }
    body = open_source(parse_project(fields, "drawn"), Path()).body
    assert body.keypoints == ("neck", "snout", "left_ear", "right_ear")
    assert body.symmetric == ((2, 3),)
    assert {frozenset(edge) for edge in body.edges} == {frozenset(edge) for edge in ((0, 1), (0, 2), (0, 3))}
    with pytest.raises(InputError, match="'wing' is none"):
        open_source(parse_project({**fields, "keypoints": ["wing"]}, "drawn"), Path())
