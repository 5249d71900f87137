"""From videos to images on the disk: nothing twice, nothing overwritten, nothing half."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from drawn import write_project
from filmed import walk, write_video
from posewire_models.errors import InputError
from posewire_training.frames.select import select_frames
from posewire_training.images import read_image, video_frames

pytest.importorskip("sklearn")


@pytest.fixture
def film(tmp_path: Path) -> Path:
    # Twelve places of which the last is held for long: frames 11 to 40 are the same.
    return write_video(tmp_path / "film.avi", [*walk(12), *[walk(12)[-1]] * 29])


def listing(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("method", ["uniform", "appearance"])
def test_images_are_the_frames_they_are_called_after(film: Path, tmp_path: Path, method: str) -> None:
    made = select_frames([film], count=5, method=method, out=tmp_path / "out", quiet=True)
    assert len(made.frames) == 5
    frames = dict(video_frames(film))
    for one in made.frames:
        assert one.image == tmp_path / "out" / "film" / f"img{one.frame:06d}.png"
        np.testing.assert_array_equal(read_image(one.image), frames[one.frame])
    assert made.sheet == tmp_path / "out" / "contact-sheet-1.jpg"
    assert read_image(made.sheet).shape[1] > 5 * 200
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.avi", "out"]


def test_no_more_than_distinct_frames_are_written_and_none_twice(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = select_frames([film], count=7, out=out, quiet=True)
    before = listing(out)
    second = select_frames([film], count=30, out=out, quiet=True)
    assert len(first.frames) == 7
    assert len(second.frames) == 5  # of twelve places
    assert second.known >= 7
    assert not {one.frame for one in first.frames} & {one.frame for one in second.frames}
    third = select_frames([film], count=30, out=out, quiet=True)
    assert third.frames == ()
    assert third.sheet is None
    assert before.items() <= listing(out).items()


def test_frames_like_labelled_ones_are_refused(film: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    root.mkdir()
    project = write_project(root, images=1, data={"videos": ["../film.avi"]})
    labelled = next(image for _, image in video_frames(film, [4]))
    cv2.imwrite(str(root / "labeled-data" / "clip" / "img0.png"), labelled)
    # Another tool keeps its images elsewhere: what the label file names counts, not the folder.
    made = select_frames([project], count=50, out=tmp_path / "elsewhere", quiet=True)
    assert len(made.frames) == 11
    assert 4 not in {one.frame for one in made.frames}


def test_a_stop_before_the_end_leaves_nothing(film: Path, tmp_path: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        select_frames([film], count=5, out=tmp_path / "out", quiet=True, running=stop)
    assert list(tmp_path.iterdir()) == [film]


def test_wrong_calls_are_refused_before_anything_is_written(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (tmp_path / "other").mkdir()
    twin = write_video(tmp_path / "other" / "film.avi", walk(3))
    (tmp_path / "sheet.jpg").touch()

    def refusal(*places: Path, **options: object) -> str:
        with pytest.raises(InputError) as caught:
            select_frames(places, quiet=True, **{"out": out, **options})
        assert not out.exists()
        return str(caught.value)

    assert "no folder to write to" in refusal(film, out=None)
    assert "rename one of the videos" in refusal(film, twin)
    assert "uniform, appearance, features" in refusal(film, method="random")
    assert "needs --model" in refusal(film, method="features")
    assert "no other method" in refusal(film, model="mouse-topview")
    assert "nothing is overwritten" in refusal(film, sheet=tmp_path / "sheet.jpg")
    assert ".jpg or .png" in refusal(film, sheet=tmp_path / "sheet.gif")
    assert "holds no project.toml" in refusal(tmp_path)
    assert "names no video" in refusal(write_project(tmp_path))


def test_features_of_a_network_choose_too(film: Path, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    made = select_frames([film], count=4, method="features", model="mouse-topview", out=tmp_path / "out", quiet=True)
    assert len(made.frames) == 4
