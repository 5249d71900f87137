"""Files of every kind: broken ones are refused, nothing is overwritten or half-written."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from label_files import coco, refused
from posewire_models.errors import InputError
from posewire_training.images import ImageRef
from posewire_training.labels import Labels, save_labels
from posewire_training.labels.record import labelled

NAN = float("nan")


@pytest.mark.parametrize("name", ["l.slp", "l.nwb", "l.json", "l.npz", "l.h5", "l.csv", "l.txt"])
@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\nbroken", b"[1, 2", b"{}", b"\xff\xfe\x00"])
def test_broken_files_of_every_kind_are_refused_in_one_line(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    refused(tmp_path / name, video=None)


@pytest.mark.parametrize("name", ["l.slp", "l.nwb"])
def test_files_cut_short_are_refused(tmp_path: Path, name: str) -> None:
    points = np.ones((3, 1, 2, 2), np.float32)
    images = tuple(ImageRef(tmp_path / "a.mp4", i) for i in range(3))
    save_labels(Labels(images, ("a", "b"), points, labelled(points)), tmp_path / name)
    whole = (tmp_path / name).read_bytes()
    for part in (0.2, 0.6, 0.95):
        (tmp_path / name).write_bytes(whole[: int(part * len(whole))])
        refused(tmp_path / name)


def some(root: Path) -> Labels:
    cv2.imwrite(str(root / "i.png"), np.zeros((20, 30), np.uint8))
    points = np.array([[[[1, 2], [NAN, NAN]]]], np.float32)
    return Labels((ImageRef(root / "i.png"),), ("a", "b"), points, labelled(points))


def test_a_kind_must_be_clear_and_nothing_is_overwritten(tmp_path: Path) -> None:
    labels = some(tmp_path)
    for path, kind, told in (
        (tmp_path / "l.json", None, "coco or label-studio"),
        (tmp_path / "l.json", "coko", "did you mean 'coco'"),
        (tmp_path / "l.csv", "coco", "ends in .json"),
        (tmp_path / "l.txt", None, ".nwb (nwb)"),
        (tmp_path / "none" / "l.csv", None, "no folder"),
    ):
        with pytest.raises(InputError) as caught:
            save_labels(labels, path, kind)
        assert told in str(caught.value)
    (tmp_path / "l.csv").write_text("mine")
    with pytest.raises(InputError, match="there already"):
        save_labels(labels, tmp_path / "l.csv")
    assert (tmp_path / "l.csv").read_text() == "mine"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["i.png", "l.csv"]


def test_bad_points_are_not_written(tmp_path: Path) -> None:
    labels = some(tmp_path)
    labels.points[0, 0, 1, 0] = 3
    with pytest.raises(InputError, match="keypoint b: only one of x and y"):
        save_labels(labels, tmp_path / "l.slp")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["i.png"]


def test_a_failing_writer_leaves_nothing(tmp_path: Path) -> None:
    labels = some(tmp_path)
    (tmp_path / "i.png").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"i\.png: not an image"):
        save_labels(labels, tmp_path / "l.json", "coco")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["i.png"]


def test_a_video_for_labels_of_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    assert "names image files" in refused(coco(tmp_path), video=tmp_path / "a.mp4")
    (tmp_path / "l.csv").write_text("scorer,me,me\nbodyparts,a,a\ncoords,x,y\ni.png,1,2\n")
    assert "names image files" in refused(tmp_path / "l.csv", video=tmp_path / "a.mp4")
