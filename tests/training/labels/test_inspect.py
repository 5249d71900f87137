"""A label file and its pictures checked, converted and shown, by the functions and by the command."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from paths import shared
from posewire_models.errors import InputError
from posewire_training.images import ImageRef, read_image, video_frames
from posewire_training.labels import Labels, load_labels, save_labels
from posewire_training.labels.convert import convert_labels
from posewire_training.labels.extract import extract_pictures
from posewire_training.labels.inspect import check_file, show_file
from posewire_training.labels.lookup import Lookup
from posewire_training.labels.pictures import look_at
from posewire_training.labels.record import labelled
from program import posewire

SIZE = (60, 40)


def draw(path: Path, seed: int, size: tuple[int, int] = SIZE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), np.uint8))
    return path


def film(path: Path, frames: int = 12) -> Path:
    """A small video whose frames differ."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, SIZE)
    for number in range(frames):
        writer.write(np.full((SIZE[1], SIZE[0], 3), 15 * number + 20, np.uint8))
    writer.release()
    return path


def some(images: list[ImageRef]) -> Labels:
    points = np.random.default_rng(5).uniform(5, 35, (len(images), 1, 3, 2)).astype(np.float32)
    return Labels(tuple(images), ("a", "b", "c"), points, labelled(points))


def kinds(findings: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(found["image"].split("/")[-1], found["kind"]) for found in findings]


def test_every_picture_is_looked_at_whatever_the_others_are(tmp_path: Path) -> None:
    files = [draw(tmp_path / "v" / f"img{i}.{'jpg' if i == 3 else 'png'}", i) for i in range(8)]
    shutil.copy(files[0], files[1])
    files[2].write_bytes(b"no image")
    files[3].write_bytes(files[3].read_bytes()[:-300])
    files[4].unlink()
    cv2.imwrite(str(files[5]), np.full((40, 60, 3), 7, np.uint8))
    files[7].write_bytes(b"")
    labels = some([ImageRef(file) for file in files])
    labels.points[6, 0, 1] = 300, 3
    save_labels(labels, tmp_path / "l.csv")
    found = check_file(tmp_path / "l.csv")["findings"]
    assert kinds(found) == [
        ("img1.png", "same picture"),
        ("img2.png", "broken"),
        ("img3.jpg", "broken"),
        ("img4.png", "missing"),
        ("img5.png", "broken"),
        ("img6.png", "outside"),
        ("img7.png", "broken"),
    ]
    assert "v/img0.png" in found[0]["why"]
    assert found[5]["keypoint"] == "b"
    assert "60x40" in found[5]["why"]


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_pictures_cut_short_anywhere_are_broken(tmp_path: Path, ending: str) -> None:
    whole = draw(tmp_path / f"a.{ending}", 0).read_bytes()
    assert look_at([ImageRef(tmp_path / f"a.{ending}")]).findings == []
    for share in (0.1, 0.5, 0.9, 0.99):
        (tmp_path / f"a.{ending}").write_bytes(whole[: int(share * len(whole))])
        assert [f.kind for f in look_at([ImageRef(tmp_path / f"a.{ending}")]).findings] == ["broken"]


def test_an_image_that_stands_twice_is_told(tmp_path: Path) -> None:
    path = draw(tmp_path / "img.png", 0)
    save_labels(some([ImageRef(path), ImageRef(path)]), tmp_path / "l.csv")
    found = check_file(tmp_path / "l.csv")["findings"]
    assert [(f["kind"], f["why"]) for f in found] == [("same picture", "is labelled more than once in this file")]
    with pytest.raises(InputError, match="more than once"):
        load_labels(tmp_path / "l.csv")


def test_videos_too_short_missing_and_broken_are_told_and_the_rest_is_checked(tmp_path: Path) -> None:
    good, broken = film(tmp_path / "good.avi"), tmp_path / "broken.avi"
    broken.write_bytes(b"RIFF no video")
    images = [ImageRef(good, 2), ImageRef(good, 40), ImageRef(broken, 0), ImageRef(tmp_path / "none.avi", 3)]
    labels = some([*images, ImageRef(good, 5)])
    labels.points[4, 0, 0] = 3, 100
    save_labels(labels, tmp_path / "l.slp")
    found = check_file(tmp_path / "l.slp")["findings"]
    assert kinds(found) == [
        ("good.avi#40", "broken"),
        ("broken.avi#0", "broken"),
        ("none.avi#3", "missing"),
        ("good.avi#5", "outside"),
    ]
    assert "ends after 12 frames" in found[0]["why"]


def test_frames_become_images_once_and_are_never_overwritten(tmp_path: Path) -> None:
    video = film(tmp_path / "clip.avi")
    images = [ImageRef(video, 3), ImageRef(draw(tmp_path / "own.png", 1)), ImageRef(video, 10)]
    found, written = extract_pictures(images, tmp_path / "out")
    folder = tmp_path / "out" / "labeled-data" / "clip"
    assert [image.path for image in found] == [folder / "img000003.png", tmp_path / "own.png", folder / "img000010.png"]
    assert written == [folder / "img000003.png", folder / "img000010.png"]
    for (_, frame), path in zip(video_frames(video, [3, 10]), written, strict=True):
        np.testing.assert_array_equal(read_image(path), frame)
    again, new = extract_pictures(images, tmp_path / "out")
    assert (again, new) == (found, [])
    draw(folder / "img000010.png", 9)
    with pytest.raises(InputError, match=r"img000010\.png: is there and is not"):
        extract_pictures([ImageRef(video, 4), *images], tmp_path / "out")
    assert sorted(path.name for path in folder.iterdir()) == ["img000003.png", "img000010.png"]


def test_a_frame_that_cannot_be_read_leaves_nothing(tmp_path: Path) -> None:
    video = film(tmp_path / "clip.avi")
    with pytest.raises(InputError, match="ends after 12 frames"):
        extract_pictures([ImageRef(video, 3), ImageRef(video, 30)], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.avi"]


def test_videos_of_one_name_go_to_different_folders(tmp_path: Path) -> None:
    images = []
    for camera in ("cam1", "cam2"):
        (tmp_path / camera).mkdir()
        images.append(ImageRef(film(tmp_path / camera / "clip.avi"), 1))
    found, _ = extract_pictures(images, tmp_path)
    assert [image.path.parent.name for image in found] == ["cam1-clip", "cam2-clip"]


@pytest.mark.parametrize(
    ("out", "kind"), [("o.csv", None), ("o.h5", None), ("o.json", "coco"), ("o.json", "label-studio")]
)
def test_convert_makes_images_where_a_kind_knows_no_video(tmp_path: Path, out: str, kind: str | None) -> None:
    labels = some([ImageRef(film(tmp_path / "clip.avi"), number) for number in (1, 7)])
    save_labels(labels, tmp_path / "l.slp")
    _, remarks = convert_labels(tmp_path / "l.slp", tmp_path / out, kind=kind)
    assert "(2 new files)" in remarks[0]
    read = load_labels(tmp_path / out)
    np.testing.assert_array_equal(read.points, labels.points)
    assert [image.path.name for image in read.images] == ["img000001.png", "img000007.png"]


def test_a_conversion_that_fails_leaves_nothing(tmp_path: Path) -> None:
    labels = some([ImageRef(film(tmp_path / "clip.avi"), 1)])
    labels = replace(
        labels,
        points=labels.points.repeat(2, axis=1),
        visible=labels.visible.repeat(2, axis=1),
        individuals=("ann", "ann"),
    )
    save_labels(labels, tmp_path / "l.slp")
    with pytest.raises(InputError, match="'ann' twice"):
        convert_labels(tmp_path / "l.slp", tmp_path / "o.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.avi", "l.slp"]


def test_lookup_names_files_so_that_they_are_found_again(tmp_path: Path) -> None:
    places = ["labeled-data/v/a.png", "x/labels/a.png", "x/a.png", "a.png", "y/z/a.png"]
    for place in places:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).write_bytes(b"x")
    lookup = Lookup(tmp_path / "x" / "labels" / "l.csv")
    told = [lookup.told(tmp_path / place) for place in places]
    assert told == ["labeled-data/v/a.png", "a.png", "../a.png", "../../a.png", "../../y/z/a.png"]
    assert [lookup.find(text) for text in told] == [tmp_path / place for place in places]


def test_lookup_drops_folders_only_as_far_as_it_may(tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    (tmp_path / "v" / "a.png").write_bytes(b"x")
    lookup = Lookup(tmp_path / "l.csv")
    assert lookup.find("C:\\me\\v\\a.png", least=2) == tmp_path / "v" / "a.png"
    assert lookup.find("/me/w/a.png", least=2) is None
    assert lookup.find("/me/v/a.png") is None
    assert lookup.find("/me/w/v", least=1) is None


def test_show_counts_what_is_held() -> None:
    held = show_file(shared("madlc-trimouse") / "labels.csv")
    assert (held["frames"], held["empty_frames"], held["most_animals_in_a_frame"]) == (380, 6, 3)
    assert held["individuals"] == ["mus1", "mus2", "mus3"]
    assert held["missing_pictures"] == 380
    labels = load_labels(shared("madlc-trimouse") / "labels.csv", strict=False)
    assert held["keypoints"]["snout"] == {"labelled": int(labels.visible[..., 0].sum()), "hidden": 0}


def test_the_command_checks_converts_and_shows(tmp_path: Path) -> None:
    path = shared("dlc-reaching") / "labeled-data" / "reachingvideo1" / "CollectedData_Mackenzie.csv"
    good = posewire("labels", "check", path)
    assert (good.status, good.stderr) == (0, "")
    assert good.stdout.endswith("41 frames, 41 animals: nothing wrong\n")
    out = tmp_path / "reaching.slp"
    converted = posewire("labels", "convert", path, out, "--json")
    assert (converted.status, converted.report["frames"]) == (0, 41)
    np.testing.assert_array_equal(load_labels(out).points, load_labels(path).points)
    again = posewire("labels", "convert", path, out)
    assert (again.status, again.stdout) == (2, "")
    assert "is there already" in again.stderr
    shown = posewire("labels", "show", out)
    assert shown.status == 0
    assert "Tongue" in shown.stdout


def test_the_command_tells_every_finding_and_ends_with_2(tmp_path: Path) -> None:
    labels = some([ImageRef(draw(tmp_path / f"img{i}.png", i)) for i in range(3)])
    save_labels(labels, tmp_path / "l.csv")
    text = (tmp_path / "l.csv").read_text().splitlines()
    cells = text[4].split(",")
    text[4] = ",".join([cells[0], "", *cells[2:]])
    (tmp_path / "l.csv").write_text("\n".join(text))
    (tmp_path / "img2.png").unlink()
    ended = posewire("labels", "check", tmp_path / "l.csv")
    assert ended.status == 2
    lines = ended.stdout.splitlines()
    assert "img1.png, keypoint a: number: only y is given" in lines[0]
    assert "img2.png: missing:" in lines[1]
    assert lines[2].endswith("3 frames, 3 animals: 2 findings")
    report = posewire("labels", "check", tmp_path / "l.csv", "--json").report
    assert [found["kind"] for found in report["findings"]] == ["number", "missing"]
    assert set(report["findings"][0]) == {"file", "image", "animal", "keypoint", "kind", "why"}
    broken = posewire("labels", "check", tmp_path / "img1.png")
    assert (broken.status, broken.stdout) == (2, "")
    assert len(broken.stderr.splitlines()) == 1
