"""Folders of images."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paths import shared
from posewire.frame import Frame
from posewire.sources.images import ImageFolder, natural_order
from posewire_models.errors import InputError


def save(path: Path, value: int = 0, size: tuple[int, int] = (16, 12), dtype: type = np.uint8) -> None:
    assert cv2.imwrite(str(path), np.full((size[1], size[0], 3), value, dtype))


def read_all(source: ImageFolder) -> list[Frame]:
    frames = []
    while (frame := source.read()) is not None:
        frames.append(frame)
    return frames


def test_images_come_in_natural_order(tmp_path: Path) -> None:
    for number in (10, 9, 100, 1):
        save(tmp_path / f"img{number}.png", number)
    source = ImageFolder(tmp_path)
    info = source.open()
    assert (info.width, info.height, info.fps, info.live, info.frames) == (16, 12, 30.0, False, 4)
    assert [(frame.number, int(frame.image[0, 0, 0])) for frame in read_all(source)] == [
        (0, 1),
        (1, 9),
        (2, 10),
        (3, 100),
    ]
    assert source.remarks() == []


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 2000)), unique=True))
def test_natural_order_compares_digits_as_numbers(parts: list[tuple[str, int]]) -> None:
    paths = [Path(f"{letter}{number}_x.png") for letter, number in parts]
    assert natural_order(paths) == [Path(f"{letter}{number}_x.png") for letter, number in sorted(parts)]


@given(st.lists(st.text("aB01.-_", min_size=1).filter(lambda name: name.strip(".")), unique=True))
def test_natural_order_takes_any_names_in_any_order(names: list[str]) -> None:
    paths = [Path(f"x{name}") for name in names]
    assert natural_order(paths) == natural_order(reversed(paths))


def test_other_files_and_hidden_ones_are_ignored(tmp_path: Path) -> None:
    save(tmp_path / "b.JPG", 50)
    save(tmp_path / "a.tiff", 60)
    save(tmp_path / "c.bmp", 70)
    save(tmp_path / "d.webp", 80)
    (tmp_path / "labels.csv").write_text("x")
    (tmp_path / "._b.JPG").write_bytes(b"\0")
    (tmp_path / "sub.png").mkdir()
    source = ImageFolder(tmp_path)
    assert source.open().frames == 4
    assert [round(float(frame.image.mean()), -1) for frame in read_all(source)] == [60, 50, 70, 80]
    assert source.remarks() == []


def test_sizes_may_differ(tmp_path: Path) -> None:
    save(tmp_path / "a.png", size=(20, 10))
    save(tmp_path / "b.png", size=(30, 40))
    source = ImageFolder(tmp_path)
    info = source.open()
    assert (info.width, info.height) == (20, 10)
    assert [frame.image.shape for frame in read_all(source)] == [(10, 20, 3), (40, 30, 3)]


def test_gray_and_transparent_images_become_three_channels(tmp_path: Path) -> None:
    gray = np.arange(12 * 16, dtype=np.uint8).reshape(12, 16)
    cv2.imwrite(str(tmp_path / "a.png"), gray)
    cv2.imwrite(str(tmp_path / "b.png"), np.dstack([gray, gray + 1, gray + 2, gray]))
    source = ImageFolder(tmp_path)
    source.open()
    first, second = (frame.image for frame in read_all(source))
    assert np.array_equal(first, np.dstack([gray] * 3))
    assert np.array_equal(second, np.dstack([gray, gray + 1, gray + 2]))


def test_16_bit_images_are_scaled_and_said_to_be(tmp_path: Path) -> None:
    deep = (np.arange(12 * 16, dtype=np.uint16) * 300).reshape(12, 16)
    cv2.imwrite(str(tmp_path / "deep.png"), deep)
    source = ImageFolder(tmp_path)
    source.open()
    (frame,) = read_all(source)
    assert frame.image.dtype == np.uint8
    assert np.abs(frame.image[..., 1] - deep * (255 / 65535)).max() <= 0.5
    (remark,) = source.remarks()
    assert "1 image(s) have 16 bits" in remark
    assert "deep.png" in remark


def test_unreadable_images_leave_a_hole_and_are_named(tmp_path: Path) -> None:
    for number in range(6):
        save(tmp_path / f"{number}.png", number)
    (tmp_path / "0.png").write_bytes(b"")
    (tmp_path / "3.png").write_text("no image")
    source = ImageFolder(tmp_path)
    assert source.open().frames == 6
    assert [(frame.number, int(frame.image[0, 0, 0])) for frame in read_all(source)] == [(1, 1), (2, 2), (4, 4), (5, 5)]
    (remark,) = source.remarks()
    assert "2 image(s) could not be read" in remark
    assert "0.png, 3.png" in remark


def test_images_of_floating_point_count_as_unreadable(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "depth.tif"), np.ones((12, 16), np.float32))
    save(tmp_path / "good.png")
    source = ImageFolder(tmp_path)
    source.open()
    assert [frame.number for frame in read_all(source)] == [1]
    assert "depth.tif" in source.remarks()[0]


def test_further_pages_of_a_tiff_are_not_lost_in_silence(tmp_path: Path) -> None:
    pages = [np.full((12, 16, 3), value, np.uint8) for value in (10, 20)]
    cv2.imwritemulti(str(tmp_path / "stack.tif"), pages)
    source = ImageFolder(tmp_path)
    source.open()
    (frame,) = read_all(source)
    assert int(frame.image[0, 0, 0]) == 10
    assert "stack.tif" in source.remarks()[0]
    assert "several pages" in source.remarks()[0]


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(InputError, match="holds no images"):
        ImageFolder(tmp_path).open()


def test_a_folder_with_unreadable_images_only_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    (tmp_path / "b.png").touch()
    with pytest.raises(InputError, match="none of its 2 images"):
        ImageFolder(tmp_path).open()


def test_a_missing_folder_and_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        ImageFolder(tmp_path / "absent").open()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is not a folder"):
        ImageFolder(tmp_path / "file").open()


def test_nothing_comes_after_the_close(tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    source = ImageFolder(tmp_path)
    source.open()
    source.close()
    assert source.read() is None


def test_a_labelled_folder_of_two_sizes_is_read_whole() -> None:
    source = ImageFolder(shared("dlc-reaching") / "labeled-data" / "reachingvideo1")
    info = source.open()
    shapes = {frame.image.shape for frame in read_all(source)}
    assert info.frames == 41
    assert shapes == {(747, 832, 3), (470, 640, 3)}
    assert source.remarks() == []
