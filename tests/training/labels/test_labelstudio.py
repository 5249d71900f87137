"""Label Studio exports: regions, relations, addresses of pictures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sleap_io as sio

from label_files import refused, video_entry
from posewire_training.labels import load_labels

NAN = float("nan")


def region(key: str, label: str, x: float = 10, y: float = 20, **more: Any) -> dict[str, Any]:
    kind = "rectanglelabels" if key.startswith("box") else "keypointlabels"
    value = {"x": x, "y": y, kind: [label]}
    return {"id": key, "type": kind, "original_width": 200, "original_height": 50, "value": value, **more}


def label_studio(root: Path, *tasks: dict[str, Any]) -> Path:
    path = root / "export.json"
    path.write_text(json.dumps(tasks))
    return path


def task(*results: dict[str, Any], image: str = "a.png", **more: Any) -> dict[str, Any]:
    return {"data": {"image": image}, "annotations": [{"result": list(results)}], **more}


def test_label_studio_animals_by_relation_and_parent(tmp_path: Path) -> None:
    relation = {"type": "relation", "from_id": "k1", "to_id": "box1"}
    hidden = {"id": "k2", "type": "choices", "value": {"choices": ["hidden"]}}
    results = [
        region("box1", "ann"),
        region("box2", "bob"),
        region("k1", "snout"),
        relation,
        region("k2", "tail", parentID="box2"),
        hidden,
    ]
    labels = load_labels(label_studio(tmp_path, task(*results)), strict=False)
    assert labels.keypoints == ("snout", "tail")
    assert labels.individuals == ("ann", "bob")
    np.testing.assert_array_equal(labels.points[0], [[[20, 10], [NAN, NAN]], [[NAN, NAN], [20, 10]]])
    assert labels.visible[0].tolist() == [[True, False], [False, False]]


def test_label_studio_rectangles_of_one_label_are_no_names(tmp_path: Path) -> None:
    results = [region("box1", "mouse"), region("box2", "mouse")]
    results += [region(f"k{i}", "snout", x=i, parentID=f"box{i}") for i in (1, 2)]
    labels = load_labels(label_studio(tmp_path, task(*results), task(region("box3", "mouse"))), strict=False)
    assert labels.individuals == ()
    assert labels.points[0, :, 0, 0].tolist() == [2, 4]


def test_label_studio_tasks_nobody_worked_on_are_left_out(tmp_path: Path) -> None:
    untouched = {"data": {"image": "b.png"}, "annotations": []}
    skipped = {"data": {"image": "c.png"}, "annotations": [{"result": [], "was_cancelled": True}]}
    path = label_studio(tmp_path, task(region("k", "a")), untouched, skipped, task(image="d.png"))
    labels = load_labels(path, strict=False)
    assert [image.path.name for image in labels.images] == ["a.png", "d.png"]


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("/data/local-files/?d=mice/day%201/a.png", "mice/day 1/a.png"),
        ("/data/upload/3/0a1b2c3d-a.png", "a.png"),
        ("/data/upload/3/0a1b2c3d-a.png", "0a1b2c3d-a.png"),
        ("https://host.example/x/a.png?token=1", "a.png"),
        ("s3://bucket/mice/a.png", "mice/a.png"),
        ("mice/a.png", "mice/a.png"),
    ],
)
def test_label_studio_addresses_lead_to_files(tmp_path: Path, address: str, file: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_bytes(b"x")
    assert load_labels(label_studio(tmp_path, task(region("k", "a"), image=address))).images[0].path == tmp_path / file


def test_label_studio_files_of_sleap_io_are_read(tmp_path: Path) -> None:
    skeleton = sio.Skeleton(["a", "b"])
    animals = [sio.Instance.from_numpy(np.array([[1.0, 2], [3, v]]), skeleton) for v in (4, 5)]
    file = sio.Labels([sio.LabeledFrame(video_entry("clip.mp4"), 6, animals)])
    sio.save_labelstudio(file, str(tmp_path / "l.json"))
    labels = load_labels(tmp_path / "l.json", ["a", "b"], strict=False)
    assert (labels.images[0].path, labels.images[0].frame) == (tmp_path / "clip.mp4", 6)
    np.testing.assert_allclose(labels.points[0, :, 1], [[3, 4], [3, 5]], rtol=1e-6)


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (task(region("k1", "a"), region("k2", "a")), "keypoint a stands twice"),
        ({**task(region("k", "a")), "annotations": [{"result": []}] * 2}, "holds 2 annotations"),
        (task({**region("k", "a"), "original_width": 0}), "original_width"),
        (task({**region("k", "a"), "value": {"keypointlabels": ["a"]}}), "expected numbers"),
        (task({**region("k", "a"), "image_rotation": 90}), "turned by 90 degrees"),
        (task(region("k", "a"), image="a.mp4"), "whole video"),
        ({"annotations": []}, "data"),
        (task(), "no keypoint"),
    ],
)
def test_broken_label_studio_files_are_refused(tmp_path: Path, broken: dict[str, Any], told: str) -> None:
    assert told in refused(label_studio(tmp_path, broken))
