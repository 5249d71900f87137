"""DeepLabCut label files in all their forms, and the refusals a user can mend."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas
import pytest

from paths import shared
from posewire_models.errors import InputError
from posewire_training.dataset import check_inside, joined_frames, load_labels, read_frames, scaled_image

NAMES = ("snout", "tailbase")
POINTS = np.array([[[1.5, 2], [30, 20.25]], [[np.nan, np.nan], [4, 5]], [[7, 8], [9, 10]]], np.float32)
FILES = ("img1.png", "img2.png", "img10.png")


def write_images(root: Path, size: tuple[int, int] = (40, 32)) -> None:
    folder = root / "labeled-data" / "clip"
    folder.mkdir(parents=True)
    for number, file in enumerate(FILES):
        image = np.full((size[1], size[0], 3), 10 * number, np.uint8)
        cv2.imwrite(str(folder / file), image)


def csv_text(columns: int, names: tuple[str, ...] = NAMES, points: np.ndarray = POINTS) -> str:
    """A label file whose image column takes 1 or 3 columns."""
    blank = "," * (columns - 1)
    lines = [
        f"scorer{blank}," + ",".join("me" for _ in names for _ in "xy"),
        f"bodyparts{blank}," + ",".join(name for name in names for _ in "xy"),
        f"coords{blank}," + ",".join("x,y" for _ in names),
    ]
    for file, row in zip(FILES, points, strict=True):
        image = ("/" if columns == 1 else ",").join(("labeled-data", "clip", file))
        lines.append(f"{image}," + ",".join("" if np.isnan(v) else repr(float(v)) for v in row.ravel()))
    return "\n".join(lines) + "\n"


def table(columns: int) -> pandas.DataFrame:
    """The same labels as pandas holds them."""
    header = pandas.MultiIndex.from_product([["me"], NAMES, ["x", "y"]], names=["scorer", "bodyparts", "coords"])
    index: pandas.Index = pandas.Index([f"labeled-data/clip/{file}" for file in FILES])
    if columns == 3:
        index = pandas.MultiIndex.from_tuples([("labeled-data", "clip", file) for file in FILES])
    return pandas.DataFrame(POINTS.reshape(3, 4).astype(float), index=index, columns=header)


def write_csv(root: Path, text: str) -> Path:
    path = root / "labeled-data" / "clip" / "CollectedData_me.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("kind", ["csv", "h5"])
def test_every_form_of_label_file_reads_the_same(tmp_path: Path, kind: str, columns: int) -> None:
    write_images(tmp_path)
    path = write_csv(tmp_path, csv_text(columns))
    if kind == "h5":
        path = path.with_suffix(".h5")
        table(columns).to_hdf(path, key="df_with_missing", mode="w")
    labels = load_labels(path)
    assert labels.keypoints == NAMES
    assert [image.name for image in labels.images] == list(FILES)
    assert all(image.is_file() for image in labels.images)
    assert labels.points.dtype == np.float32
    np.testing.assert_array_equal(labels.points, POINTS)


def test_images_are_found_in_any_folder_above_the_label_file(tmp_path: Path) -> None:
    write_images(tmp_path)
    path = tmp_path / "labeled-data" / "clip" / "deeper" / "still" / "labels.csv"
    path.parent.mkdir(parents=True)
    path.write_text(csv_text(1))
    assert load_labels(path).images[0].samefile(tmp_path / "labeled-data" / "clip" / "img1.png")


def test_paths_written_on_windows_are_read(tmp_path: Path) -> None:
    write_images(tmp_path)
    path = write_csv(tmp_path, csv_text(1).replace("labeled-data/clip/", "labeled-data\\clip\\"))
    assert load_labels(path).images[2].name == "img10.png"


def test_chosen_keypoints_come_in_the_order_asked_for(tmp_path: Path) -> None:
    write_images(tmp_path)
    labels = load_labels(write_csv(tmp_path, csv_text(1)), ["tailbase", "snout"])
    assert labels.keypoints == ("tailbase", "snout")
    np.testing.assert_array_equal(labels.points, POINTS[:, ::-1])


def refused(path: Path, keypoints: list[str] | None = None) -> str:
    with pytest.raises(InputError) as caught:
        load_labels(path, keypoints)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    return message


def test_an_unknown_keypoint_is_refused_with_the_nearest(tmp_path: Path) -> None:
    write_images(tmp_path)
    message = refused(write_csv(tmp_path, csv_text(1)), ["snuot"])
    assert "'snuot'" in message
    assert "did you mean 'snout'?" in message


def test_a_missing_image_is_named(tmp_path: Path) -> None:
    write_images(tmp_path)
    path = write_csv(tmp_path, csv_text(1))
    (path.parent / "img2.png").unlink()
    assert "labeled-data/clip/img2.png" in refused(path)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("30.0", "thirty", "img1.png, keypoint tailbase: 'thirty'"),
        ("30.0", "inf", "img1.png, keypoint tailbase: 'inf'"),
        ("30.0", "", "img1.png, keypoint tailbase: only one of x and y"),
        ("30.0,", "", "3 values; expected 4"),
        ("img2.png", "img1.png", "more than once"),
        ("bodyparts", "bodyparts_", "header rows"),
        ("coords,x,y", "coords,x,likelihood", "columns x, y"),
        ("bodyparts", "individuals,a,a,a,a\nbodyparts", "several individuals"),
    ],
)
def test_a_broken_csv_is_refused_with_the_place(tmp_path: Path, old: str, new: str, told: str) -> None:
    write_images(tmp_path)
    text = csv_text(1)
    assert old in text
    assert told in refused(write_csv(tmp_path, text.replace(old, new, 1)))


def test_files_that_are_no_labels_are_refused(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "absent.csv")
    for name, content in (
        ("labels.txt", b"x"),
        ("labels.h5", b"not hdf5"),
        ("labels.csv", b"\xff\xfe\x00x"),
        ("e.csv", b""),
    ):
        (tmp_path / name).write_bytes(content)
        refused(tmp_path / name)
    write_images(tmp_path)
    assert "no labelled image" in refused(write_csv(tmp_path, "\n".join(csv_text(1).splitlines()[:3])))


def test_reading_csv_loads_neither_tensorflow_nor_pandas(tmp_path: Path) -> None:
    write_images(tmp_path)
    path = write_csv(tmp_path, csv_text(1))
    code = (
        "import sys; from pathlib import Path; from posewire_training.dataset import load_labels; "
        "load_labels(Path(sys.argv[1])); assert not {'tensorflow', 'keras', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)


def test_labels_outside_the_image_name_file_image_and_keypoint(tmp_path: Path) -> None:
    write_images(tmp_path, size=(25, 20))
    path = write_csv(tmp_path, csv_text(1))
    with pytest.raises(InputError, match=r"clip\.csv: img1\.png, keypoint tailbase: \(30\.0, 20\.2\) .* 25x20"):
        read_frames(load_labels(path), "clip.csv", 1.0, "bgr")


def test_labels_on_the_very_border_are_inside() -> None:
    corners = np.array([[-0.5, -0.5], [40, 32], [np.nan, np.nan]], np.float32)
    check_inside("clip.csv", "img1.png", ("a", "b", "c"), corners, 40, 32)
    with pytest.raises(InputError, match="keypoint a"):
        check_inside("clip.csv", "img1.png", ("a",), np.array([[-0.6, 3]], np.float32), 40, 32)


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
    np.testing.assert_allclose(found, frames.points[0, 0], atol=0.15)


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
    stored = load_labels(folder / "CollectedData_Mackenzie.h5")
    np.testing.assert_allclose(stored.points, labels.points, atol=1e-3)
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
