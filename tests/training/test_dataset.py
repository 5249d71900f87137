"""Frames in memory: labels inside their images, sizes and colours as the network sees them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from deeplabcut_files import csv_text, write_csv, write_images
from paths import shared
from posewire_models.errors import InputError
from posewire_training.dataset import check_inside, joined_frames, read_frames, scaled_image
from posewire_training.labels import load_labels


def test_labels_outside_the_image_name_file_image_and_keypoint(tmp_path: Path) -> None:
    write_images(tmp_path, size=(25, 20))
    path = write_csv(tmp_path, csv_text(1))
    with pytest.raises(InputError, match=r"clip\.csv: clip/img1\.png, keypoint tailbase: \(30\.0, 20\.2\) .* 25x20"):
        read_frames(load_labels(path), "clip.csv", 1.0, "bgr")


def test_labels_on_the_very_border_are_inside() -> None:
    corners = np.array([[[-0.5, -0.5], [40, 32], [np.nan, np.nan]]], np.float32)
    check_inside("clip.csv", "img1.png", ("a", "b", "c"), corners, 40, 32)
    with pytest.raises(InputError, match="keypoint a"):
        check_inside("clip.csv", "img1.png", ("a",), np.array([[[-0.6, 3]]], np.float32), 40, 32)


@pytest.mark.parametrize("scale", [0.5, 0.37, 1.6])
def test_points_stay_on_their_spot_when_images_are_resized(tmp_path: Path, scale: float) -> None:
    write_images(tmp_path, size=(200, 160))
    path = write_csv(tmp_path, csv_text(1, points=np.full((3, 2, 2), 77.0) + np.array([0, 25.0])))
    ys, xs = np.mgrid[:160, :200]
    spot = 255 * np.exp(-((xs - 77) ** 2 + (ys - 102) ** 2) / (2 * 6.0**2))
    cv2.imwrite(str(path.parent / "img1.png"), spot.astype(np.uint8))
    frames = read_frames(load_labels(path), "clip.csv", scale, "gray")
    image = frames.images[0][..., 0].astype(float)
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    found = np.array([(columns * image).sum(), (rows * image).sum()]) / image.sum()
    np.testing.assert_allclose(found, frames.points[0, 0, 0], atol=0.15)


def test_channel_orders() -> None:
    image = np.zeros((2, 3, 3), np.uint8)
    image[..., 0] = 200  # blue
    assert scaled_image(image, 1.0, "bgr")[0, 0].tolist() == [200, 0, 0]
    assert scaled_image(image, 1.0, "rgb")[0, 0].tolist() == [0, 0, 200]
    assert scaled_image(image, 1.0, "gray").shape == (2, 3, 1)


def test_real_labels_with_several_sizes_and_empty_cells() -> None:
    folder = shared("dlc-reaching") / "labeled-data" / "reachingvideo1"
    labels = load_labels(folder / "CollectedData_Mackenzie.csv")
    frames = read_frames(labels, "reaching", 0.5, "bgr")
    assert len({image.shape for image in frames.images}) == 2
    assert 0.1 < np.isnan(labels.points).mean() < 0.2
    both = joined_frames([frames, frames.pick([3, 1])])
    assert len(both) == len(frames) + 2
    assert both.names[-1] == frames.names[1]


def test_the_hash_tells_data_apart(tmp_path: Path) -> None:
    write_images(tmp_path)
    path = write_csv(tmp_path, csv_text(1))
    frames = read_frames(load_labels(path), "clip", 1.0, "bgr")
    again = read_frames(load_labels(path), "clip", 1.0, "bgr")
    assert frames.sha256() == again.sha256()
    assert frames.pick([0, 1]).sha256() != frames.sha256()
