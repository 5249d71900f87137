"""DeepLabCut label files in all their forms, and the refusals a user can mend."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest

from deeplabcut_files import FILES, NAMES, POINTS, csv_text, write_csv, write_images
from paths import shared
from posewire_models.errors import InputError
from posewire_training.labels import load_labels, save_labels
from posewire_training.labels.record import labelled


def table(columns: int) -> pandas.DataFrame:
    """The same labels as pandas holds them."""
    header = pandas.MultiIndex.from_product([["me"], NAMES, ["x", "y"]], names=["scorer", "bodyparts", "coords"])
    index: pandas.Index = pandas.Index([f"labeled-data/clip/{file}" for file in FILES])
    if columns == 3:
        index = pandas.MultiIndex.from_tuples([("labeled-data", "clip", file) for file in FILES])
    return pandas.DataFrame(POINTS.reshape(3, 4).astype(float), index=index, columns=header)


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
    assert [image.path.name for image in labels.images] == list(FILES)
    assert all(image.path.is_file() for image in labels.images)
    assert labels.points.dtype == np.float32
    np.testing.assert_array_equal(labels.points, POINTS[:, None])


def test_images_are_found_in_any_folder_above_the_label_file(tmp_path: Path) -> None:
    write_images(tmp_path)
    path = tmp_path / "labeled-data" / "clip" / "deeper" / "still" / "labels.csv"
    path.parent.mkdir(parents=True)
    path.write_text(csv_text(1))
    assert load_labels(path).images[0].path.samefile(tmp_path / "labeled-data" / "clip" / "img1.png")


def test_paths_written_on_windows_are_read(tmp_path: Path) -> None:
    write_images(tmp_path)
    path = write_csv(tmp_path, csv_text(1).replace("labeled-data/clip/", "labeled-data\\clip\\"))
    assert load_labels(path).images[2].path.name == "img10.png"


def test_chosen_keypoints_come_in_the_order_asked_for(tmp_path: Path) -> None:
    write_images(tmp_path)
    labels = load_labels(write_csv(tmp_path, csv_text(1)), ["tailbase", "snout"])
    assert labels.keypoints == ("tailbase", "snout")
    np.testing.assert_array_equal(labels.points, POINTS[:, None, ::-1])


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
        ("30.0", "inf", "img1.png, keypoint tailbase: (inf, 20.25) is no pixel coordinate"),
        ("30.0", "", "img1.png, keypoint tailbase: only one of x and y"),
        ("30.0,", "", "3 values; expected 4"),
        ("img2.png", "img1.png", "more than once"),
        ("bodyparts", "bodyparts_", "header rows"),
        ("coords,x,y", "coords,x,likelihood", "columns x, y"),
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
        "import sys; from pathlib import Path; from posewire_training.labels import load_labels; "
        "load_labels(Path(sys.argv[1])); "
        "assert not {'tensorflow', 'keras', 'pandas', 'sleap_io', 'h5py', 'pynwb'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)


def test_several_individuals_stand_at_the_place_of_their_name(tmp_path: Path) -> None:
    write_images(tmp_path)
    lines = ["scorer" + ",me" * 8, "individuals" + ",a" * 4 + ",b" * 4]
    lines += ["bodyparts" + ",snout,snout,tail,tail" * 2, "coords" + ",x,y" * 4]
    lines += ["labeled-data/clip/img1.png,,,,,1,2,3,4", "labeled-data/clip/img2.png,5,6,7,8,,,,"]
    labels = load_labels(write_csv(tmp_path, "\n".join(lines)))
    assert labels.individuals == ("a", "b")
    assert labels.points[0, 1].tolist() == [[1, 2], [3, 4]]
    assert labels.points[1, 0].tolist() == [[5, 6], [7, 8]]
    assert labelled(labels.points).any(axis=-1).tolist() == [[False, True], [True, False]]


def test_what_is_wrong_is_kept_when_reading_is_not_strict(tmp_path: Path) -> None:
    text = csv_text(1).replace("30.0", "", 1).replace("img10.png", "img1.png")
    labels = load_labels(write_csv_without_images(tmp_path, text), strict=False)
    assert [image.path.name for image in labels.images] == ["img1.png", "img2.png", "img1.png"]
    assert np.isnan(labels.points[0, 0, 1]).tolist() == [True, False]
    assert not labels.visible[0, 0, 1]


def write_csv_without_images(root: Path, text: str) -> Path:
    (root / "labeled-data" / "clip").mkdir(parents=True)
    return write_csv(root, text)


@pytest.mark.parametrize("ending", [".csv", ".h5"])
def test_a_written_file_names_images_as_deeplabcut_does(tmp_path: Path, ending: str) -> None:
    write_images(tmp_path)
    labels = load_labels(write_csv(tmp_path, csv_text(3)))
    out = tmp_path / "labeled-data" / "clip" / f"CollectedData_you{ending}"
    assert save_labels(labels, out) == []
    table = pandas.read_csv(out, header=[0, 1, 2], index_col=0) if ending == ".csv" else pandas.read_hdf(out)
    assert table.index[0] == "labeled-data/clip/img1.png"
    assert table.columns[0][0] == "you"
    assert load_labels(out).images == labels.images


def test_the_two_files_of_a_real_set_are_the_same() -> None:
    folder = shared("dlc-reaching") / "labeled-data" / "reachingvideo1"
    labels = load_labels(folder / "CollectedData_Mackenzie.csv")
    stored = load_labels(folder / "CollectedData_Mackenzie.h5")
    np.testing.assert_allclose(stored.points, labels.points, atol=1e-3)
