"""Labels written as every kind and read again: all real sets, and random labels."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paths import shared
from posewire_training.images import ImageRef
from posewire_training.labels import Labels, load_labels, save_labels
from posewire_training.labels.record import labelled

SETS = {
    "openfield": ("dlc-openfield", "labeled-data/m4s1/CollectedData_Pranav.csv", ""),
    "openfield-h5": ("dlc-openfield", "labeled-data/m4s1/CollectedData_Pranav.h5", ""),
    "reaching": ("dlc-reaching", "labeled-data/reachingvideo1/CollectedData_Mackenzie.csv", ""),
    "mirror": ("mirror-mouse", "CollectedData.csv", ""),
    "fly": ("deepposekit-fly", "labeled-data/fly/CollectedData_annotator.h5", ""),
    "coco-fly": ("deepposekit-fly", "coco-samples/fly/test_fly.json", ""),
    "coco-locust": ("deepposekit-fly", "coco-samples/locust/test_locust.json", ""),
    "coco-zebra": ("deepposekit-fly", "coco-samples/zebra/test_zebra.json", ""),
    "trimouse": ("madlc-trimouse", "labels.csv", ""),
    "flies-clip": ("sleap-flies-clip", "labels/clip_13node.npz", "videos/clip.mp4"),
    "flies-raw": ("sleap-flies-pair", "labels/pair_raw_tracks.npz", "videos/centered_pair_small.mp4"),
    "flies-clean": ("sleap-flies-pair", "labels/pair_clean.npz", "videos/centered_pair_small.mp4"),
    "mice-raw": ("sleap-mice-clip", "labels/mice_raw_tracks.npz", "videos/cohort2.mp4"),
    "mice-proofread": ("sleap-mice-clip", "labels/mice_proofread.npz", "videos/cohort2.mp4"),
    **{
        f"slp-{model}-{kind}.{part}": ("sleap-models", f"{model}/labels_{kind}.{part}.slp", "")
        for model in ("minimal_instance.UNet.bottomup", "minimal_instance.UNet.centroid")
        for kind in ("gt", "pr")
        for part in ("train", "val")
    },
    **{
        f"slp-centered-{kind}.{part}": (
            "sleap-models",
            f"minimal_instance.UNet.centered_instance/labels_{kind}.{part}.slp",
            "",
        )
        for kind in ("gt", "pr")
        for part in ("train", "val")
    },
    "slp-robot-train": ("sleap-models", "minimal_robot.UNet.single_instance/labels_gt.train.slp", ""),
    "slp-robot-val": ("sleap-models", "minimal_robot.UNet.single_instance/labels_gt.val.slp", ""),
    "slp-robot": ("sleap-models", "robot-fixture/small_robot_minimal.slp", ""),
    "slp-instance": ("sleap-models", "robot-fixture/minimal_instance.slp", ""),
}
KINDS = {"sleap": ".slp", "coco": ".json", "label-studio": ".json", "nwb": ".nwb", "deeplabcut": ".csv", "hdf5": ".h5"}
# NWB writes an object for each animal, a few milliseconds each: a part of the large sets is enough.
MOST_FRAMES_NWB = 25


def real(name: str) -> Labels:
    folder, file, video = SETS[name]
    root = shared(folder)
    return load_labels(root / file, video=root / video if video else None, strict=False)


def as_images(labels: Labels, root: Path, size: tuple[int, int] | None) -> Labels:
    """The same labels on image files, where a kind knows no others; drawn empty if ``size`` (width, height) is told."""
    images = []
    for number, image in enumerate(labels.images):
        file = image.path if image.frame is None else root / "labeled-data" / "v" / f"img{number:04d}.png"
        if size and not file.is_file():
            file = root / "labeled-data" / "v" / f"img{number:04d}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(file), np.zeros((size[1], size[0]), np.uint8))
        images.append(ImageRef(file))
    return replace(labels, images=tuple(images))


def again(labels: Labels, kind: str, root: Path) -> tuple[Labels, list[str]]:
    path = root / f"out{KINDS[kind]}"
    remarks = save_labels(labels, path, "deeplabcut" if kind == "hdf5" else kind)
    return load_labels(path, strict=False), remarks


def assert_same(read: Labels, labels: Labels, kind: str, remarks: list[str]) -> None:
    """Equal in everything that ``kind`` holds; what it does not hold was told."""
    told = " ".join(remarks)
    holds = kind not in ("deeplabcut", "hdf5")
    there = labelled(labels.points)
    np.testing.assert_array_equal(read.points, labels.points)
    assert read.points.dtype == np.float32
    assert read.keypoints == labels.keypoints
    assert [image.path.name for image in read.images] == [image.path.name for image in labels.images]
    assert [image.frame for image in read.images] == [image.frame for image in labels.images]
    if holds or labels.individuals or labels.animals == 1:
        assert read.individuals == labels.individuals
    else:
        assert read.individuals == tuple(f"animal{i + 1}" for i in range(labels.animals))
        assert "called animal1" in told
    if holds:
        np.testing.assert_array_equal(read.visible, labels.visible)
        assert set(read.skeleton) == set(labels.skeleton)
    else:
        np.testing.assert_array_equal(read.visible, there)
        assert ("visibility" in told) == bool((there & ~labels.visible).any())
        assert ("no skeleton" in told) == bool(labels.skeleton or labels.symmetric)
    if kind in ("sleap", "coco", "label-studio"):
        assert {frozenset(pair) for pair in read.symmetric} == {frozenset(pair) for pair in labels.symmetric}
        if labels.scores is None:
            assert read.scores is None
        else:
            known = labels.scores[there]
            np.testing.assert_array_equal(
                np.full_like(known, np.nan) if read.scores is None else read.scores[there], known
            )
    else:
        assert read.scores is None
        assert ("scores" in told) == (labels.scores is not None)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", SETS)
def test_every_real_set_survives_every_kind(tmp_path: Path, name: str, kind: str) -> None:
    labels = real(name)
    if kind == "nwb":
        labels = labels.pick(range(min(len(labels), MOST_FRAMES_NWB)))
        kept = [i for i in range(labels.animals) if labelled(labels.points[:, i]).any() or not labels.individuals]
        labels = only(labels, kept)
    if kind == "label-studio":
        # It tells percent of the picture, so pictures must be there: small stand-ins of an odd size.
        labels = as_images(labels.pick(range(min(len(labels), MOST_FRAMES_NWB))), tmp_path, (37, 23))
    elif kind not in ("sleap", "nwb"):
        labels = as_images(labels, tmp_path, None)
    read, remarks = again(labels, kind, tmp_path)
    assert_same(read, labels, kind, remarks)


def only(labels: Labels, places: list[int]) -> Labels:
    """The animals of these places: NWB names nobody who is labelled nowhere."""
    return replace(
        labels,
        points=labels.points[:, places],
        visible=labels.visible[:, places],
        individuals=tuple(labels.individuals[i] for i in places) if labels.individuals else (),
        scores=None if labels.scores is None else labels.scores[:, places],
    )


NAME = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="/:,\"'"), min_size=1, max_size=8)


@st.composite
def random_labels(draw: st.DrawFn) -> Labels:
    """Labels of a few frames, with every kind of gap; each place holds an animal somewhere, from the first on."""
    frames, animals = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    keypoints = tuple(draw(st.lists(NAME, min_size=1, max_size=4, unique=True)))
    shape = (frames, animals, len(keypoints))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale = draw(st.sampled_from([1e-3, 1.0, 500.0, 1e5]))
    points = (rng.normal(size=(*shape, 2)) * scale).astype(np.float32)
    points[rng.random(shape) < draw(st.sampled_from([0.0, 0.3, 0.8]))] = np.nan
    points[0, :, 0] = rng.normal(size=(animals, 2)).astype(np.float32)
    named = draw(st.booleans())
    if not named:
        # Without names animals stand in the order of their frame: no gap before the last.
        order = np.argsort(~labelled(points).any(axis=-1), axis=1, kind="stable")
        points = np.take_along_axis(points, order[:, :, None, None], axis=1)
    visible = labelled(points) & (rng.random(shape) < 0.7)
    scores = None
    if draw(st.booleans()):
        scores = np.where(labelled(points), rng.random(shape), np.nan).astype(np.float32)
        scores[rng.random(shape[:2]) < 0.4] = np.nan
        scores = None if np.isnan(scores).all() else scores
    pairs = [(a, b) for i, a in enumerate(keypoints) for b in keypoints[i + 1 :]]
    skeleton = tuple(pair for pair in pairs if rng.random() < 0.5)
    symmetric = tuple(pairs[:1]) if draw(st.booleans()) else ()
    individuals = tuple(draw(st.lists(NAME, min_size=animals, max_size=animals, unique=True))) if named else ()
    images = tuple(ImageRef(Path("labeled-data") / "v" / f"img{i}.png") for i in range(frames))
    return Labels(images, keypoints, points, visible, individuals, skeleton, symmetric, scores)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(labels=random_labels())
def test_random_labels_survive_every_kind(kind: str, labels: Labels) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        labels = as_images(labels, root, (37, 23))
        read, remarks = again(labels, kind, root)
        assert_same(read, labels, kind, remarks)


@pytest.mark.parametrize("kind", ["sleap", "nwb"])
def test_frames_of_videos_keep_their_video_and_number(tmp_path: Path, kind: str) -> None:
    videos = [tmp_path / "a.mp4", tmp_path / "deep" / "b.avi"]
    videos[1].parent.mkdir()
    for video in videos:
        video.write_bytes(b"x")
    images = (ImageRef(videos[0], 7), ImageRef(videos[1], 0), ImageRef(videos[0], 300), ImageRef(videos[1], 1000))
    points = np.arange(16, dtype=np.float32).reshape(4, 1, 2, 2)
    labels = Labels(images, ("a", "b"), points, labelled(points))
    read, _ = again(labels, kind, tmp_path)
    assert read.images == images


def test_a_moved_folder_finds_its_pictures_again(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "videos").mkdir(parents=True)
    (old / "videos" / "a.mp4").write_bytes(b"x")
    points = np.ones((1, 1, 2, 2), np.float32)
    labels = Labels((ImageRef(old / "videos" / "a.mp4", 3),), ("a", "b"), points, labelled(points))
    for name in ("l.slp", "l.nwb"):
        save_labels(labels, old / name)
    old.rename(new)
    for name in ("l.slp", "l.nwb"):
        assert load_labels(new / name).images == (ImageRef(new / "videos" / "a.mp4", 3),)
