"""`evaluate` of models of several animals: matched, counted, precise; frames of videos."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

import several_model
from posewire.session import load_model
from posewire_bench.accuracy import evaluate, readable
from posewire_bench.measured import compared, false_keypoints, judged_scores
from posewire_bench.predict import predictor
from posewire_models.errors import InputError
from posewire_training.images import ImageRef
from posewire_training.labels import Labels
from posewire_training.labels.record import labelled
from program import posewire

PLACES = [[(40, 50), (60, 150)], [(50, 60), (150, 120)], [(30, 40), (100, 100)], [(90, 90), (20, 180)]]


@pytest.fixture
def herd(tmp_path):
    return several_model.write(tmp_path / "herd.onnx")


def write_video(folder, places, labels):
    """A video of the places, lossless enough, and an array file of the labels."""
    video = folder / "herd.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 30, (320, 240))
    writer.set(cv2.VIDEOWRITER_PROP_QUALITY, 100)
    for animals in places:
        writer.write(several_model.draw(animals))
    writer.release()
    path = folder / "labels.npz"
    np.savez(
        path,
        points=labels,
        frame_index=np.arange(len(places)),
        node_names=np.array(["blue", "green", "red"]),
        edges=np.array([[0, 1], [1, 2]]),
    )
    return path, video


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_animals_are_found_in_full_frame_pixels(tmp_path, scale):
    radius = 4 / scale
    image = np.zeros((240, 320, 3), np.uint8)
    truth = several_model.points([(60, 50), (100, 180)])[0]
    truth[..., 0] = truth[..., 0] * [1, 1.5, 1.7]
    for animal in truth:
        places = dict(zip(("blue", "green", "red"), animal.tolist(), strict=True))
        image = np.maximum(image, several_model.tiny_model.draw(places, radius=radius))
    predict = predictor(load_model(str(several_model.write(tmp_path / "herd.onnx", scale=scale))))
    found = predict(image)
    assert found.shape == (2, 3, 3)
    np.testing.assert_allclose(found[np.argsort(found[:, 0, 1])][..., :2], truth, atol=0.35)


def test_figures_of_several_animals(tmp_path, herd):
    labels = np.concatenate([several_model.points(animals) for animals in PLACES])
    labels[0, 0] += (0.9, 1.2)  # 1.5 px beside: OKS about 0.7, since s^2 is 5 % of 80 * 80
    labels[1, 1] = np.nan  # an animal nobody labelled
    path, video = write_video(tmp_path, PLACES, labels)
    found = evaluate(str(herd), path, video=video)
    assert found["mean_px"] == pytest.approx(1.5 / 7, abs=0.1)
    assert found["recall"] == 1
    assert found["precision"] == pytest.approx(7 / 8)
    assert found["found"] == 1
    assert found["missed"] == 0
    assert found["false"] == 3
    assert found["body_length_px"] == pytest.approx(80)
    assert 0.5 < found["oks_map"] < found["oks_ap50"] < 1
    assert found["calibration"]["scores"] == 24
    assert found["calibration"]["correct"] == 21
    assert "recall 1.000" in readable(found)
    assert evaluate(str(herd), path, video=video, empty="unknown")["calibration"]["scores"] == 21


def test_a_missing_animal_lowers_recall_and_precision_of_oks(tmp_path, herd):
    labels = np.concatenate([several_model.points(animals) for animals in PLACES])
    path, video = write_video(tmp_path, [animals[:1] for animals in PLACES], labels)
    ended = posewire("evaluate", herd, path, "--video", video, "--json")
    assert ended.status == 0, ended.stderr
    found = ended.report
    assert found["recall"] == 0.5
    assert found["precision"] == 1
    assert found["missed"] == 12
    assert found["oks_ap50"] == pytest.approx(51 / 101)  # recalls up to a half are reached, at precision 1
    assert found["pck"]["px"]["5"] == 0.5
    assert found["mean_px"] < 0.5


def test_of_more_animals_than_filmed_the_best_count(tmp_path, herd):
    """Frames show two animals, labels know one: more than one is not looked for, unless it is asked for."""
    labels = np.concatenate([several_model.points(animals[:1]) for animals in PLACES])
    path, video = write_video(tmp_path, PLACES, labels)
    found = evaluate(str(herd), path, video=video)
    assert found["most_animals"] == 1
    assert found["precision"] == found["recall"]
    more = evaluate(str(herd), path, video=video, animals=5)
    assert (more["most_animals"], more["recall"], more["precision"]) == (5, 1, 0.5)


def test_each_picture_stands_for_itself(herd):
    """What the runtime knows of the last picture must not change what is found in the next."""
    predict = predictor(load_model(str(herd)))
    pictures = [several_model.draw(animals) for animals in PLACES]
    alone = [predictor(load_model(str(herd)))(picture) for picture in pictures]
    for picture, expected in zip([*pictures, *pictures[::-1]], [*alone, *alone[::-1]], strict=True):
        np.testing.assert_array_equal(predict(picture), expected)


def test_labels_without_a_find_or_without_an_animal(tmp_path, herd):
    labels = np.full((4, 1, 3, 2), np.nan, np.float32)
    labels[0, 0, 0] = 5
    path, video = write_video(tmp_path, PLACES, labels)
    found = evaluate(str(herd), path, video=video, report=tmp_path / "out.html", show=tmp_path / "out.png")
    assert (found["mean_px"], found["recall"], found["missed"], found["body_length_px"]) == (None, 0, 1, None)
    assert "recall 0.000" in readable(found)
    path, video = write_video(tmp_path, PLACES, labels[:, :0])
    with pytest.raises(InputError, match="holds no animal"):
        evaluate(str(herd), path, video=video)


def random_case(seed):
    rng = np.random.default_rng(seed)
    points = (rng.uniform(0, 400, (3, 2, 1, 2)) + rng.uniform(-30, 30, (3, 2, 4, 2))).astype(np.float32)
    points[rng.random(points.shape[:3]) < 0.2] = np.nan
    found = []
    for n in range(3):
        poses = np.concatenate([points[n] + rng.normal(0, 4, points[n].shape), rng.random((2, 4, 1))], axis=-1)
        poses = np.concatenate([poses, rng.uniform(0, 1, (1, 4, 3)) + np.array([800, 800, 0])])[rng.permutation(3)]
        poses[np.isnan(poses[..., 0]), 2] = 0
        found.append(poses.astype(np.float32))
    images = tuple(ImageRef(several_model.Path(f"{n}.png")) for n in range(3))
    return Labels(images, tuple("abcd"), points, labelled(points)), found


@pytest.mark.parametrize("seed", range(8))
def test_counts_agree_with_a_loop_over_every_found_keypoint(seed):
    labels, found = random_case(seed)
    measured = compared(labels, found, one=False)
    false, right, wrong, unknown = 0, 0, 0, 0
    for n, animals in enumerate(found):
        place = dict(measured.matches[n])
        for a, animal in enumerate(animals):
            for k, (x, y, score) in enumerate(animal.tolist()):
                if math.isnan(x):
                    continue
                u, v = labels.points[n, place[a], k].tolist() if a in place else (math.nan, math.nan)
                if math.isnan(u):
                    unknown += 1
                    false += score >= 0.3
                elif math.hypot(x - u, y - v) <= 5:
                    right += 1
                else:
                    wrong += 1
    assert false_keypoints(measured, 0.3) == false
    absent, known = judged_scores(measured, 5, absent=True), judged_scores(measured, 5, absent=False)
    assert (len(absent.scores), absent.correct.sum()) == (right + wrong + unknown, right)
    assert (len(known.scores), known.correct.sum()) == (right + wrong, right)
    assert len(absent.frames) == len(absent.correct) == len(absent.scores)
    assert len(judged_scores(measured, math.nan, absent=True).scores) == 0


def test_one_animal_is_the_labelled_one_however_far_and_the_nearest_of_several():
    points = np.full((2, 2, 3, 2), np.nan, np.float32)
    points[0, 1] = [[0, 0], [10, 0], [20, 0]]
    points[1, 0] = points[0, 1]
    points[1, 1] = points[0, 1] + 100
    far = np.ones((1, 3, 3), np.float32) * 500
    near = np.concatenate([points[1, 1] + 1, np.ones((3, 1))], axis=-1).astype(np.float32)[None]
    labels = Labels(
        (ImageRef(several_model.Path("0")), ImageRef(several_model.Path("1"))), tuple("abc"), points, labelled(points)
    )
    measured = compared(labels, [far, near], one=True)
    assert measured.matches == (((0, 1),), ((0, 1),))
    assert measured.errors[0, 1].min() > 600
    assert measured.errors[1, 1] == pytest.approx([math.sqrt(2)] * 3)
    assert np.isinf(measured.errors[1, 0]).all()
