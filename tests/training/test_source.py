"""What is learned from and what is held out."""

from __future__ import annotations

import json
import shutil
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


def test_a_pattern_names_all_label_files_that_fit(tmp_path: Path) -> None:
    pattern = ["labeled-data/*/CollectedData_*.csv"]
    project = write_project(tmp_path, images=4, data={"labels": pattern, "validation": 0})
    assert len(open_source(read_project(project), tmp_path).train) == 4
    clip, more = tmp_path / "labeled-data" / "clip", tmp_path / "labeled-data" / "a [new] clip"
    shutil.copytree(clip, more)
    text = (more / "CollectedData_me.csv").read_text()
    (more / "CollectedData_me.csv").write_text(text.replace("labeled-data/clip", "labeled-data/a [new] clip"))
    (more / "predicted_dots.csv").write_text("not a label file")
    names = open_source(read_project(project), tmp_path).train.names
    assert [name.split("/")[0] for name in names] == ["a [new] clip"] * 4 + ["clip"] * 4
    settings = read_project(write_project(tmp_path, images=4, data={"labels": ["labeled-data/*/Corrected_*.csv"]}))
    with pytest.raises(InputError, match=r"label file 'labeled-data/\*/Corrected_\*.csv' not found"):
        open_source(settings, tmp_path)


def test_a_picture_in_two_label_files_is_refused(tmp_path: Path) -> None:
    project = write_project(tmp_path, images=4, data={"labels": ["labeled-data/*/CollectedData_*.csv"]})
    clip = tmp_path / "labeled-data" / "clip"
    (clip / "CollectedData_you.csv").write_text((clip / "CollectedData_me.csv").read_text())
    with pytest.raises(InputError, match=r"img0.png is labelled in .*CollectedData_me.csv and in .*CollectedData_you"):
        open_source(read_project(project), tmp_path)
    name = "labeled-data/clip/CollectedData_me.csv"
    settings = read_project(write_project(tmp_path, images=4, data={"labels": [name, "labeled-data/*/*_me.csv"]}))
    with pytest.raises(InputError, match="named more than once"):
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


def test_a_block_is_the_end_of_the_file_with_a_gap_before_it(tmp_path: Path) -> None:
    data = {"validation": 0.3, "split": "block", "gap": 2}
    source = open_source(read_project(write_project(tmp_path, images=10, data=data)), tmp_path)
    assert source.held_out.names == ("clip/img7.png", "clip/img8.png", "clip/img9.png")
    assert source.train.names == tuple(f"clip/img{n}.png" for n in range(5))
    assert source.how == "3 neighbouring frames of 10, 2 frames beside them left out"


@pytest.mark.parametrize("split", ["random", "block"])
def test_every_frame_is_held_out_in_one_fold(tmp_path: Path, split: str) -> None:
    seen: list[str] = []
    for fold in (1, 2, 3):
        data = {"split": split, "folds": 3, "fold": fold}
        source = open_source(read_project(write_project(tmp_path, images=10, data=data)), tmp_path)
        assert len(source.train) + len(source.held_out) == 10
        assert source.how.startswith(f"part {fold} of 3: ")
        seen += source.held_out.names
    assert sorted(seen) == sorted(f"clip/img{n}.png" for n in range(10))


def test_impossible_folds_are_refused(tmp_path: Path) -> None:
    for data in ({"folds": 1}, {"folds": 3, "fold": 4}, {"fold": 2}):
        with pytest.raises(InputError, match="expected at least 2 folds"):
            read_project(write_project(tmp_path, data=data))
    settings = read_project(write_project(tmp_path, images=4, data={"folds": 5}))
    with pytest.raises(InputError, match="5 parts of 4 frames"):
        open_source(settings, tmp_path)


def test_frames_to_learn_from_may_be_named(tmp_path: Path) -> None:
    data = {"train_images": ["img1.png", "img3.png"], "validation_images": ["img0.png"]}
    source = open_source(read_project(write_project(tmp_path, images=6, data=data)), tmp_path)
    assert source.train.names == ("clip/img1.png", "clip/img3.png")
    settings = read_project(write_project(tmp_path, images=6, data=data | {"validation_images": ["img1.png"]}))
    with pytest.raises(InputError, match=r"clip/img1\.png is held out too"):
        open_source(settings, tmp_path)


def test_images_with_wrong_labels_are_left_out(tmp_path: Path) -> None:
    data = {"leave_out": ["img3.png"], "split": "block", "validation": 0.2}
    source = open_source(read_project(write_project(tmp_path, images=6, data=data)), tmp_path)
    assert source.train.names == tuple(f"clip/img{n}.png" for n in (0, 1, 2, 4))
    assert source.held_out.names == ("clip/img5.png",)


def test_several_animals_need_a_skeleton_that_joins_all(tmp_path: Path) -> None:
    fields = {"name": "two", "animals": 2, "data": {"labels": ["labeled-data/clip/CollectedData_me.csv"]}}
    write_project(tmp_path, images=4)
    with pytest.raises(InputError, match="needs a path along edges"):
        open_source(parse_project(fields, "two"), tmp_path)
    source = open_source(parse_project(fields | {"skeleton": [["bright", "dark"]]}, "two"), tmp_path)
    assert source.body.edges == ((0, 1),)


def test_more_animals_than_the_project_says_are_refused(tmp_path: Path) -> None:
    path = write_project(tmp_path, images=2).parent / "labeled-data" / "clip" / "CollectedData_me.csv"
    lines = path.read_text().splitlines()
    rows = [f"{line},{','.join(line.split(',')[1:])}" for line in lines]
    rows.insert(1, "individuals," + ",".join(["a"] * 4 + ["b"] * 4))
    path.write_text("\n".join(rows) + "\n")
    with pytest.raises(InputError, match=r"img0\.png holds labels of 2 animals; expected at most animals = 1"):
        open_source(read_project(tmp_path / "dots.toml"), tmp_path)


def test_scenes_of_several_drawn_animals_hold_one_or_more(tmp_path: Path) -> None:
    fields = {
        "name": "drawn",
        "animals": 3,
        "phantom": {"width": 160, "height": 128, "frames": 12, "frames_per_seed": 1, "validation_frames": 1},
    }
    source = open_source(parse_project(fields, "drawn"), Path())
    counts = (~np.isnan(source.train.points).all(axis=(2, 3))).sum(axis=1)
    assert source.train.points.shape[:2] == (12, 3)
    assert set(counts.tolist()) == {1, 2, 3}


def test_mirror_partners_are_known_by_name_unless_the_project_says_otherwise(tmp_path: Path) -> None:
    path = write_project(tmp_path, images=3).parent / "labeled-data" / "clip" / "CollectedData_me.csv"
    path.write_text(path.read_text().replace("bright", "eyeL").replace("dark", "eyeR"))
    fields = {"name": "eyes", "data": {"labels": ["labeled-data/clip/CollectedData_me.csv"]}}
    assert open_source(parse_project(fields, "eyes"), tmp_path).body.symmetric == ((0, 1),)
    assert open_source(parse_project(fields | {"symmetric": []}, "eyes"), tmp_path).body.symmetric == ()


def test_frames_an_earlier_run_learned_from_are_not_held_out(tmp_path: Path) -> None:
    settings = read_project(write_project(tmp_path, images=10, data={"validation": 0.3}))
    before = open_source(settings, tmp_path)
    run = tmp_path / "runs" / "dots-1"
    run.mkdir(parents=True)
    (run / "run.json").write_text(json.dumps({"learned_from": before.train.names}))
    more = write_project(tmp_path, images=20, data={"validation": 0.3}, network={"weights": "runs/dots-1"})
    after = open_source(read_project(more), tmp_path)
    assert len(after.held_out) == 6
    assert not set(after.held_out.names) & set(before.train.names)
    assert "have not learned from" in after.how
    assert set(after.learned) == set(before.train.names) | set(after.train.names)
