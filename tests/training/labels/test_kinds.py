"""Files of other programs: what each kind tells in its own way, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import sleap_io as sio

from paths import shared
from posewire_models.errors import InputError
from posewire_training.images import ImageRef, read_images
from posewire_training.labels import Labels, load_labels, save_labels
from posewire_training.labels.record import labelled

NAN = float("nan")


def refused(path: Path, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        load_labels(path, **options)
    message = str(caught.value)
    assert path.name in message
    assert "\n" not in message
    return message


def video_entry(name: str = "/home/author/clip.mp4") -> sio.Video:
    return sio.Video(filename=name, open_backend=False, backend_metadata={"type": "MediaVideo", "filename": name})


def slp(path: Path, frames: list[sio.LabeledFrame], **parts: Any) -> Path:
    sio.save_slp(sio.Labels(labeled_frames=frames, **parts), str(path), embed=False, verbose=False)
    return path


def test_slp_hidden_keypoints_count_only_if_a_person_placed_them(tmp_path: Path) -> None:
    skeleton = sio.Skeleton(["seen", "placed", "template", "none"])
    table = np.array([[1, 2, 1, 0], [3, 4, 0, 1], [5, 6, 0, 0], [NAN, NAN, 0, 0]])
    frame = sio.LabeledFrame(video=video_entry(), frame_idx=4, instances=[sio.Instance.from_numpy(table, skeleton)])
    labels = load_labels(slp(tmp_path / "a.slp", [frame]), strict=False)
    assert labelled(labels.points)[0, 0].tolist() == [True, True, False, False]
    assert labels.visible[0, 0].tolist() == [True, False, False, False]
    assert labels.images[0].frame == 4


def test_slp_predictions_that_a_person_replaced_are_left_out(tmp_path: Path) -> None:
    skeleton, track, other = sio.Skeleton(["a", "b"]), sio.Track("x"), sio.Track("y")

    def predicted(at: float, track: sio.Track | None) -> sio.PredictedInstance:
        table = np.array([[at, at, 0.5, 1, 0], [at + 1, at, 0.75, 1, 0]])
        return sio.PredictedInstance.from_numpy(table, skeleton=skeleton, track=track, score=0.5)

    same_track, source, kept = predicted(10, track), predicted(20, None), predicted(30, other)
    by_hand = sio.Instance.from_numpy(np.array([[11.0, 11], [12, 11]]), skeleton, track=track)
    corrected = sio.Instance.from_numpy(np.array([[21.0, 21], [22, 21]]), skeleton, from_predicted=source)
    frame = sio.LabeledFrame(video=video_entry(), frame_idx=0, instances=[same_track, source, kept, by_hand, corrected])
    labels = load_labels(slp(tmp_path / "a.slp", [frame]), strict=False)
    assert labels.individuals == ("x", "y", "")
    assert labels.points[0, :, 0, 0].tolist() == [11, 30, 21]
    assert labels.scores is not None
    np.testing.assert_array_equal(labels.scores[0], [[NAN, NAN], [0.5, 0.75], [NAN, NAN]])


def test_slp_a_track_that_stands_twice_in_a_frame_keeps_both(tmp_path: Path) -> None:
    skeleton, track = sio.Skeleton(["a"]), sio.Track("x")
    twice = [sio.Instance.from_numpy(np.array([[v, v]]), skeleton, track=track) for v in (1.0, 5.0)]
    labels = load_labels(slp(tmp_path / "a.slp", [sio.LabeledFrame(video_entry(), 0, twice)]), strict=False)
    assert labels.individuals == ("x", "x")
    assert labels.points[0, :, 0, 0].tolist() == [1, 5]
    save_labels(labels, tmp_path / "b.slp")
    assert load_labels(tmp_path / "b.slp", strict=False).individuals == ("x", "x")
    for name in ("b.csv", "b.nwb"):
        with pytest.raises(InputError, match="'x' twice"):
            save_labels(Labels((ImageRef(tmp_path / "i.png"),), *labels_parts(labels)), tmp_path / name)
        assert not (tmp_path / name).exists()


def labels_parts(labels: Labels) -> tuple[Any, ...]:
    return labels.keypoints, labels.points, labels.visible, labels.individuals


def test_slp_finds_its_video_by_name_and_video_names_it(tmp_path: Path) -> None:
    skeleton = sio.Skeleton(["a", "b"])
    frame = sio.LabeledFrame(
        video_entry("C:\\Users\\me\\clip.mp4"), 2, [sio.Instance.from_numpy(np.ones((2, 2)), skeleton)]
    )
    (tmp_path / "labels").mkdir()
    path = slp(tmp_path / "labels" / "a.slp", [frame])
    assert "clip.mp4 not found" in refused(path)
    (tmp_path / "clip.mp4").write_bytes(b"x")
    assert load_labels(path).images[0].path == tmp_path / "clip.mp4"
    (tmp_path / "other.mp4").write_bytes(b"x")
    assert load_labels(path, video=tmp_path / "other.mp4").images == (ImageRef(tmp_path / "other.mp4", 2),)
    assert "no file" in refused(path, video=tmp_path / "absent.mp4")


def test_a_video_for_labels_of_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"x")
    assert "names image files" in refused(coco(tmp_path), video=tmp_path / "a.mp4")
    (tmp_path / "l.csv").write_text("scorer,me,me\nbodyparts,a,a\ncoords,x,y\ni.png,1,2\n")
    assert "names image files" in refused(tmp_path / "l.csv", video=tmp_path / "a.mp4")


def test_slp_of_several_videos_takes_the_one_of_that_name(tmp_path: Path) -> None:
    skeleton = sio.Skeleton(["a", "b"])
    frames = [
        sio.LabeledFrame(video_entry(f"/far/{name}.mp4"), 1, [sio.Instance.from_numpy(np.ones((2, 2)), skeleton)])
        for name in ("one", "two")
    ]
    path = slp(tmp_path / "a.slp", frames)
    near = tmp_path / "near"
    near.mkdir()
    for name in ("two.mp4", "three.mp4"):
        (near / name).write_bytes(b"x")
    images = load_labels(path, video=near / "two.mp4", strict=False).images
    assert [image.path.is_file() for image in images] == [False, True]
    assert "labels 2 videos" in refused(path, video=near / "three.mp4")


def test_slp_with_animals_of_two_skeletons_is_refused(tmp_path: Path) -> None:
    animals = [
        sio.Instance.from_numpy(np.ones((2, 2)), sio.Skeleton(["a", "b"], name="mouse")),
        sio.Instance.from_numpy(np.ones((1, 2)), sio.Skeleton(["c"], name="fly")),
    ]
    path = slp(tmp_path / "a.slp", [sio.LabeledFrame(video_entry(), 0, animals)])
    assert "several skeletons (mouse, fly)" in refused(path)


def test_pictures_inside_a_sleap_package_are_read(tmp_path: Path) -> None:
    folder = shared("sleap-models") / "robot-fixture"
    source = sio.load_slp(str(folder / "small_robot_minimal.slp"))
    package = tmp_path / "robot.pkg.slp"
    source.save(str(package), embed="user", verbose=False)
    labels = load_labels(package)
    assert [(image.path, image.frame, image.part) for image in labels.images] == [
        (package, 0, "video0/video"),
        (package, 79, "video0/video"),
    ]
    plain = load_labels(folder / "small_robot_minimal.slp")
    for (_, inside), (_, outside) in zip(read_images(labels.images), read_images(plain.images), strict=True):
        np.testing.assert_array_equal(inside, outside)
    save_labels(labels, tmp_path / "again.slp")
    assert load_labels(tmp_path / "again.slp").images == labels.images
    missing = ImageRef(package, 5, "video0/video")
    with pytest.raises(InputError, match="frame 5"):
        list(read_images([missing]))


def coco(root: Path, **changes: Any) -> Path:
    content = {
        "images": [{"id": 7, "file_name": "a.png"}, {"id": 9, "file_name": "b.png"}],
        "annotations": [
            {"image_id": 9, "category_id": 2, "keypoints": [1, 2, 2, 3, 4, 1, 5, 6, 0]},
            {"image_id": 9, "category_id": 1, "bbox": [0, 0, 1, 1]},
        ],
        "categories": [
            {"id": 1, "name": "box"},
            {"id": 2, "name": "mouse", "keypoints": ["x", "y", "z"], "skeleton": [[1, 2], [2, 3]]},
        ],
    }
    path = root / "coco.json"
    path.write_text(json.dumps({**content, **changes}))
    return path


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


def test_nwb_files_of_sleap_io_are_read(tmp_path: Path) -> None:
    folder = shared("sleap-models") / "robot-fixture"
    file = sio.load_slp(str(folder / "small_robot_minimal.slp"))
    sio.save_nwb(file, str(tmp_path / "robot.nwb"))
    labels, plain = load_labels(tmp_path / "robot.nwb"), load_labels(folder / "small_robot_minimal.slp")
    np.testing.assert_array_equal(labels.points, plain.points)
    assert labels.skeleton == plain.skeleton
    assert [image.frame for image in labels.images] == [0, 79]
    assert labels.images[0].path.samefile(folder / "small_robot.mp4")


def test_nwb_names_from_a_table_of_subjects(tmp_path: Path) -> None:
    from sleap_io.io.nwb_annotations import save_labels as save_nwb

    folder = shared("sleap-models") / "robot-fixture"
    file = sio.load_slp(str(folder / "small_robot_minimal.slp"))
    for frame in file:
        frame.instances[0].track = sio.Track("robo") if not file.tracks else file.tracks[0]
        file.update()
    save_nwb(file, str(tmp_path / "robot.nwb"), use_multisubjects=True)
    assert load_labels(tmp_path / "robot.nwb").individuals == ("robo",)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nwb_predictions_of_sleap_io_keep_frames_names_and_scores(tmp_path: Path) -> None:
    skeleton = sio.Skeleton(["a", "b"], name="fly")
    tracks, video = [sio.Track("x"), sio.Track("y")], video_entry("clip.mp4")
    frames = []
    for number in range(4):
        animals = []
        for place, track in enumerate(tracks):
            table = np.array([[number, place, 0.5, 1, 0], [number + 1, place, 0.25, 1, 0]], float)
            animals.append(sio.PredictedInstance.from_numpy(table, skeleton=skeleton, track=track, score=0.5))
        frames.append(sio.LabeledFrame(video, number, animals))
    file = sio.Labels(frames)
    sio.save_nwb(file, str(tmp_path / "p.nwb"))
    labels = load_labels(tmp_path / "p.nwb", strict=False)
    assert labels.individuals == ("x", "y")
    assert [image.frame for image in labels.images] == [0, 1, 2, 3]
    assert labels.points[2, 1].tolist() == [[2, 1], [3, 1]]
    assert labels.scores is not None
    assert labels.scores[2, 1].tolist() == [0.5, 0.25]


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
