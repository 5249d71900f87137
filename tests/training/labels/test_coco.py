"""COCO keypoint files: visibility, tracks, skeletons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from label_files import coco, refused
from paths import shared
from posewire_training.labels import load_labels, save_labels
from posewire_training.labels.record import labelled


def test_coco_visibility_skeleton_and_images_without_labels(tmp_path: Path) -> None:
    labels = load_labels(coco(tmp_path), strict=False)
    assert labels.keypoints == ("x", "y", "z")
    assert labels.skeleton == (("x", "y"), ("y", "z"))
    assert labelled(labels.points)[:, 0].tolist() == [[False] * 3, [True, True, False]]
    assert labels.visible[1, 0].tolist() == [True, False, False]
    assert labels.individuals == ()


def test_coco_images_are_also_looked_for_in_images(tmp_path: Path) -> None:
    path = coco(tmp_path)
    (tmp_path / "images").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "images" / name).write_bytes(b"x")
    assert load_labels(path).images[1].path == tmp_path / "images" / "b.png"


def test_coco_tracks_are_identities(tmp_path: Path) -> None:
    one = {"category_id": 2, "keypoints": [1, 2, 2, 3, 4, 2, 5, 6, 2]}
    annotations = [
        {**one, "image_id": 7, "track_id": 5},
        {**one, "image_id": 9, "attributes": {"track_id": 4}},
        {**one, "image_id": 9, "track_id": 5},
    ]
    labels = load_labels(coco(tmp_path, annotations=annotations, tracks=[{"id": 5, "name": "ann"}]), strict=False)
    assert labels.individuals == ("ann", "4")
    assert labelled(labels.points).any(axis=-1).tolist() == [[True, False], [True, True]]


def test_coco_skeletons_that_count_from_0_are_understood(tmp_path: Path) -> None:
    category = {"id": 2, "keypoints": ["x", "y", "z"], "skeleton": [[0, 1], [1, 2]]}
    assert load_labels(coco(tmp_path, categories=[category]), strict=False).skeleton == (("x", "y"), ("y", "z"))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"categories": [{"id": 1}]}, "no category has keypoints"),
        ({"images": [{"id": 1}]}, r"images.0.file_name: field required"),
        ({"images": [{"id": 9, "file_name": "a"}, {"id": 9, "file_name": "b"}]}, "same id"),
        ({"annotations": [{"image_id": 8, "category_id": 2, "keypoints": [1, 2, 2] * 3}]}, "image_id 8"),
        ({"annotations": [{"image_id": 9, "category_id": 2, "keypoints": [1, 2, 2]}]}, "3 numbers in keypoints"),
        ({"annotations": [{"image_id": 9, "category_id": 2, "keypoints": [1, 2, 3] * 3}]}, "none of 0, 1, 2"),
        ({"categories": [{"id": 2, "keypoints": ["x", "y", "z"], "skeleton": [[1, 4]]}]}, "skeleton"),
        ({"images": [], "annotations": []}, "no labelled image"),
    ],
)
def test_broken_coco_files_are_refused(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    assert told in refused(coco(tmp_path, **changes))


def test_coco_with_two_kinds_of_animals_is_refused(tmp_path: Path) -> None:
    categories = [{"id": i, "name": f"kind{i}", "keypoints": ["x", "y", "z"]} for i in (1, 2)]
    one = {"image_id": 9, "keypoints": [1, 2, 2] * 3}
    annotations = [{**one, "category_id": i} for i in (1, 2)]
    assert "kind1, kind2" in refused(coco(tmp_path, categories=categories, annotations=annotations))


def test_written_coco_files_are_read_by_pycocotools(tmp_path: Path) -> None:
    tools = pytest.importorskip("pycocotools.coco")
    folder = shared("deepposekit-fly") / "coco-samples" / "zebra"
    labels = load_labels(folder / "test_zebra.json")
    save_labels(labels, tmp_path / "zebra.json", "coco")
    ours, theirs = tools.COCO(str(tmp_path / "zebra.json")), tools.COCO(str(folder / "test_zebra.json"))
    for mine, given in zip(ours.loadAnns(ours.getAnnIds()), theirs.loadAnns(theirs.getAnnIds()), strict=True):
        np.testing.assert_allclose(mine["keypoints"], given["keypoints"])
        np.testing.assert_allclose(mine["bbox"], given["bbox"], rtol=1e-6)
        assert mine["num_keypoints"] == given["num_keypoints"]
    assert ours.loadCats([1])[0]["skeleton"] == theirs.loadCats([1])[0]["skeleton"]
    assert ours.loadImgs(ours.getImgIds())[0]["width"] == 160
